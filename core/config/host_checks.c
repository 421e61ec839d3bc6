/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/host_checks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/config/programs.h"

enum {
	CONTROLLERS_MAX_BYTES = 4096,
	VERSION_MAX_BYTES = 4096,
	PROGRAM_TIMEOUT_MS = 5000, /* for a program to say its version */
};

/* The oldest that is tested: what Debian 12 has. */
enum { CONTAINERD_MAJOR_MIN = 1, CONTAINERD_MINOR_MIN = 6, RUNC_MAJOR_MIN = 1 };

/* ---- the list ---- */

void host_checks_fini(struct host_checks *checks)
{
	for (size_t i = 0; i < checks->n; i++)
		protobuf_c_message_free_unpacked(&checks->items[i]->base, NULL);
	free(checks->items);
	*checks = (struct host_checks){ 0 };
}

static void append(struct host_checks *checks, Api__HostCheck *check)
{
	checks->items = xrealloc(checks->items, (checks->n + 1) * sizeof(*checks->items));
	checks->items[checks->n++] = check;
}

void host_checks_add(struct host_checks *checks, const char *name, Api__HostCheck__Result result,
		     char *message, char *remedy)
{
	Api__HostCheck *check = xnew(Api__HostCheck);

	api__host_check__init(check);
	check->name = xstrdup(name);
	check->has_result = true;
	check->result = result;
	check->message = message;
	check->remedy = remedy;
	append(checks, check);
}

void host_checks_remove(struct host_checks *checks, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < checks->n; i++)
		if (str_equal(checks->items[i]->name, name))
			protobuf_c_message_free_unpacked(&checks->items[i]->base, NULL);
		else
			checks->items[kept++] = checks->items[i];
	checks->n = kept;
}

void host_checks_take(struct host_checks *checks, Api__HostCheck ***items, size_t *n)
{
	struct host_checks reply = { *items, *n };

	for (size_t i = 0; i < checks->n; i++)
		append(&reply, checks->items[i]);
	checks->n = 0;
	host_checks_fini(checks);
	*items = reply.items;
	*n = reply.n;
}

/* ---- each of them ---- */

static void check_cgroup(const Api__Config *config, struct host_checks *checks)
{
	AUTO_FREE char *path = xasprintf("%s/cgroup.controllers", config->cgroup_mount);
	AUTO_BUF struct buf controllers = { 0 };
	struct statfs fs;

	if (statfs(config->cgroup_mount, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
		host_checks_add(checks, "cgroup v2", API__HOST_CHECK__RESULT__RESULT_FAILED,
				xasprintf("not mounted at %s", config->cgroup_mount),
				xstrdup("boot the host with the kernel parameter "
					"systemd.unified_cgroup_hierarchy=1, or give "
					"--cgroup-mount"));
		return;
	}
	fs_read_file(AT_FDCWD, path, CONTROLLERS_MAX_BYTES, &controllers, NULL);
	while (controllers.len && controllers.data[controllers.len - 1] == '\n')
		controllers.data[--controllers.len] = '\0';
	host_checks_add(checks, "cgroup v2", API__HOST_CHECK__RESULT__RESULT_PASSED,
			controllers.len ? buf_take(&controllers)
					: xstrdup("no controllers (limits will not work)"),
			NULL);
}

void host_checks_add_containerd(struct host_checks *checks, const char *version)
{
	unsigned major = 0, minor = 0;

	if (!version)
		version = "version not known";
	else if (sscanf(version + (version[0] == 'v'), "%u.%u", &major, &minor) == 2 &&
		 (major < CONTAINERD_MAJOR_MIN ||
		  (major == CONTAINERD_MAJOR_MIN && minor < CONTAINERD_MINOR_MIN))) {
		host_checks_add(checks, "containerd", API__HOST_CHECK__RESULT__RESULT_FAILED,
				xasprintf("version %s", version),
				xasprintf("install %d.%d or later", CONTAINERD_MAJOR_MIN,
					  CONTAINERD_MINOR_MIN));
		return;
	}
	host_checks_add(checks, "containerd", API__HOST_CHECK__RESULT__RESULT_PASSED,
			xstrdup(version), NULL);
}

/* What the program prints, as far as it comes in time. */
static void read_output(int fd, struct buf *ret)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	while (ret->len < VERSION_MAX_BYTES && poll(&poll_fd, 1, PROGRAM_TIMEOUT_MS) > 0) {
		ssize_t n = read(fd, buf_reserve(ret, VERSION_MAX_BYTES), VERSION_MAX_BYTES);

		if (n <= 0)
			break;
		ret->len += (size_t)n;
	}
	buf_add(ret, "", 0); /* terminated */
}

/* Runs "@path --version"; "" when that says nothing. */
static void ask_version(const char *path, struct buf *ret)
{
	char *const argv[] = { (char *)path, (char *)"--version", NULL };
	char *const environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, path, &actions, NULL, argv, environment) != 0)
		pid = 0;
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (pid) {
		read_output(fds[0], ret);
		kill(pid, SIGKILL); /* it has said what it had to say, and is not waited for yet */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
}

static void check_runc(struct host_checks *checks)
{
	AUTO_FREE char *path = host_find_program("runc");
	AUTO_BUF struct buf text = { 0 };
	unsigned major = 0;

	if (!path) {
		host_checks_add(checks, "runc", API__HOST_CHECK__RESULT__RESULT_FAILED,
				xstrdup("not found"), xstrdup("install runc (package runc)"));
		return;
	}
	ask_version(path, &text);
	if (text.len)
		text.data[strcspn(text.data, "\n")] = '\0';
	if (text.len && sscanf(text.data, "runc version %u", &major) == 1 && major < RUNC_MAJOR_MIN)
		host_checks_add(checks, "runc", API__HOST_CHECK__RESULT__RESULT_WARNING,
				xasprintf("%s, %.100s", path, text.data),
				xasprintf("install %d.0 or later", RUNC_MAJOR_MIN));
	else
		host_checks_add(checks, "runc", API__HOST_CHECK__RESULT__RESULT_PASSED,
				text.len ? xasprintf("%s, %.100s", path, text.data) : xstrdup(path),
				NULL);
}

/* The loopback interface is raised by kukeond itself. */
static void check_plugins(const Api__Config *config, struct host_checks *checks)
{
	static const char *const names[] = { "bridge", "host-local" };
	AUTO_BUF struct buf missing = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *path = host_find_in(config->cni_bin_dir, names[i]);

		if (!path)
			buf_printf(&missing, "%s%s", missing.len ? ", " : "", names[i]);
	}
	if (!missing.len) {
		host_checks_add(checks, "CNI plugins", API__HOST_CHECK__RESULT__RESULT_PASSED,
				xstrdup("bridge, host-local"), NULL);
		return;
	}
	buf_printf(&missing, " not found in %s", config->cni_bin_dir);
	host_checks_add(checks, "CNI plugins", API__HOST_CHECK__RESULT__RESULT_FAILED,
			buf_take(&missing),
			xstrdup("install the CNI plugins (package containernetworking-plugins), or "
				"give --cni-bin-dir"));
}

void host_checks_make(const Api__Config *config, struct host_checks *checks)
{
	check_cgroup(config, checks);
	check_runc(checks);
	check_plugins(config, checks);
}
