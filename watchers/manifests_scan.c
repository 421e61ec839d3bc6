/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/manifests_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <time.h>

#include "watchers/manifests_name.h"
#include "watchers/manifests_read.h"
#include "watchers/manifests_resolve.h"

enum {
	PASSES_MAX = 5,
	DEPTH_MAX = 16,
	FILES_MAX = 10000,
	DIRECTORIES_MAX = 1000,
	ENTRIES_MAX = 100000, /* of one directory, manifests or not */
	TOTAL_MAX_BYTES = 64 * 1024 * 1024,
	LINKS_MAX = 40,
};

#define FUSE_MAGIC 0x65735546
#define CIFS_MAGIC 0xff534d42
#define SMB2_MAGIC 0xfe534d42
#define CEPH_MAGIC 0x00c36400

struct visited {
	dev_t dev;
	ino_t ino;
};

/*
 * One pass over the tree. Functions return 0, PASS_AGAIN when something vanished under them and the pass is worthless, or
 * -errno with scan->problem set when no pass would do better.
 */
enum { PASS_AGAIN = 1 };

struct pass {
	struct manifests_scan *scan;
	int number;
	struct map found; /* struct manifests_found.node */
	struct manifests_generation generation;
	struct visited visited[DIRECTORIES_MAX];
	size_t n_visited;
	size_t total_bytes;
	bool partial;    /* some subdirectory could not be read; scan->problem says which */
	dev_t root_dev;
	ino_t root_ino;
};

/* A directory of the pass, opened. */
struct dir {
	int fd;
	const char *path;   /* relative to the root, "" for the root */
	int depth;
	struct error owner; /* code < 0: others than root can write it */
};

static char *shown_path(const struct pass *pass, const char *path)
{
	return xasprintf("%s%s%s", pass->scan->directory, *path ? "/" : "", path);
}

/* ---- files ---- */

static int too_much(struct pass *pass, const char *what, int limit)
{
	return error_set(&pass->scan->problem, -E2BIG, "manifests directory %s: more than %d %s: nothing of it is taken up; "
			 "move some elsewhere", pass->scan->directory, limit, what);
}

static int add_found(struct pass *pass, const char *path, struct manifests_found **ret_found)
{
	if (map_find(&pass->found, path)) /* a directory that changes while it is listed may show a name twice */
		return PASS_AGAIN;
	if (pass->found.count == FILES_MAX)
		return too_much(pass, "manifest files", FILES_MAX);
	*ret_found = manifests_found_new(&pass->found, path);
	(*ret_found)->outcome = MANIFESTS_ERROR;
	return 0;
}

static int read_file(struct pass *pass, const struct dir *dir, const struct manifests_target *target, const char *path)
{
	AUTO_FREE char *shown = shown_path(pass, path);
	struct manifests_read_options options = {
		.shown = shown,
		.only_root_writes = pass->scan->only_root_writes,
		.known = manifests_known_find(&pass->scan->known, path),
	};
	struct manifests_found *found = NULL;
	struct stat st;
	int r = add_found(pass, path, &found);

	if (r != 0)
		return r;
	if (dir->owner.code < 0) {
		found->err = dir->owner;
		return 0;
	}
	if (options.only_root_writes && target->dirfd != dir->fd && fstat(target->dirfd, &st) == 0 &&
	    manifests_check_owner(&st, "the directory it leads to", &found->err) < 0) {
		error_wrap(&found->err, -EPERM, "%s", shown);
		return 0;
	}
	r = manifests_read(target->dirfd, target->name, &options, found);
	pass->total_bytes += (size_t)found->identity.size;
	pass->scan->retry |= found->outcome == MANIFESTS_HELD;
	if (r == 0 && found->outcome != MANIFESTS_ERROR && pass->total_bytes > TOTAL_MAX_BYTES)
		return too_much(pass, "bytes of manifests", TOTAL_MAX_BYTES);
	return r == -ENOENT ? PASS_AGAIN : r;
}

