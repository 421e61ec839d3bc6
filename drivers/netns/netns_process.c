/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pin that somebody unmounted under a running cell. The namespace lives on in the cell's
 * processes and can be had through /proc; a number that meanwhile belongs to another process must
 * never lead us there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/str.h"
#include "drivers/netns/netns.h"

enum { CGROUP_FILE_MAX_BYTES = 64 * 1024, PROC_PATH_BYTES = 64 };

/* The last line of /proc/<pid>/cgroup has the path, perhaps below a root that is not the mount's.
 */
static bool is_below_cgroup(const char *text, const char *cgroup_path)
{
	AUTO_FREE char *part = xasprintf("%s/", cgroup_path);
	const char *line = str_starts_with(text, "0::") ? text : strstr(text, "\n0::");

	return line && strstr(line, part);
}

static int check_cgroup(uint32_t pid, const char *cgroup_path, struct error *err)
{
	char path[PROC_PATH_BYTES];
	AUTO_BUF struct buf text = { 0 };
	int r;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	r = fs_read_file(AT_FDCWD, path, CGROUP_FILE_MAX_BYTES, &text, err);
	if (r < 0)
		return r;
	if (!text.data || !is_below_cgroup(text.data, cgroup_path))
		return error_set(err, -ESTALE, "process %u is not in %s", pid, cgroup_path);
	return 0;
}

static int check_namespace(int fd, uint32_t pid, uint64_t inode, uint64_t *ret, struct error *err)
{
	struct stat st, own;

	if (fstat(fd, &st) < 0 || stat("/proc/self/ns/net", &own) < 0)
		return error_set(err, -errno, "cannot look at a network namespace: %m");
	if (st.st_ino == own.st_ino)
		return error_set(err, -ESTALE, "process %u is in the host's network", pid);
	if (inode && st.st_ino != inode)
		return error_set(err, -ESTALE,
				 "process %u is not in the network namespace that was attached: "
				 "kill the root container to have the cell made anew",
				 pid);
	*ret = st.st_ino;
	return 0;
}

/* Until here everything read below /proc/<pid> was about the process that the pidfd holds. */
static int check_alive(int pidfd, uint32_t pid, struct error *err)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	if (poll(&poll_fd, 1, 0) != 0)
		return error_set(err, -EAGAIN, "process %u has ended", pid);
	return 0;
}

static int pin(const char *path, int ns_fd, struct error *err)
{
	char source[PROC_PATH_BYTES];
	AUTO_CLOSE int file = -1;
	int r = netns_remove(path, err);

	if (r < 0)
		return r;
	file = netns_open_pin(path, err);
	if (file < 0)
		return file;
	snprintf(source, sizeof(source), "/proc/self/fd/%d", ns_fd);
	if (mount(source, path, NULL, MS_BIND, NULL) == 0)
		return 0;
	r = error_set(err, -errno, "cannot pin the network namespace at %s: %m", path);
	unlink(path);
	return r;
}

int netns_pin_process(const char *path, uint32_t pid, const char *cgroup_path, uint64_t inode,
		      struct error *err)
{
	char ns_path[PROC_PATH_BYTES];
	AUTO_CLOSE int pidfd = pid ? pidfd_open((pid_t)pid, 0) : -1;
	AUTO_CLOSE int ns_fd = -1;
	uint64_t found = 0;
	int r;

	if (pidfd < 0)
		return error_set(err, -EAGAIN, "process %u of the root container has ended", pid);
	snprintf(ns_path, sizeof(ns_path), "/proc/%u/ns/net", pid);
	ns_fd = open(ns_path, O_RDONLY | O_CLOEXEC);
	if (ns_fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", ns_path);
	r = check_cgroup(pid, cgroup_path, err);
	if (r == 0)
		r = check_namespace(ns_fd, pid, inode, &found, err);
	if (r == 0)
		r = check_alive(pidfd, pid, err);
	if (r < 0)
		return r;
	return netns_inode(path) == found ? 0 : pin(path, ns_fd, err);
}
