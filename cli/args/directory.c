/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/manifest/file_name.h"
#include "core/manifest/ignore.h"

enum { FILES_MAX = 10000 };

struct walk {
	const struct directory_listener *listener;
	const char *path;
	char *real_path;
	FTS *fts;
	size_t n_files, n_errors;
	uint64_t steps; /* of ignore_judge() */
};

static void complain(struct walk *walk, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void complain(struct walk *walk, const char *fmt, ...)
{
	char line[ERROR_MSG_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	str_vprint(line, sizeof(line), fmt, args);
	va_end(args);
	walk->n_errors++;
	walk->listener->on_error(walk->listener->ctx, line);
}

/* ---- links ---- */

/* The real path of @path; NULL when it is elsewhere (*ret_code 0) or not there (-errno). */
static char *path_inside(const struct walk *walk, const char *path, int *ret_code)
{
	AUTO_FREE char *real = realpath(path, NULL);
	size_t len = strlen(walk->real_path);

	*ret_code = real ? 0 : -errno;
	if (!real || !str_starts_with(real, walk->real_path) ||
	    (real[len] && real[len] != '/' && walk->real_path[len - 1] != '/'))
		return NULL;
	return take_ptr(real);
}

static void visit_link(struct walk *walk, FTSENT *entry)
{
	int code;
	AUTO_FREE char *real = path_inside(walk, entry->fts_accpath, &code);
	bool is_manifest = file_name_is_manifest(entry->fts_name);
	struct stat st;

	if (real) {
		fts_set(walk->fts, entry, FTS_FOLLOW);
		return;
	}
	if (code == 0 &&
	    (is_manifest || (stat(entry->fts_accpath, &st) == 0 && S_ISDIR(st.st_mode))))
		complain(walk, "%s leads out of %s: name what it leads to with a -f of its own",
			 entry->fts_path, walk->path);
	else if (code == -ENOENT && is_manifest)
		complain(walk, "%s leads nowhere: the target of the symbolic link does not exist",
			 entry->fts_path);
	else if (code < 0 && is_manifest)
		complain(walk, "cannot follow %s: %s", entry->fts_path, strerror(-code));
}

/* ---- .kukeonignore ---- */

static int read_ignore_file(const char *path, struct buf *content, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "cannot read %s: %m", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s is not a regular file", path);
	r = fs_read_rest(fd, IGNORE_FILE_MAX_BYTES, content);
	if (r < 0 && r != -EFBIG) /* who parses it says so */
		return error_set(err, r, "cannot read %s: %s", path, strerror(-r));
	return 0;
}

/* False: it is not known what of the directory counts, so nothing does. */
static bool load_ignore_file(struct walk *walk, FTSENT *entry)
{
	AUTO_FREE char *path = xasprintf("%s/" IGNORE_FILE_NAME, entry->fts_path);
	AUTO_BUF struct buf content = { 0 };
	struct ignore *ignore;
	struct error err;
	struct stat st;
	int code;

	if (lstat(path, &st) < 0 && errno == ENOENT)
		return true;
	if (S_ISLNK(st.st_mode)) {
		AUTO_FREE char *real = path_inside(walk, path, &code);

		if (!real && code == 0) {
			complain(walk, "%s leads out of %s", path, walk->path);
			return false;
		}
	}
	ignore = xnew(struct ignore);
	entry->fts_pointer = ignore;
	if (read_ignore_file(path, &content, &err) == 0 &&
	    ignore_parse(path, content.len ? content.data : "", content.len, ignore, &err) == 0)
		return true;
	complain(walk, "%s", err.msg);
	return false;
}

static void forget_ignore_file(FTSENT *entry)
{
	if (entry->fts_pointer)
		ignore_fini(entry->fts_pointer);
	free(entry->fts_pointer);
	entry->fts_pointer = NULL;
}

/* The file nearest to it that says something decides. */
static bool is_ignored(struct walk *walk, const FTSENT *entry, bool is_directory)
{
	const FTSENT *dir = entry->fts_parent;

	for (; dir && dir->fts_level >= FTS_ROOTLEVEL; dir = dir->fts_parent) {
		const char *below = entry->fts_path + dir->fts_pathlen;
		enum ignore_verdict verdict;

		if (!dir->fts_pointer)
			continue;
		verdict = ignore_judge(dir->fts_pointer, below + (*below == '/'), is_directory,
				       &walk->steps);
		if (verdict != IGNORE_SAYS_NOTHING)
			return verdict == IGNORE_YES;
	}
	return false;
}

/* ---- walking ---- */

static void visit_directory(struct walk *walk, FTSENT *entry)
{
	bool inside = entry->fts_level > FTS_ROOTLEVEL;

	if ((inside && (file_name_is_ignored(entry->fts_name) || is_ignored(walk, entry, true))) ||
	    !load_ignore_file(walk, entry))
		fts_set(walk->fts, entry, FTS_SKIP);
}

static void visit_file(struct walk *walk, const FTSENT *entry)
{
	if (file_name_is_manifest(entry->fts_name) && !is_ignored(walk, entry, false) &&
	    ++walk->n_files <= FILES_MAX)
		walk->listener->on_file(walk->listener->ctx, entry->fts_path);
}

static void visit(struct walk *walk, FTSENT *entry)
{
	switch (entry->fts_info) {
	case FTS_D:
		visit_directory(walk, entry);
		return;
	case FTS_DP:
		forget_ignore_file(entry);
		return;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		complain(walk, "cannot read %s: %s", entry->fts_path, strerror(entry->fts_errno));
		return;
	case FTS_SL:
		if (!file_name_is_ignored(entry->fts_name) &&
		    !(is_ignored(walk, entry, false) && is_ignored(walk, entry, true)))
			visit_link(walk, entry);
		return;
	case FTS_F:
		visit_file(walk, entry);
		return;
	default: /* cycles, devices */
		return;
	}
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void walk_all(struct walk *walk)
{
	AUTO_FREE char *copy = xstrdup(walk->path);
	char *roots[] = { copy, NULL };
	FTSENT *entry;

	walk->fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (!walk->fts) {
		complain(walk, "cannot read %s: %s", walk->path, strerror(errno));
		return;
	}
	while (walk->steps <= IGNORE_STEPS_MAX && (entry = fts_read(walk->fts)))
		visit(walk, entry);
	fts_close(walk->fts);
}

void directory_walk(const char *path, const struct directory_listener *listener)
{
	AUTO_FREE char *real_path = realpath(path, NULL);
	struct walk walk = { .listener = listener, .path = path, .real_path = real_path };

	if (!real_path) {
		complain(&walk, "cannot read %s: %s", path, strerror(errno));
		return;
	}
	walk_all(&walk);
	if (walk.steps > IGNORE_STEPS_MAX)
		complain(&walk,
			 "%s: the patterns of " IGNORE_FILE_NAME
			 " take too long for so many files; make them fewer or simpler",
			 path);
	if (walk.n_files > FILES_MAX)
		complain(&walk, "%s: more than %d manifest files; name some of its directories",
			 path, FILES_MAX);
	if (walk.n_files == 0 && walk.n_errors == 0)
		complain(&walk,
			 "%s: no manifest in this directory; expected *.yaml, *.yml or *.json",
			 path);
}
