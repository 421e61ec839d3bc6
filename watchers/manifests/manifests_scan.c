/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/manifests/manifests_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <time.h>

#include "watchers/manifests/manifests_walk.h"

enum { LINKS_MAX = 40 }; /* as many as the kernel follows */

#define FUSE_MAGIC 0x65735546
#define CIFS_MAGIC 0xff534d42
#define SMB2_MAGIC 0xfe534d42
#define CEPH_MAGIC 0x00c36400

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
		return error_set(&scan->problem, -ENOENT,
				 "manifests directory %s does not exist: nothing is deleted; "
				 "create it, or name another with --manifests-dir",
				 scan->directory);
	case ENOTDIR:
		return error_set(&scan->problem, -ENOTDIR,
				 "%s is not a directory, expected the directory of "
				 "manifests: nothing is deleted",
				 scan->directory);
	default:
		return error_set(&scan->problem, code,
				 "cannot read the manifests directory %s: %s: nothing is deleted",
				 scan->directory, strerror(-code));
	}
}

void manifests_scan_touches(const struct manifests_scan *scan, const char *path)
{
	if (scan->at)
		snprintf(scan->at, PATH_MAX, "%s%s%s", scan->directory, *path ? "/" : "", path);
}

static int run_pass(struct manifests_pass *pass)
{
	struct manifests_scan *scan = pass->scan;
	int links_left = LINKS_MAX;
	struct error way = { 0 };
	AUTO_CLOSE int path_fd =
		path_resolve_dir(&scan->watches, AT_FDCWD, scan->directory, &links_left, &way);
	AUTO_CLOSE int fd =
		path_fd < 0 ? path_fd : openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (path_fd < 0)
		return root_problem(scan, path_fd);
	/* Watched before it is opened, so that a change of its permissions is seen. */
	path_watches_add_content(&scan->watches, path_fd);
	if (fd < 0)
		return root_problem(scan, -errno);
	scan->remote = is_remote(fd);
	return manifests_walk(pass, fd, &way);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void compare(struct manifests_pass *pass)
{
	struct manifests_scan *scan = pass->scan;

	manifests_diff(&scan->known, &pass->found, &pass->dirs, pass->partial, now_ms(),
		       &scan->changes);
	scan->known.scanned |= !pass->partial;
}

/* ---- only where the directories are ---- */

static bool is_in_place(const struct manifests_scan *scan, const struct manifests_dir *dir)
{
	AUTO_FREE char *path =
		xasprintf("%s%s%s", scan->directory, *dir->path ? "/" : "", dir->path);
	struct manifests_place place;

	manifests_scan_touches(scan, dir->path);
	return strv_has(&scan->hung, dir->path) || /* nobody can say */
	       (manifests_place_of(AT_FDCWD, path, &place) == 0 &&
		manifests_place_is(&place, &dir->place));
}

static bool all_in_place(const struct manifests_scan *scan)
{
	const struct manifests_dir *dir;

	map_for_each(dir, &scan->known.dirs, node)
		if (!is_in_place(scan, dir))
			return false;
	return scan->known.scanned;
}

void manifests_scan_run(struct manifests_scan *scan)
{
	struct manifests_pass *pass = NULL;
	int r = MANIFESTS_PASS_AGAIN;

	scan->skipped = scan->only_if_moved && all_in_place(scan);
	if (scan->skipped)
		return;
	for (int number = 1; r == MANIFESTS_PASS_AGAIN && number <= MANIFESTS_PASSES_MAX;
	     number++) {
		pass = xnew(struct manifests_pass);
		pass->scan = scan;
		pass->number = number;
		scan->problem = (struct error){ 0 };
		scan->retry = false;
		manifests_scan_touches(scan, "");
		r = run_pass(pass);
		if (r == 0)
			compare(pass);
		path_generation_fini(&pass->generation);
		manifests_found_clear(&pass->found);
		manifests_dirs_clear(&pass->dirs);
		free(pass);
	}
	if (r != MANIFESTS_PASS_AGAIN)
		return;
	scan->retry = true;
	error_set(&scan->problem, -EAGAIN,
		  "manifests directory %s changes faster than it can be read: nothing is "
		  "deleted; it is read again",
		  scan->directory);
}
