/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/store_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/manifest/manifest.h"
#include "core/model/model.h"
#include "core/store/store.h"
#include "core/store/store_load.h"

/* The one file in the run path that is named as a realm may be. */
#define JOURNAL_NAME "journal"

struct reader {
	const char *run_path;
	stored_fn give;
	void *ctx;
};

void stored_free(struct stored *stored)
{
	list_remove(&stored->link);
	free(stored->key);
	free(stored->path);
	buf_fini(&stored->text);
	free(stored);
}

static struct stored *stored_new(enum stored_what what, const char *key, const char *path)
{
	struct stored *stored = xnew(struct stored);

	stored->what = what;
	stored->key = xstrdup(key);
	stored->path = xstrdup(path);
	return stored;
}

static void give_unread(const struct reader *reader, enum stored_what what, const char *key,
			const char *path, const struct error *err)
{
	struct stored *stored = stored_new(what, key, path);

	stored->err = *err;
	reader->give(reader->ctx, stored);
}

static char *path_of(const struct reader *reader, const char *key)
{
	return *key ? xasprintf("%s/%s", reader->run_path, key) : xstrdup(reader->run_path);
}

/* ---- files ---- */

/* A link that leads nowhere hides what it led to. */
static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

bool stored_is_damaged(const struct stored *stored)
{
	int code = stored->err.code;

	return stored->what == STORED_UNREADABLE &&
	       (code == -EISDIR || code == -EINVAL || code == -EFBIG);
}

enum found { FOUND_NOTHING, FOUND_FILE, FOUND_UNREADABLE };

static enum found read_file(const struct reader *reader, const char *key)
{
	AUTO_FREE char *name = store_file_path(key);
	AUTO_FREE char *path = xasprintf("%s/%s", reader->run_path, name);
	struct stored *stored = stored_new(STORED_TEXT, key, path);
	int r = fs_read_file(AT_FDCWD, path, MANIFEST_STORED_MAX_BYTES, &stored->text,
			     &stored->err);
	bool unreadable;

	if (r == -ENOENT && !is_link(path)) {
		stored_free(stored);
		return FOUND_NOTHING;
	}
	if (r < 0)
		stored->what = STORED_UNREADABLE;
	unreadable = r < 0 && !stored_is_damaged(stored);
	if (unreadable && key_kind(key) < KIND_CELL)
		stored->what = STORED_UNLISTED;
	reader->give(reader->ctx, stored);
	return unreadable ? FOUND_UNREADABLE : FOUND_FILE;
}

/* ---- directories ---- */

typedef void (*entry_fn)(const struct reader *reader, DIR *dir, const struct dirent *entry,
			 const char *key);

/* Calls @fn for each entry; that the directory cannot be listed to its end is given of @key. */
static void for_each_entry(const struct reader *reader, const char *path, const char *key,
			   entry_fn fn)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct error err;
	int r = dir ? 0 : -errno;

	while (dir && (r = fs_next_entry(dir, &entry)) > 0)
		fn(reader, dir, entry, key);
	if (dir)
		closedir(dir);
	if (r == 0 || (r == -ENOENT && !is_link(path)))
		return;
	fs_error(&err, r, "cannot list", path);
	give_unread(reader, STORED_UNLISTED, key, path, &err);
}

static void read_container(const struct reader *reader, DIR *dir UNUSED, const struct dirent *entry,
			   const char *cell_key)
{
	static const char suffix[] = ".yaml";
	AUTO_FREE char *name = xstrdup(entry->d_name);
	AUTO_FREE char *key = NULL;
	size_t len = strlen(name);

	if (len <= strlen(suffix) || !str_ends_with(name, suffix))
		return;
	name[len - strlen(suffix)] = '\0';
	key = xasprintf("%s/%s", cell_key, name);
	if (name_is_valid(name))
		read_file(reader, key);
}

/* What only a crash leaves: a directory of ours without the file that says what it is. */
static bool left_by_crash(const char *path, enum kind kind)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool ours = dir;
	int r = 0;

	while (ours && (r = fs_next_entry(dir, &entry)) > 0) {
		const char *name = entry->d_name;

		if (name[0] == '.')
			continue;
		ours = entry->d_type == DT_DIR &&
		       (kind == KIND_CELL ? str_equal(name, "containers") || str_equal(name, "etc")
					  : name_is_valid(name));
	}
	if (dir)
		closedir(dir);
	return ours && r == 0;
}

/* False: what is below it cannot be judged without its own document. */
static bool read_own(const struct reader *reader, const char *key)
{
	AUTO_FREE char *path = path_of(reader, key);
	AUTO_FREE char *containers = xasprintf("%s/containers", path);
	enum found found;

	if (key_kind(key) == KIND_CELL)
		for_each_entry(reader, containers, key, read_container);
	found = read_file(reader, key);
	if (found == FOUND_NOTHING && left_by_crash(path, key_kind(key)))
		reader->give(reader->ctx, stored_new(STORED_NOTHING, key, path));
	return found != FOUND_UNREADABLE;
}

static void read_entry(const struct reader *reader, DIR *dir, const struct dirent *entry,
		       const char *parent);

static void read_below(const struct reader *reader, const char *key)
{
	AUTO_FREE char *path = path_of(reader, key);

	if (!*key || key_kind(key) < KIND_CELL)
		for_each_entry(reader, path, key, read_entry);
}

/* A link to a directory is one; what is none now may have been one. */
static int check_directory(DIR *dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type == DT_DIR)
		return 0;
	if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static void read_entry(const struct reader *reader, DIR *dir, const struct dirent *entry,
		       const char *parent)
{
	const char *name = entry->d_name;
	AUTO_FREE char *key = xasprintf("%s%s%s", parent, *parent ? "/" : "", name);
	AUTO_FREE char *path = path_of(reader, key);
	struct error err;
	int r;

	if (!name_is_valid(name) || (!*parent && str_equal(name, JOURNAL_NAME)))
		return;
	r = check_directory(dir, entry);
	if (r < 0) {
		fs_error(&err, r, "cannot list", path);
		give_unread(reader, STORED_UNLISTED, key, path, &err);
		return;
	}
	if (read_own(reader, key))
		read_below(reader, key);
}

void store_read_all(const char *run_path, stored_fn give, void *ctx)
{
	const struct reader reader = { run_path, give, ctx };

	read_below(&reader, "");
}

void store_read_object(const char *run_path, const char *key, bool below, stored_fn give, void *ctx)
{
	const struct reader reader = { run_path, give, ctx };

	if (key_kind(key) == KIND_CONTAINER) {
		read_file(&reader, key);
		return;
	}
	if (read_own(&reader, key) && below)
		read_below(&reader, key);
}
