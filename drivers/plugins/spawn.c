/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/plugins/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "core/base/log.h"
#include "core/base/str.h"

void spawned_fini(struct spawned *process)
{
	for (int i = 0; i < SPAWNED_COUNT; i++)
		cleanup_close(&process->fds[i]);
}

void spawned_kill(const struct spawned *process, int sig)
{
	if (kill(-process->pid, sig) < 0 && errno != ESRCH)
		log_debug("cannot signal a plugin's process group error=\"%m\" pid=%d",
			  process->pid);
}

/* stdin as a memory file: nothing to feed, and a program that does not read it hurts nobody. */
static int open_input(const char *input)
{
	AUTO_CLOSE int fd = memfd_create("cni-config", MFD_CLOEXEC);
	size_t len = strlen(input);

	if (fd < 0 || write(fd, input, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(&fd);
}

static int spawn(const struct spawn_request *request, const char *path, const int fds[3],
		 pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, fds[i], i);
	r = posix_spawn(ret_pid, path, &actions, &attr, request->argv, request->env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

/* Tries the directories in order; starting it is the look-up. */
static int spawn_from_dirs(const struct spawn_request *request, const int fds[3], pid_t *ret_pid,
			   struct error *err)
{
	int r = -ENOENT;

	for (const char *dir = request->dirs; *dir && r == -ENOENT;) {
		size_t len = strcspn(dir, ":");
		AUTO_FREE char *path = xasprintf("%.*s/%s", (int)len, dir, request->name);

		if (len)
			r = spawn(request, path, fds, ret_pid);
		dir += len + (dir[len] == ':');
	}
	if (r == -ENOENT)
		return error_set(err, r,
				 "plugin %s is in none of %s: install it or set --cni-bin-dir",
				 request->name, request->dirs);
	return r < 0 ? error_set(err, r, "cannot start plugin %s: %s", request->name, strerror(-r))
		     : 0;
}

int spawn_plugin(const struct spawn_request *request, struct spawned *ret, struct error *err)
{
	AUTO_CLOSE int input = open_input(request->input);
	AUTO_CLOSE int out_end = -1, err_end = -1;
	int pipes[2];
	int r;

	if (input < 0)
		return error_set(err, input, "cannot make the input of plugin %s: %s",
				 request->name, strerror(-input));
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot make a pipe: %m");
	ret->fds[SPAWNED_OUT] = pipes[0];
	out_end = pipes[1];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot make a pipe: %m");
	ret->fds[SPAWNED_ERR] = pipes[0];
	err_end = pipes[1];
	r = spawn_from_dirs(request, (const int[]){ input, out_end, err_end }, &ret->pid, err);
	if (r < 0)
		return r;
	ret->fds[SPAWNED_EXIT] = pidfd_open(ret->pid, 0);
	if (ret->fds[SPAWNED_EXIT] < 0) {
		/* Out of descriptors: take it back. It dies at once, so this wait is short. */
		r = error_set(err, -errno, "cannot watch plugin %s: %m", request->name);
		spawned_kill(ret, SIGKILL);
		waitid(P_PID, (id_t)ret->pid, NULL, WEXITED);
	}
	return r;
}
