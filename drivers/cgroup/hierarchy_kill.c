/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <time.h>

#include "core/base/fs.h"
#include "drivers/cgroup/hierarchy.h"
#include "drivers/cgroup/parse.h"

enum {
	KILL_PASSES = 20,  /* a process may fork between being listed and being killed */
	KILL_PAUSE_MS = 2, /* for the killed to leave cgroup.procs */
	KILL_BATCH = 128,  /* pidfds open at once */
	PROCS_MAX_BYTES = 256 * 1024,
};

struct kill_walk {
	int depth;
	size_t found;
};

static size_t read_pids(int fd, pid_t pids[], size_t max)
{
	AUTO_BUF struct buf text = { 0 };
	int r = hierarchy_read_file(fd, "cgroup.procs", PROCS_MAX_BYTES, &text);

	/* A list that is too long is used as far as it was read; the next pass sees the rest. */
	return text.data && (r == 0 || r == -EFBIG) ? cgroup_parse_pids(text.data, pids, max) : 0;
}

static bool pid_listed(pid_t pid, const pid_t pids[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/*
 * A pid may be another process's by the time it is used. So each is first held by a pidfd, then the
 * list is read again: what is on it still is the process that the pidfd holds, or that process is
 * dead and the signal goes nowhere.
 */
static void kill_members(int fd, struct kill_walk *walk)
{
	pid_t pids[KILL_BATCH], again[2 * KILL_BATCH];
	int pidfds[KILL_BATCH];
	size_t n = read_pids(fd, pids, ARRAY_SIZE(pids)), n_again;

	for (size_t i = 0; i < n; i++)
		pidfds[i] = pidfd_open(pids[i], 0);
	n_again = n ? read_pids(fd, again, ARRAY_SIZE(again)) : 0;
	for (size_t i = 0; i < n; i++) {
		if (pidfds[i] < 0)
			continue;
		if (pid_listed(pids[i], again, n_again))
			pidfd_send_signal(pidfds[i], SIGKILL, NULL, 0);
		close(pidfds[i]);
	}
	walk->found += n;
}

static int kill_dir(int dirfd, const char *name, void *ctx)
{
	struct kill_walk *walk = ctx;
	AUTO_CLOSE int fd = hierarchy_open_dir(dirfd, name);

	if (fd < 0 || walk->depth == TREE_DEPTH_MAX)
		return 0;
	kill_members(fd, walk);
	walk->depth++;
	hierarchy_for_each_child(fd, kill_dir, walk);
	walk->depth--;
	return 0;
}

static int check_kill_key(const char *key, struct error *err)
{
	if (!*key)
		return error_set(
			err, -EINVAL,
			"the root cgroup is never killed as a whole: expected a realm, space, "
			"stack or cell");
	return hierarchy_check_key(key, err);
}

int hierarchy_kill_each(const struct hierarchy *hierarchy, const char *key, struct error *err)
{
	static const struct timespec pause = { .tv_nsec = KILL_PAUSE_MS * 1000000L };
	AUTO_FREE char *path = NULL;
	int r = check_kill_key(key, err);

	if (r < 0)
		return r;
	path = hierarchy_relative_path(hierarchy, key);
	for (int pass = 0; pass < KILL_PASSES; pass++) {
		struct kill_walk walk = { 0 };

		kill_dir(hierarchy->mount_fd, path, &walk);
		if (!walk.found)
			return 0;
		nanosleep(&pause, NULL);
	}
	return error_set(err, -EAGAIN, "cgroup /%s: processes are left after %d rounds of SIGKILL",
			 path, KILL_PASSES);
}

int hierarchy_kill(const struct hierarchy *hierarchy, const char *key, struct error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	int r = check_kill_key(key, err);

	if (r < 0)
		return r;
	path = hierarchy_relative_path(hierarchy, key);
	fd = hierarchy_open_dir(hierarchy->mount_fd, path);
	if (fd < 0)
		return fd == -ENOENT ? 0
				     : error_set(err, fd, "cannot open cgroup /%s: %s", path,
						 strerror(-fd));
	r = fs_write_existing(fd, "cgroup.kill", "1", err);
	if (r == -ENODEV)
		return 0;
	/* Linux before 5.14 has no such file; a threaded cgroup refuses it. */
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return hierarchy_kill_each(hierarchy, key, err);
	return r;
}
