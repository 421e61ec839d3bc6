/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/tmpfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "core/aside/aside.h"
#include "core/base/str.h"
#include "core/model/model.h"

enum { PROC_PATH_MAX_BYTES = 64, CGROUP_FILE_MAX_BYTES = 16 * 1024 };

struct wanted_mode {
	const char *target;
	mode_t mode;
};

struct question {
	uint32_t pid;
	char root[PROC_PATH_MAX_BYTES], mounts[PROC_PATH_MAX_BYTES], cgroup[PROC_PATH_MAX_BYTES];
	const char *leaf; /* the cgroup's path ends with this */
	const struct wanted_mode *wanted;
	size_t n;
};

struct answer {
	int code; /* -errno of page->number; 0: all are as they shall be */
};

static bool is_memory(const Api__Volume *volume)
{
	return volume->kind == API__VOLUME_KIND__VOLUME_KIND_TMPFS;
}

bool tmpfs_is_used(const Api__ContainerSpec *spec)
{
	for (size_t i = 0; i < spec->n_volumes; i++)
		if (is_memory(spec->volumes[i]))
			return true;
	return spec->n_tmpfs > 0;
}

/* ---- in a process of its own: system calls only ---- */

static int open_inside(int root, const char *target)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, root, target, &how, sizeof(how));
}

/* A process of the host would have all its paths changed. */
static bool has_mounts_of_its_own(const char *mounts)
{
	struct stat theirs, ours;

	return stat(mounts, &theirs) == 0 && stat("/proc/self/ns/mnt", &ours) == 0 &&
	       theirs.st_ino != ours.st_ino;
}

/* The last line of the file; its root need not be the mount's. */
static bool is_in_leaf(const char *path, const char *leaf)
{
	char text[CGROUP_FILE_MAX_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t len = strlen(leaf);

	if (fd >= 0)
		close(fd);
	if (n <= 0 || text[n - 1] != '\n' || (size_t)n - 1 < len)
		return false;
	return memcmp(text + n - 1 - len, leaf, len) == 0;
}

static bool has_ended(int pidfd)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	return poll(&end, 1, 0) != 0;
}

/*
 * The root of the task's process. By its number alone nothing is believed, which may be another's
 * by now: it must be in the cgroup of the container, and what was read of the number was read of
 * the one process that the pidfd holds.
 */
static int open_root(const struct question *question)
{
	int pidfd = (int)syscall(SYS_pidfd_open, question->pid, 0);
	int root = open(question->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (pidfd < 0 || root < 0 || !is_in_leaf(question->cgroup, question->leaf) ||
	    !has_mounts_of_its_own(question->mounts) || has_ended(pidfd))
		return -ESRCH;
	return root;
}

/* What cannot be written can hold nothing: its mode says nothing either. */
static int set_mode(int root, const struct wanted_mode *wanted)
{
	int fd = open_inside(root, wanted->target), r = 0;
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		r = -errno;
	else if (fs.f_type == TMPFS_MAGIC && (st.st_mode & ALLPERMS) != wanted->mode &&
		 fchmod(fd, wanted->mode) < 0 && errno != EROFS)
		r = -errno;
	close(fd);
	return r;
}

static void set_all(struct aside_page *page, void *result, const void *ctx)
{
	const struct question *question = ctx;
	struct answer *answer = result;
	int root = open_root(question);

	answer->code = root < 0 ? root : 0;
	for (size_t i = 0; i < question->n && answer->code == 0; i++) {
		page->number = i;
		answer->code = set_mode(root, &question->wanted[i]);
	}
}

/* ---- */

static mode_t mode_of(const Api__Tmpfs *tmpfs)
{
	const char *mode = str_empty(tmpfs->mode) ? MODEL_TMPFS_MODE : tmpfs->mode;

	return (mode_t)strtoul(mode, NULL, 8) & ALLPERMS;
}

static size_t find_wanted(const Api__ContainerSpec *spec, struct wanted_mode *ret)
{
	static const Api__Tmpfs silent = API__TMPFS__INIT;
	size_t n = 0;

	for (size_t i = 0; i < spec->n_tmpfs; i++)
		ret[n++] = (struct wanted_mode){ spec->tmpfs[i]->target, mode_of(spec->tmpfs[i]) };
	for (size_t i = 0; i < spec->n_volumes; i++)
		if (is_memory(spec->volumes[i]))
			ret[n++] =
				(struct wanted_mode){ spec->volumes[i]->target, mode_of(&silent) };
	return n;
}

int tmpfs_set_modes(uint32_t pid, const char *cgroup_leaf, const Api__ContainerSpec *spec,
		    struct error *err)
{
	AUTO_FREE struct wanted_mode *wanted =
		xcalloc(spec->n_tmpfs + spec->n_volumes + 1, sizeof(*wanted));
	struct question question = {
		.pid = pid, .leaf = cgroup_leaf, .wanted = wanted, .n = find_wanted(spec, wanted)
	};
	AUTO_FREE char *name = xasprintf("the tmpfs of process %u", pid);
	const struct aside aside = { .name = name,
				     .run = set_all,
				     .ctx = &question,
				     .result_bytes = sizeof(struct answer) };
	AUTO_FREE struct answer *answer = NULL;
	int r;

	snprintf(question.root, sizeof(question.root), "/proc/%u/root", pid);
	snprintf(question.mounts, sizeof(question.mounts), "/proc/%u/ns/mnt", pid);
	snprintf(question.cgroup, sizeof(question.cgroup), "/proc/%u/cgroup", pid);
	r = aside_run(&aside, (void **)&answer, NULL, err);
	if (r < 0)
		return error_wrap(err, r, "modes of its tmpfs");
	if (answer->code < 0)
		return error_set(err, answer->code, "cannot set the modes of its tmpfs: %s",
				 strerror(-answer->code));
	return 0;
}
