/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "core/base/fs.h"
#include "core/base/log.h"

enum {
	TOKEN_MAX_BYTES = 64,
	STAT_MAX_BYTES = 512,
	LATE_TRIES = 3,
	LOCK_RETRY_MS = 200, /* at start, while another kukeon-log lives: whether it does */
};

/* ---- the lock ---- */

/* Its first thread is gone, so that nothing of it will read again. */
static bool is_dead(long pid)
{
	char path[64];
	AUTO_BUF struct buf text = { 0 };
	const char *state;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (fs_read_file(AT_FDCWD, path, STAT_MAX_BYTES, &text, NULL) < 0)
		return true;
	state = strrchr(text.data, ')'); /* behind its name, which may hold anything */
	return state == NULL || strncmp(state, ") Z", 3) == 0 || strncmp(state, ") X", 3) == 0;
}

static bool holder_is_dead(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	return pid > 0 && is_dead(pid);
}

/* The file may have been put in the place of ours meanwhile. */
static bool is_the_lock(int spool_fd, int fd)
{
	struct stat ours, now;

	return fstat(fd, &ours) == 0 && fstatat(spool_fd, LOG_LOCK_NAME, &now, 0) == 0 &&
	       ours.st_ino == now.st_ino && ours.st_dev == now.st_dev;
}

/* 1: we have it, 0: somebody else does. @is_late: one that is dead, and cannot give it back, keeps
 * the old file; one that has just taken it has said by now who it is. */
static int try_lock(int spool_fd, bool is_late, int *ret_fd)
{
	AUTO_CLOSE int fd =
		openat(spool_fd, LOG_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (is_late && holder_is_dead(fd) && is_the_lock(spool_fd, fd))
			unlinkat(spool_fd, LOG_LOCK_NAME, 0);
		return 0;
	}
	if (!is_the_lock(spool_fd, fd))
		return 0;
	*ret_fd = take_fd(&fd);
	return 1;
}

static int wait_for_lock(int spool_fd, int *ret_fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_RETRY_MS * 1000000L };
	int tries = 0, r;

	while ((r = try_lock(spool_fd, tries >= LATE_TRIES, ret_fd)) == 0) {
		if (tries++ == 0)
			log_info("waiting for another kukeon-log to end");
		nanosleep(&pause, NULL);
	}
	return r;
}

int spool_lock(int spool_fd, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", getpid());
	int r = wait_for_lock(spool_fd, &fd);

	if (r < 0)
		return fs_error(err, r, "open", LOG_LOCK_NAME);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
		return fs_error(err, -errno, "write", LOG_LOCK_NAME);
	return take_fd(&fd);
}

/* ---- files ---- */

int spool_put(int spool_fd, const char *name, const void *data, size_t len)
{
	char temp[LOG_NAME_MAX_BYTES + 8];

	snprintf(temp, sizeof(temp), ".%s~", name);
	AUTO_CLOSE int fd =
		openat(spool_fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		return errno > 0 ? -errno : -ENOSPC;
	return renameat(spool_fd, temp, spool_fd, name) < 0 ? -errno : 0;
}

void spool_answer(int spool_fd)
{
	char token[TOKEN_MAX_BYTES];
	AUTO_CLOSE int fd =
		openat(spool_fd, LOG_PING_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, token, sizeof(token)) : -1;

	if (n >= 0)
		spool_put(spool_fd, LOG_PULSE_NAME, token, (size_t)n);
}

bool spool_has(int spool_fd, const char *entry, enum log_suffix suffix)
{
	char name[LOG_NAME_MAX_BYTES];

	return log_spool_format(entry, suffix, name) &&
	       (faccessat(spool_fd, name, F_OK, 0) == 0 || errno != ENOENT);
}

int spool_scan(int spool_fd, void (*each)(const char *name, void *arg), void *arg,
	       struct error *err)
{
	DIR *dir = fs_list_fd(spool_fd);
	struct dirent *item;
	int r;

	if (dir == NULL)
		return fs_error(err, -errno, "list", "the spool");
	while ((r = fs_next_entry(dir, &item)) > 0)
		each(item->d_name, arg);
	closedir(dir);
	return r < 0 ? fs_error(err, r, "list", "the spool") : 0;
}