/* An entry that cannot be followed. Only a manifest's name is worth a word. */
static int bad_entry(struct pass *pass, const char *name, const char *path, int code)
{
	const struct manifests_file *known = manifests_known_find(&pass->scan->known, path);
	AUTO_FREE char *shown = shown_path(pass, path);
	struct manifests_found *found = NULL;
	struct error err;
	int r;

	if (!manifests_name_is_manifest(name))
		return 0;
	if (code != -ENOENT)
		error_set(&err, code, "cannot follow %s: %s", shown, strerror(-code));
	else
		error_set(&err, code, "%s leads nowhere: the target of the symbolic link does not exist", shown);
	/* A link may lead nowhere for an instant, while its target is replaced. */
	if (code == -ENOENT && pass->number < PASSES_MAX && !(known && known->error && str_equal(known->error, err.msg)))
		return PASS_AGAIN;
	r = add_found(pass, path, &found);
	if (r == 0)
		found->err = err;
	return r;
}

/* ---- directories ---- */

static int walk(struct pass *pass, struct dir *dir);

/* A directory that cannot be read: the rest counts, but nothing is gone. */
static int skip_directory(struct pass *pass, const char *path, int code)
{
	AUTO_FREE char *shown = shown_path(pass, path);

	if (code == -ENOENT || code == -ESTALE)
		return PASS_AGAIN;
	pass->partial = true;
	error_set(&pass->scan->problem, code, "cannot read the manifests directory %s: %s: nothing is deleted", shown,
		  strerror(-code));
	return 0;
}

