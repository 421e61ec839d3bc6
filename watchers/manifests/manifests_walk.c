/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/manifests/manifests_pass.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "core/aside/aside.h"
#include "core/manifest/file_name.h"
#include "core/manifest/ignore.h"
#include "watchers/manifests/manifests_read.h"
#include "watchers/path/path_owner.h"

enum {
	DEPTH_MAX = 16,
	FILES_MAX = 10000,
	ENTRIES_MAX = 100000, /* of one directory, manifests or not */
	TOTAL_MAX_BYTES = 64 * 1024 * 1024,
};

char *manifests_pass_shown_path(const struct manifests_pass *pass, const char *path)
{
	return xasprintf("%s%s%s", pass->scan->directory, *path ? "/" : "", path);
}

/* ---- files ---- */

int manifests_pass_too_much(struct manifests_pass *pass, const char *what, int limit)
{
	return error_set(&pass->scan->problem, -E2BIG,
			 "manifests directory %s: more than %d %s: nothing of it is "
			 "taken up; move some elsewhere",
			 pass->scan->directory, limit, what);
}

int manifests_pass_add_found(struct manifests_pass *pass, const char *path,
			     struct manifests_found **ret_found)
{
	if (map_find(&pass->found,
		     path)) /* a directory that changes while it is listed may show a name twice */
		return MANIFESTS_PASS_AGAIN;
	if (pass->found.count == FILES_MAX)
		return manifests_pass_too_much(pass, "manifest files", FILES_MAX);
	*ret_found = manifests_found_new(&pass->found, path);
	(*ret_found)->outcome = MANIFESTS_ERROR;
	return 0;
}

static int read_file(struct manifests_pass *pass, const struct dir *dir,
		     const struct path_target *target, const char *path)
{
	AUTO_FREE char *shown = manifests_pass_shown_path(pass, path);
	struct manifests_read_options options = {
		.shown = shown,
		.only_root_writes = pass->scan->only_root_writes,
		.known = manifests_known_find(&pass->scan->known, path),
	};
	struct manifests_found *found = NULL;
	struct stat st;
	int r = manifests_pass_add_found(pass, path, &found);

	if (r != 0)
		return r;
	if (dir->owner.code < 0) {
		found->err = dir->owner;
		return 0;
	}
	if (options.only_root_writes && target->way.code < 0) {
		found->err = target->way;
		error_wrap(&found->err, -EPERM, "%s", shown);
		return 0;
	}
	if (options.only_root_writes && target->dirfd != dir->fd &&
	    fstat(target->dirfd, &st) == 0 &&
	    path_check_owner(&st, "the directory it leads to", &found->err) < 0) {
		error_wrap(&found->err, -EPERM, "%s", shown);
		return 0;
	}
	r = manifests_read(target->dirfd, target->name, &options, found);
	pass->total_bytes += (size_t)found->identity.size;
	pass->scan->retry |= found->outcome == MANIFESTS_HELD;
	if (r == 0 && found->outcome != MANIFESTS_ERROR && pass->total_bytes > TOTAL_MAX_BYTES)
		return manifests_pass_too_much(pass, "bytes of manifests", TOTAL_MAX_BYTES);
	return r == -ENOENT ? MANIFESTS_PASS_AGAIN : r;
}

/* ---- directories ---- */

int manifests_place_of(int dirfd, const char *path, struct manifests_place *ret_place)
{
	const unsigned mask = STATX_INO | STATX_BTIME | STATX_MNT_ID;
	struct statx stx;

	if (statx(dirfd, path, AT_EMPTY_PATH, mask, &stx) < 0)
		return -errno;
	*ret_place = (struct manifests_place){
		.dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
		.ino = stx.stx_ino,
	};
	if (stx.stx_mask & STATX_BTIME)
		ret_place->born_ns =
			stx.stx_btime.tv_sec * INT64_C(1000000000) + stx.stx_btime.tv_nsec;
	if (stx.stx_mask & STATX_MNT_ID)
		ret_place->mount_id = stx.stx_mnt_id;
	return 0;
}

/* Where the directory is, and which it is. */
static int note_dir(struct manifests_pass *pass, const struct dir *dir)
{
	struct manifests_dir *noted = manifests_dirs_get(&pass->dirs, dir->path);
	char link[32], real[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir->fd);
	len = readlink(link, real, sizeof(real));
	if (len < 0)
		return -errno;
	free(noted->real_path);
	noted->real_path = xstrndup(real, (size_t)len);
	return manifests_place_of(dir->fd, "", &noted->place);
}

void manifests_pass_note_bad_dir(struct manifests_pass *pass, const char *path, int code,
				 const char *why)
{
	error_set(&manifests_dirs_get(&pass->dirs, path)->err, code, "%s: %s", path, why);
}

