/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

enum { RESULT_MAX_BYTES = 64 * 1024, ENV_MAX = 8 };

static const char PATH[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static void find_program(const char *dirs, const char *name, char path[PATH_MAX])
{
	for (const char *dir = dirs; *dir;) {
		size_t len = strcspn(dir, ":");

		snprintf(path, PATH_MAX, "%.*s/%s", (int)len, dir, name);
		if (len && access(path, X_OK) == 0)
			return;
		dir += len + (dir[len] == ':');
	}
	bench_fail("CNI plugin %s is in none of %s", name, dirs);
}

static int open_input(const char *input)
{
	int fd = memfd_create("cni-config", MFD_CLOEXEC);

	if (fd < 0 || write(fd, input, strlen(input)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		bench_fail("cannot make a plugin's input: %m");
	return fd;
}

static pid_t spawn(const char *path, int input, int output, char *const env[])
{
	char *argv[] = { (char *)path, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	r = posix_spawn(&pid, path, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		bench_fail("cannot start %s: %s", path, strerror(r));
	return pid;
}

/* Until it closes its output; then it exits. */
static void read_all(int fd, char text[RESULT_MAX_BYTES])
{
	size_t len = 0;
	ssize_t n;

	while (len < RESULT_MAX_BYTES - 1 &&
	       (n = read(fd, text + len, RESULT_MAX_BYTES - 1 - len)) != 0) {
		if (n < 0 && errno != EINTR)
			bench_fail("cannot read from a plugin: %m");
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
}

/* What it printed is the next plugin's prevResult, or why it failed. */
static json_t *run_one(const char *path, const char *input, char *const env[])
{
	AUTO_CLOSE int input_fd = open_input(input), out = -1, in = -1;
	AUTO_FREE char *text = xcalloc(1, RESULT_MAX_BYTES);
	int pipes[2], status;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		bench_fail("cannot make a pipe: %m");
	in = pipes[0];
	out = pipes[1];
	pid = spawn(path, input_fd, out, env);
	close(take_fd(&out));
	read_all(in, text);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		bench_fail("%s failed: %s", path, text);
	return json_loads(text, 0, NULL);
}

static void run_chain(const struct plugin_run *run, bool add)
{
	AUTO_FREE char *id = xasprintf("CNI_CONTAINERID=%s", run->container_id);
	AUTO_FREE char *netns = xasprintf("CNI_NETNS=%s", run->netns);
	AUTO_FREE char *dirs = xasprintf("CNI_PATH=%s", run->bin_dirs);
	char *env[ENV_MAX] = { (char *)(add ? "CNI_COMMAND=ADD" : "CNI_COMMAND=DEL"),
			       (char *)"CNI_IFNAME=eth0",
			       (char *)PATH,
			       id,
			       netns,
			       dirs };
	size_t n = conflist_count_plugins(run->list);
	json_t *result = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t plugin = add ? i : n - 1 - i;
		AUTO_FREE char *input = conflist_plugin_input(run->list, plugin, result,
							      &(struct interface_wish){ 0 });
		char path[PATH_MAX];

		find_program(run->bin_dirs, conflist_plugin_type(run->list, plugin), path);
		json_decref(result);
		result = run_one(path, input, env);
	}
	json_decref(result);
}

void plugin_add(const struct plugin_run *run)
{
	run_chain(run, true);
}

void plugin_del(const struct plugin_run *run)
{
	run_chain(run, false);
}