static int enter(struct pass *pass, const struct dir *parent, const struct manifests_target *target, const char *path)
{
	AUTO_CLOSE int fd =
		openat(target->dirfd, target->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dir dir = { .fd = fd, .path = path, .depth = parent->depth + 1, .owner = parent->owner };

	if (fd < 0)
		return skip_directory(pass, path, errno == ENOTDIR || errno == ELOOP ? -ENOENT : -errno);
	if (dir.depth > DEPTH_MAX)
		return too_much(pass, "levels of directories", DEPTH_MAX);
	return walk(pass, &dir);
}

static int visit(struct pass *pass, const struct dir *dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s%s%s", dir->path, *dir->path ? "/" : "", name);
	AUTO(manifests_target_fini) struct manifests_target target = { .own = -1 };
	struct stat st;
	int r;

	r = manifests_resolve_entry(&pass->scan->watches, &pass->generation, dir->fd, name, &target);
	if (r == -ENOENT && fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return PASS_AGAIN;
	if (r < 0)
		return bad_entry(pass, name, path, r);
	if (S_ISDIR(target.st.st_mode) && !manifests_name_is_manifest(name))
		return enter(pass, dir, &target, path);
	return manifests_name_is_manifest(name) ? read_file(pass, dir, &target, path) : 0;
}

/* Whether the entry can be of interest; those of the kind that is asked for. */
static bool wanted(const struct dirent *entry, bool links)
{
	if (manifests_name_is_ignored(entry->d_name) || (entry->d_type == DT_LNK) != links)
		return false;
	return entry->d_type != DT_REG || manifests_name_is_manifest(entry->d_name);
}

static int list_entries(struct pass *pass, const struct dir *dir, struct strv *ret_links, struct strv *ret_others)
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
			r = too_much(pass, "entries in one directory", ENTRIES_MAX);
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
static int mark_visited(struct pass *pass, const struct stat *st, bool *ret_before)
{
	*ret_before = true;
	for (size_t i = 0; i < pass->n_visited; i++)
		if (pass->visited[i].dev == st->st_dev && pass->visited[i].ino == st->st_ino)
			return 0;
	*ret_before = false;
	if (pass->n_visited == DIRECTORIES_MAX)
		return too_much(pass, "directories", DIRECTORIES_MAX);
	pass->visited[pass->n_visited++] = (struct visited){ st->st_dev, st->st_ino };
	return 0;
}

/* Links first: where "current" leads to "rev-1" beside it, the files are those of "current". */
static int walk(struct pass *pass, struct dir *dir)
{
	AUTO(strv_fini) struct strv links = { 0 };
	AUTO(strv_fini) struct strv others = { 0 };
	AUTO_FREE char *shown = shown_path(pass, dir->path);
	struct stat st;
	bool before;
	int r;

	if (fstat(dir->fd, &st) < 0)
		return skip_directory(pass, dir->path, -errno);
	r = mark_visited(pass, &st, &before);
	if (r != 0 || before)
		return r;
	if (pass->scan->only_root_writes && dir->owner.code == 0)
		manifests_check_owner(&st, shown, &dir->owner);
	manifests_watches_add_content(&pass->scan->watches, dir->fd);
	r = list_entries(pass, dir, &links, &others);
	for (size_t i = 0; r == 0 && i < links.n; i++)
		r = visit(pass, dir, links.items[i]);
	for (size_t i = 0; r == 0 && i < others.n; i++)
		r = visit(pass, dir, others.items[i]);
	return r;
}

/* ---- the scan ---- */

/* inotify does not see what other machines, or a FUSE server by itself, change. */
static bool is_remote(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	switch ((uint32_t)fs.f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case CIFS_MAGIC:
	case SMB2_MAGIC:
	case FUSE_MAGIC:
	case CEPH_MAGIC:
	case V9FS_MAGIC:
	case AFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static int root_problem(struct manifests_scan *scan, int code)
{
	switch (-code) {
	case ENOENT:
		return error_set(&scan->problem, -ENOENT, "manifests directory %s does not exist: nothing is deleted; "
				 "create it, or name another with --manifests-dir", scan->directory);
	case ENOTDIR:
		return error_set(&scan->problem, -ENOTDIR, "%s is not a directory, expected the directory of manifests: "
				 "nothing is deleted", scan->directory);
	default:
		return error_set(&scan->problem, code, "cannot read the manifests directory %s: %s: nothing is deleted",
				 scan->directory, strerror(-code));
	}
}

static int run_pass(struct pass *pass)
{
	struct manifests_scan *scan = pass->scan;
	int links_left = LINKS_MAX;
	AUTO_CLOSE int path_fd = manifests_resolve_dir(&scan->watches, AT_FDCWD, scan->directory, &links_left);
	AUTO_CLOSE int fd = path_fd < 0 ? path_fd : openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dir root = { .fd = fd, .path = "" };
	struct stat st;

	if (path_fd < 0)
		return root_problem(scan, path_fd);
	/* Watched before it is opened, so that a change of its permissions is seen. */
	manifests_watches_add_content(&scan->watches, path_fd);
	if (fd < 0 || fstat(fd, &st) < 0)
		return root_problem(scan, -errno);
	pass->root_dev = st.st_dev;
	pass->root_ino = st.st_ino;
	scan->remote = is_remote(fd);
	return walk(pass, &root);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void compare(struct pass *pass)
{
	struct manifests_scan *scan = pass->scan;

	if (pass->found.count == 0 && !pass->partial &&
	    manifests_emptied_at_once(&scan->known, pass->root_dev, pass->root_ino)) {
		error_set(&scan->problem, -ENODATA, "manifests directory %s turned empty at once (it had %zu manifests): nothing "
			  "is deleted; put the files back, or leave at least one manifest in place", scan->directory,
			  scan->known.files.count);
		return;
	}
	manifests_diff(&scan->known, &pass->found, pass->partial, now_ms(), &scan->changes);
	if (pass->partial)
		return;
	scan->known.scanned = true;
	scan->known.root_dev = pass->root_dev;
	scan->known.root_ino = pass->root_ino;
}

void manifests_scan_run(struct manifests_scan *scan)
{
	struct pass *pass = NULL;
	int r = PASS_AGAIN;

	for (int number = 1; r == PASS_AGAIN && number <= PASSES_MAX; number++) {
		pass = xnew(struct pass);
		pass->scan = scan;
		pass->number = number;
		scan->problem = (struct error){ 0 };
		scan->retry = false;
		r = run_pass(pass);
		if (r == 0)
			compare(pass);
		manifests_generation_fini(&pass->generation);
		manifests_found_clear(&pass->found);
		free(pass);
	}
	if (r != PASS_AGAIN)
		return;
	scan->retry = true;
	error_set(&scan->problem, -EAGAIN, "manifests directory %s changes faster than it can be read: nothing is deleted; it is "
		  "read again", scan->directory);
}