/* The directory itself: what of it was seen counts, but nothing is gone. */
static int skip_root(struct manifests_pass *pass, int code)
{
	pass->partial = true;
	error_set(&pass->scan->problem, code,
		  "cannot read the manifests directory %s: %s: nothing is deleted",
		  pass->scan->directory, strerror(-code));
	return 0;
}

/* A directory that cannot be read: it is there, like a file that cannot be read. */
static int skip_directory(struct manifests_pass *pass, const char *path, int code)
{
	AUTO_FREE char *shown = manifests_pass_shown_path(pass, path);
	struct manifests_found *found = NULL;
	int r;

	if (code == -ENOENT || code == -ESTALE)
		return MANIFESTS_PASS_AGAIN;
	if (!*path)
		return skip_root(pass, code);
	if (code == -ASIDE_HANGS) { /* whatever is in it is there still */
		pass->partial = true;
		pass->scan->problem = pass->scan->hung_reason;
		return 0;
	}
	manifests_pass_note_bad_dir(pass, path, code, strerror(-code));
	r = manifests_pass_add_found(pass, path, &found);
	if (r == 0)
		error_set(&found->err, code,
			  "cannot read the directory %s: %s: nothing that may be in it is deleted",
			  shown, strerror(-code));
	return r;
}

/* ---- entries that cannot be followed ---- */

/* A link may lead nowhere for an instant, while its target is replaced: one that did so before is
 * not looked at again. */
static bool may_be_replaced(const struct manifests_pass *pass, int code, bool before)
{
	return code == -ENOENT && pass->number < MANIFESTS_PASSES_MAX && !before;
}

static int bad_manifest(struct manifests_pass *pass, const char *path, int code)
{
	const struct manifests_file *known = manifests_known_find(&pass->scan->known, path);
	AUTO_FREE char *shown = manifests_pass_shown_path(pass, path);
	struct manifests_found *found = NULL;
	struct error err;
	int r;

	if (code != -ENOENT)
		error_set(&err, code, "cannot follow %s: %s", shown, strerror(-code));
	else
		error_set(&err, code,
			  "%s leads nowhere: the target of the symbolic link does not exist",
			  shown);
	if (may_be_replaced(pass, code, known && str_equal(known->error, err.msg)))
		return MANIFESTS_PASS_AGAIN;
	r = manifests_pass_add_found(pass, path, &found);
	if (r == 0)
		found->err = err;
	return r;
}

/* Of others only a link that led to a directory of manifests, or is expected to, is of interest. */
static int bad_directory(struct manifests_pass *pass, const char *path, int code)
{
	const struct manifests_known *known = &pass->scan->known;

	if (!manifests_known_has_below(known, path))
		return 0;
	if (may_be_replaced(pass, code, map_find(&known->kept, path) != NULL))
		return MANIFESTS_PASS_AGAIN;
	if (code == -ENOENT)
		manifests_pass_note_bad_dir(pass, path, -ENXIO,
					    "the target of the symbolic link does not exist");
	else
		manifests_pass_note_bad_dir(pass, path, code, strerror(-code));
	return 0;
}

static int bad_entry(struct manifests_pass *pass, const char *name, const char *path, int code)
{
	return file_name_is_manifest(name) ? bad_manifest(pass, path, code)
					   : bad_directory(pass, path, code);
}

/* ---- walking ---- */

static int walk(struct manifests_pass *pass, struct dir *dir);

