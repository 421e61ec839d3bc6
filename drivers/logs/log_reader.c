/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/logs/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/logs/log_names.h"

enum { TOKEN_MAX_BYTES = 64 };

/* It holds a few pages for each container; what more it wants is a fault of it. */
#define MEMORY_MAX "67108864"

/* A host without cgroup controllers has no limit to give. */
static void move_to_cgroup(const char *dir, pid_t pid)
{
	AUTO_CLOSE int fd = -1;
	char text[32];
	struct error err;

	snprintf(text, sizeof(text), "%d", pid);
	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fs_write_existing(fd, "memory.max", MEMORY_MAX, NULL);
	if (fs_write_existing(fd, "cgroup.procs", text, &err) < 0)
		log_debug("kukeon-log has no cgroup of its own: %s", err.msg);
}

static int spawn(const char *program, char *const argv[], pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	r = posix_spawn(ret_pid, program, &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

int log_reader_start(const struct log_keeper_options *options, pid_t *ret_pid, struct error *err)
{
	AUTO_FREE char *spool = xasprintf("--spool=%s", options->spool);
	AUTO_FREE char *state = xasprintf("--state=%s", options->state);
	AUTO_FREE char *group = xasprintf("--group=%s", options->group ? options->group : "");
	char *argv[] = { (char *)"kukeon-log", spool, state, options->group ? group : NULL, NULL };
	int r = fs_make_dirs(options->spool, 0700, err);

	if (r < 0)
		return r;
	r = spawn(options->program, argv, ret_pid);
	if (r < 0)
		return error_set(err, r, "cannot start %s: %s", options->program, strerror(-r));
	if (options->cgroup)
		move_to_cgroup(options->cgroup, *ret_pid);
	return 0;
}

/* In one step: what it reads is whole. */
int log_reader_ask(const char *spool, const char *token, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/" LOG_PING_NAME, spool);
	AUTO_FREE char *beside = xasprintf("%s.new", path);
	AUTO_CLOSE int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t len = strlen(token);

	if (fd < 0 || write(fd, token, len) != (ssize_t)len || rename(beside, path) < 0)
		return fs_error(err, -errno, "cannot write", path);
	return 0;
}

bool log_reader_answered(const char *spool, const char *token)
{
	AUTO_FREE char *path = xasprintf("%s/" LOG_PULSE_NAME, spool);
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, path, TOKEN_MAX_BYTES, &text, NULL) == 0 &&
	       text.len == strlen(token) && memcmp(text.data, token, text.len) == 0;
}
