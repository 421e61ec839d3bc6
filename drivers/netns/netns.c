/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A namespace belongs to the thread that made it. The worker enters a new one, pins it and goes
 * back; a worker that cannot go back would run other cells' work in the wrong network, so the
 * process ends instead.
 */
#include "drivers/netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "core/base/buf.h"
#include "core/base/fs.h"

enum { STACKED_MOUNTS_MAX = 16, SWITCH_MAX_BYTES = 16 };

static const char THREAD_NETNS[] = "/proc/thread-self/ns/net";

enum netns_pin netns_inspect(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, own;
	struct statfs fs;

	if (fd < 0 && errno == ENOENT)
		return NETNS_NONE;
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC || fstat(fd, &st) < 0)
		return NETNS_STALE;
	if (stat("/proc/self/ns/net", &own) < 0 ||
	    (own.st_ino == st.st_ino && own.st_dev == st.st_dev))
		return NETNS_OWN;
	return NETNS_LIVE;
}

uint64_t netns_inode(const char *path)
{
	struct stat st;

	return netns_inspect(path) == NETNS_LIVE && stat(path, &st) == 0 ? st.st_ino : 0;
}

/* In the namespace of this thread. */
static int raise_loopback(struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_set(err, -errno, "cannot bring lo up: %m");
	return 0;
}

/*
 * In the namespace of this thread. Addresses are given out by us: nobody has to find out for a
 * second whether another has one of them. And what a neighbour says of routes is not believed. A
 * kernel without IPv6 has nothing to set.
 */
static void calm_ipv6(void)
{
	static const char *const settings[] = { "all/accept_dad",     "all/dad_transmits",
						"default/accept_dad", "default/dad_transmits",
						"all/accept_ra",      "default/accept_ra" };

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		AUTO_FREE char *path = xasprintf("/proc/sys/net/ipv6/conf/%s", settings[i]);

		fs_write_existing(AT_FDCWD, path, "0", NULL);
	}
}

/* A new namespace takes over what the host's first one does: there it is most often on, and a cell
 * that joins a space would be a way from one space to the other. */
int netns_stop_forwarding(struct error *err)
{
	static const char *const switches[] = { "/proc/sys/net/ipv4/ip_forward",
						"/proc/sys/net/ipv6/conf/all/forwarding" };

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		AUTO_BUF struct buf now = { 0 };
		int r = fs_read_file(AT_FDCWD, switches[i], SWITCH_MAX_BYTES, &now, err);

		if (r == 0 && now.data && now.data[0] != '0')
			r = fs_write_existing(AT_FDCWD, switches[i], "0", err);
		if (r < 0 && r != -ENOENT) /* a kernel without IPv6 */
			return r;
	}
	return 0;
}

static int make_and_pin(const char *path, struct error *err)
{
	AUTO_CLOSE int back = open(THREAD_NETNS, O_RDONLY | O_CLOEXEC);
	int r;

	if (back < 0)
		return error_set(err, -errno, "cannot open %s: %m", THREAD_NETNS);
	if (unshare(CLONE_NEWNET) < 0)
		return error_set(err, -errno, "cannot make a network namespace: %m");
	calm_ipv6();
	r = raise_loopback(err);
	if (r == 0)
		r = netns_stop_forwarding(err);
	if (r == 0 && mount(THREAD_NETNS, path, NULL, MS_BIND, NULL) < 0)
		r = error_set(err, -errno, "cannot pin the network namespace at %s: %m", path);
	check(setns(back, CLONE_NEWNET) == 0);
	return r;
}

int netns_open_pin(const char *path, struct error *err)
{
	AUTO_FREE char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int r = fs_make_dirs(dir, 0755, err), fd;

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444);
	return fd < 0 ? error_set(err, -errno, "cannot create %s: %m", path) : fd;
}

int netns_create(const char *path, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	int r;

	switch (netns_inspect(path)) {
	case NETNS_LIVE:
		return 0;
	case NETNS_OWN:
		return error_set(err, -EPERM,
				 "%s is the daemon's own network namespace: unmount it", path);
	case NETNS_STALE:
	case NETNS_NONE:
		break;
	}
	fd = netns_open_pin(path, err);
	if (fd < 0)
		return fd;
	r = make_and_pin(path, err);
	if (r < 0)
		unlink(path);
	return r;
}

int netns_remove(const char *path, struct error *err)
{
	enum netns_pin pin = netns_inspect(path);

	for (int i = 0; pin == NETNS_LIVE && i < STACKED_MOUNTS_MAX; i++) {
		if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return error_set(err, -errno, "cannot unmount %s: %m", path);
		pin = netns_inspect(path);
	}
	if (pin == NETNS_OWN)
		return error_set(err, -EPERM,
				 "%s is the daemon's own network namespace, not removed", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "cannot remove %s: %m", path);
	return 0;
}
