/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin is known by the namespace it was given, and so is what it has started itself: the
 * environment goes on to both. */
#include "drivers/plugins/earlier.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"

enum {
	ENVIRON_MAX_BYTES = 64 * 1024, /* ours has a few hundred bytes */
	PROC_PATH_BYTES = 64,
	ROUNDS_MAX = 10,   /* one may just be starting another */
	END_MAX_MS = 1000, /* for what was killed to end */
};

static bool works_below(const struct buf *environ_text, const char *netns_dir)
{
	AUTO_FREE char *wanted = xasprintf("CNI_NETNS=%s/", netns_dir);
	const char *end = environ_text->data + environ_text->len;

	for (const char *p = environ_text->data; p && p < end; p += strlen(p) + 1)
		if (str_starts_with(p, wanted))
			return true;
	return false;
}

/* The number cannot become another's once the pidfd is there: asked only then. One that does not
 * end hangs in the kernel and is not waited for. */
static bool end_one(const char *name, const char *netns_dir)
{
	pid_t pid = (pid_t)strtol(name, NULL, 10);
	AUTO_CLOSE int pidfd = pidfd_open(pid, 0);
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	AUTO_BUF struct buf text = { 0 };
	char path[PROC_PATH_BYTES];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	if (pidfd < 0 || pid == getpid() ||
	    fs_read_file(AT_FDCWD, path, ENVIRON_MAX_BYTES, &text, NULL) < 0 ||
	    !works_below(&text, netns_dir))
		return false;
	log_info("a plugin that an earlier kukeond started is ended pid=%d", pid);
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0 && poll(&poll_fd, 1, END_MAX_MS) == 1)
		return true;
	log_warning("a plugin of an earlier kukeond does not end pid=%d", pid);
	return false;
}

static bool end_all(const char *netns_dir)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	bool any = false;

	while (dir && fs_next_entry(dir, &entry) > 0)
		if (isdigit((unsigned char)entry->d_name[0]))
			any |= end_one(entry->d_name, netns_dir);
	if (dir)
		closedir(dir);
	return any;
}

void earlier_plugins_end(const char *netns_dir)
{
	for (int round = 0; round < ROUNDS_MAX && end_all(netns_dir); round++)
		;
}
