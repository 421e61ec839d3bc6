/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/args/directory.h"
#include "core/base/fs.h"

struct seen_file {
	struct map_node node; /* struct files.seen */
	char *identity;
};

static void file_document_free(struct file_document *document)
{
	free(document->path);
	document_free(document->document);
	free(document);
}

void files_fini(struct files *files)
{
	struct seen_file *seen;

	for (size_t i = 0; i < files->n; i++)
		file_document_free(files->documents[i]);
	free(files->documents);
	map_for_each(seen, &files->seen, node) {
		map_remove(&files->seen, &seen->node);
		free(seen->identity);
		free(seen);
	}
	strv_fini(&files->errors);
	*files = (struct files){ 0 };
}

static void add_error(struct files *files, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add_error(struct files *files, const char *fmt, ...)
{
	char line[ERROR_MSG_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	strv_add(&files->errors, line);
}

/* ---- documents ---- */

static void add_document(struct files *files, const char *path, struct document *document)
{
	struct file_document *entry = xnew(struct file_document), *before;

	entry->path = xstrdup(path);
	entry->document = document;
	list_remove(&document->link);
	if (map_insert(&files->by_key, &entry->node, document->key)) {
		files->documents =
			xrealloc(files->documents, (files->n + 1) * sizeof(*files->documents));
		files->documents[files->n++] = entry;
		return;
	}
	before = container_of(map_find(&files->by_key, document->key), struct file_document, node);
	add_error(files, "%s: %s \"%s\" is in %s already; keep one of them", path,
		  kind_name(document->kind), document->key, before->path);
	file_document_free(entry);
}

static void parse(struct files *files, const char *path, const struct buf *content)
{
	AUTO(manifest_fini) struct manifest manifest = { 0 };
	struct document *document;

	manifest_parse_dump(path, content->len ? content->data : "", content->len, &manifest);
	for (size_t i = 0; i < manifest.errors.n; i++)
		strv_add(&files->errors, manifest.errors.items[i]);
	list_for_each(document, &manifest.documents, link)
		add_document(files, path, document);
}

/* ---- files ---- */

/* A file that two names lead to, as a link and its target below one directory, counts once. */
static bool first_time(struct files *files, const struct stat *st)
{
	struct seen_file *seen = xnew(struct seen_file);

	seen->identity = xasprintf("%llx:%llx", (unsigned long long)st->st_dev,
				   (unsigned long long)st->st_ino);
	if (map_insert(&files->seen, &seen->node, seen->identity))
		return true;
	free(seen->identity);
	free(seen);
	return false;
}

static void load_fd(struct files *files, const char *path, int fd)
{
	AUTO_BUF struct buf content = { 0 };
	struct stat st;
	int r;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !first_time(files, &st))
		return;
	r = fs_read_rest(fd, MANIFEST_DUMP_MAX_BYTES, &content);
	if (r < 0 && r != -EFBIG) /* the parser says so */
		add_error(files, "cannot read %s: %s", path, strerror(-r));
	else
		parse(files, path, &content);
}

static void load_file(struct files *files, const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		add_error(files, "cannot open %s: %s", path, strerror(errno));
	else
		load_fd(files, path, fd);
}

/* ---- directories ---- */

static void on_file(void *ctx, const char *path)
{
	load_file(ctx, path);
}

static void on_error(void *ctx, const char *text)
{
	add_error(ctx, "%s", text);
}

static void load_directory(struct files *files, const char *path)
{
	directory_walk(path, &(struct directory_listener){ files, on_file, on_error });
}

/* Realms first, containers last; what is of one kind stays in its order. */
static void order_by_kind(struct files *files)
{
	struct file_document **ordered = xcalloc(files->n + 1, sizeof(*ordered));
	size_t n = 0;

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		for (size_t i = 0; i < files->n; i++) {
			if ((int)files->documents[i]->document->kind == kind)
				ordered[n++] = files->documents[i];
		}
	}
	free(files->documents);
	files->documents = ordered;
}

void files_load(const struct strv *paths, struct files *files)
{
	struct stat st;

	for (size_t i = 0; i < paths->n; i++) {
		const char *path = paths->items[i];

		if (str_equal(path, "-"))
			load_fd(files, "standard input", STDIN_FILENO);
		else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			load_directory(files, path);
		else
			load_file(files, path);
	}
	order_by_kind(files);
}