static int enter(struct manifests_pass *pass, const struct dir *parent,
		 const struct path_target *target, const char *path)
{
	AUTO_CLOSE int fd = openat(target->dirfd, target->name,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dir dir = {
		.fd = fd,
		.path = path,
		.depth = parent->depth + 1,
		.owner = parent->owner,
		.parent = parent,
	};

	if (fd < 0)
		return skip_directory(pass, path,
				      errno == ENOTDIR || errno == ELOOP ? -ENOENT : -errno);
	if (dir.owner.code == 0 && pass->scan->only_root_writes)
		dir.owner = target->way;
	if (dir.depth > DEPTH_MAX)
		return manifests_pass_too_much(pass, "levels of directories", DEPTH_MAX);
	return walk(pass, &dir);
}

static int visit(struct manifests_pass *pass, const struct dir *dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s%s%s", dir->path, *dir->path ? "/" : "", name);
	AUTO(path_target_fini) struct path_target target = { .own = -1 };
	bool ignored_as_file = manifests_is_ignored(pass, dir, path, false);
	bool ignored_as_directory = manifests_is_ignored(pass, dir, path, true);
	struct stat st;
	int r;

	if (pass->ignore_steps > IGNORE_STEPS_MAX)
		return manifests_ignore_costs_too_much(pass);
	if (ignored_as_file && ignored_as_directory)
		return manifests_ignore_entry(pass, name, path);
	if (strv_has(&pass->scan->hung, path))
		return skip_directory(pass, path, -ASIDE_HANGS);
	manifests_scan_touches(pass->scan, path);
	r = path_resolve_entry(&pass->scan->watches, &pass->generation, dir->fd, name, &target);
	if (r == -ENOENT && fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return MANIFESTS_PASS_AGAIN;
	if (r < 0 && !ignored_as_file)
		return bad_entry(pass, name, path, r);
	if (r < 0 || (S_ISDIR(target.st.st_mode) ? ignored_as_directory : ignored_as_file))
		return manifests_ignore_entry(pass, name, path);
	if (S_ISDIR(target.st.st_mode) && !file_name_is_manifest(name))
		return enter(pass, dir, &target, path);
	return file_name_is_manifest(name) ? read_file(pass, dir, &target, path) : 0;
}

/* Whether the entry can be of interest; those of the kind that is asked for. */
static bool wanted(const struct dirent *entry, bool links)
{
	if (file_name_is_ignored(entry->d_name) || (entry->d_type == DT_LNK) != links)
		return false;
	return entry->d_type != DT_REG || file_name_is_manifest(entry->d_name);
}

static int list_entries(struct manifests_pass *pass, struct dir *dir, struct strv *ret_links,
			struct strv *ret_others)
{
	int copy = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	int r = 0, n = 0;

	if (!stream) {
		r = -errno;
		if (copy >= 0)
			close(copy);
		return skip_directory(pass, dir->path, r);
	}
	while (r == 0 && (errno = 0, entry = readdir(stream))) {
		if (++n > ENTRIES_MAX)
			r = manifests_pass_too_much(pass, "entries in one directory", ENTRIES_MAX);
		else if (str_equal(entry->d_name, IGNORE_FILE_NAME))
			dir->has_ignore_file = true;
		else if (wanted(entry, true))
			strv_add(ret_links, entry->d_name);
		else if (wanted(entry, false))
			strv_add(ret_others, entry->d_name);
	}
	if (r == 0 && errno)
		r = skip_directory(pass, dir->path, -errno);
	closedir(stream);
	return r;
}

/* A directory counts once, under the first path that leads to it. */
static int mark_visited(struct manifests_pass *pass, const struct stat *st, bool *ret_before)
{
	*ret_before = true;
	for (size_t i = 0; i < pass->n_visited; i++)
		if (pass->visited[i].dev == st->st_dev && pass->visited[i].ino == st->st_ino)
			return 0;
	*ret_before = false;
	if (pass->n_visited == MANIFESTS_DIRECTORIES_MAX)
		return manifests_pass_too_much(pass, "directories", MANIFESTS_DIRECTORIES_MAX);
	pass->visited[pass->n_visited++] = (struct visited){ st->st_dev, st->st_ino };
	return 0;
}

/* Links first: where "current" leads to "rev-1" beside it, the files are those of "current". */
static int walk(struct manifests_pass *pass, struct dir *dir)
{
	AUTO(strv_fini) struct strv links = { 0 };
	AUTO(strv_fini) struct strv others = { 0 };
	AUTO_FREE char *shown = manifests_pass_shown_path(pass, dir->path);
	struct stat st;
	bool before;
	int r;

	if (fstat(dir->fd, &st) < 0)
		return skip_directory(pass, dir->path, -errno);
	r = note_dir(pass, dir);
	if (r < 0)
		return skip_directory(pass, dir->path, r);
	r = mark_visited(pass, &st, &before);
	if (r != 0 || before)
		return r;
	if (pass->scan->only_root_writes && dir->owner.code == 0)
		path_check_owner(&st, shown, &dir->owner);
	path_watches_add_content(&pass->scan->watches, dir->fd);
	r = list_entries(pass, dir, &links, &others);
	if (r == 0)
		r = manifests_load_ignore_file(pass, dir);
	if (r == MANIFESTS_SKIPPED)
		return 0;
	for (size_t i = 0; r == 0 && i < links.n; i++)
		r = visit(pass, dir, links.items[i]);
	for (size_t i = 0; r == 0 && i < others.n; i++)
		r = visit(pass, dir, others.items[i]);
	ignore_fini(&dir->ignore);
	return r;
}

int manifests_walk(struct manifests_pass *pass, int fd, const struct error *way)
{
	struct dir root = { .fd = fd, .path = "" };

	if (pass->scan->only_root_writes)
		root.owner = *way;

	return walk(pass, &root);
}
