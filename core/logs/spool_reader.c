/* SPDX-License-Identifier: Apache-2.0 */
#include "core/logs/spool_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/logs/log_names.h"

enum { STAT_MAX_BYTES = 512 };

/* Who holds the lock has written its pid there by now, or is about to. */
static pid_t read_pid(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? atoi(text) : 0;
}

/* A thread of it may hang in the kernel, and hold the lock, when all else of it has ended. */
static bool has_ended(pid_t pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/stat", pid);
	AUTO_BUF struct buf text = { 0 };
	const char *state;

	if (fs_read_file(AT_FDCWD, path, STAT_MAX_BYTES, &text, NULL) < 0)
		return true;
	state = text.data ? strrchr(text.data, ')') : NULL; /* behind its name */
	return !state || str_starts_with(state, ") Z") || str_starts_with(state, ") X");
}

/* 1 is nobody that we would end: the lock has only just been taken. */
pid_t spool_reader(const char *dir)
{
	AUTO_FREE char *path = xasprintf("%s/" LOG_LOCK_NAME, dir);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	pid_t pid;

	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	pid = read_pid(fd);
	if (pid <= 1)
		return 1;
	return has_ended(pid) ? 0 : pid;
}
