/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker's credential helpers (its repository docker-credential-helpers): "get", the server on
 * standard input, JSON on standard output. Run by a process aside, which has given up all rights:
 * nobody, without groups, and without a way back.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "core/aside/aside.h"
#include "core/registry/json.h"
#include "drivers/registry/endpoint.h"

enum {
	NOBODY = 65534,
	OUT_MAX_BYTES = 64 * 1024,
	HELPER_LIMIT_MS = 10 * 1000, /* for it to answer; it may ask a service of the cloud */
};

#define TOKEN_USER "<token>" /* what it says is an identity token */

struct question {
	char *program, *server;
};

enum said {
	SAID_NOTHING,
	SAID_IT,
	NO_PROGRAM,
	NO_RIGHTS_TO_GIVE_UP,
	TOO_LATE,
	TOO_MUCH,
	ENDED_BAD
};

struct result {
	enum said said;
	size_t len;
	char text[OUT_MAX_BYTES + 1];
};

/* ---- in the child ---- */

static bool give_up_rights(void)
{
	const struct rlimit none = { 0, 0 };

	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			       setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return false;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 &&
	       setrlimit(RLIMIT_CORE, &none) == 0 && chdir("/") == 0;
}

static int open_input(const char *server)
{
	int fd = memfd_create("server", MFD_CLOEXEC);
	size_t len = strlen(server);

	if (fd < 0 || write(fd, server, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return fd;
}

static int spawn_from_path(char *program, const int fds[2], pid_t *ret_pid)
{
	static char path[] = "PATH=" HELPER_PATH, home[] = "HOME=/nonexistent", get[] = "get";
	char *const env[] = { path, home, NULL }, *const argv[] = { program, get, NULL };
	const char *dir = HELPER_PATH;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r = ENOENT;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	for (size_t len; *dir && r == ENOENT; dir += len + (dir[len] == ':')) {
		char file[PATH_MAX];

		len = strcspn(dir, ":");
		snprintf(file, sizeof(file), "%.*s/%s", (int)len, dir, program);
		r = posix_spawn(ret_pid, file, &actions, &attr, argv, env);
	}
	return r;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool await(int fd, int64_t until_ms)
{
	struct pollfd waits = { .fd = fd, .events = POLLIN };
	int64_t left_ms = until_ms - now_ms();

	return left_ms > 0 && poll(&waits, 1, (int)left_ms) > 0;
}

static enum said read_output(int fd, int64_t until_ms, struct result *result)
{
	while (await(fd, until_ms)) {
		ssize_t n = read(fd, result->text + result->len, OUT_MAX_BYTES - result->len);

		if (n <= 0)
			return n < 0 || result->len == OUT_MAX_BYTES ? TOO_MUCH : SAID_IT;
		result->len += (size_t)n;
	}
	return TOO_LATE;
}

/* What it says, and how it ends. */
static enum said listen_to(pid_t pid, int out, struct result *result)
{
	int64_t until_ms = now_ms() + HELPER_LIMIT_MS;
	int pidfd = pidfd_open(pid, 0), status = 0;
	enum said said = read_output(out, until_ms, result);

	if (said == SAID_IT && !await(pidfd, until_ms))
		said = TOO_LATE;
	kill(-pid, SIGKILL); /* what it left running, too */
	if (waitpid(pid, &status, 0) == pid && said == SAID_IT && status != 0)
		return ENDED_BAD;
	return said;
}

static enum said run_helper(const struct question *question, struct result *result)
{
	int input = open_input(question->server), pipes[2];
	pid_t pid;

	if (!give_up_rights())
		return NO_RIGHTS_TO_GIVE_UP;
	if (input < 0 || pipe2(pipes, O_CLOEXEC) < 0 ||
	    spawn_from_path(question->program, (const int[]){ input, pipes[1] }, &pid) != 0)
		return NO_PROGRAM;
	close(pipes[1]);
	return listen_to(pid, pipes[0], result);
}

static void run(struct aside_page *page, void *result, const void *ctx)
{
	const struct question *question = ctx;
	struct result *ret = result;

	str_copy(page->at, sizeof(page->at), question->program);
	ret->said = run_helper(question, ret);
}

/* ---- what it said ---- */

static int read_answer(const char *program, const struct result *result, struct secret *ret_secret,
		       struct error *err)
{
	AUTO(registry_json_unref) json_t *root = NULL;
	const char *username, *text;

	if (registry_json_parse("answer", result->text, result->len, &root, NULL) < 0)
		return error_set(err, -EBADMSG, "%s did not answer with JSON", program);
	username = registry_json_string(root, "Username");
	text = registry_json_string(root, "Secret");
	if (!*text)
		return error_set(err, -ENOENT, "%s has no secret", program);
	*ret_secret = (struct secret){
		.kind = str_equal(username, TOKEN_USER) ? LOGIN_IDENTITY_TOKEN : LOGIN_PASSWORD,
		.username = xstrdup(str_equal(username, TOKEN_USER) ? "" : username),
		.text = xstrdup(text),
	};
	return 0;
}

/* One that has nothing for a server ends with 1 and a fixed sentence. */
static int judge(const char *program, const struct result *result, struct secret *ret_secret,
		 struct error *err)
{
	switch (result->said) {
	case SAID_IT:
		return read_answer(program, result, ret_secret, err);
	case ENDED_BAD:
		if (strstr(result->text, "credentials not found"))
			return error_set(err, -ENOENT, "%s has no credentials", program);
		return error_set(err, -EACCES, "%s failed; run it as nobody to see why", program);
	case NO_PROGRAM:
		return error_set(err, -EACCES, "%s cannot be started from " HELPER_PATH, program);
	case TOO_LATE:
		return error_set(err, -ETIMEDOUT, "%s did not answer within %d s", program,
				 HELPER_LIMIT_MS / 1000);
	case TOO_MUCH:
		return error_set(err, -EFBIG, "%s said more than 64 KiB", program);
	default:
		return error_set(err, -EACCES, "%s cannot be run as nobody", program);
	}
}

int helper_ask(const char *name, const char *server, struct secret *ret_secret, struct error *err)
{
	AUTO_FREE char *program = xasprintf("docker-credential-%s", name);
	AUTO_FREE char *to = xstrdup(server);
	const struct question question = { program, to };
	const struct aside aside = {
		.name = program,
		.run = run,
		.ctx = &question,
		.result_bytes = sizeof(struct result),
		.allocates = true,
		.limit_ms = HELPER_LIMIT_MS + ASIDE_LIMIT_MS,
	};
	void *result = NULL;
	int r = aside_run(&aside, &result, NULL, err);

	if (r < 0)
		return r;
	r = judge(program, result, ret_secret, err);
	explicit_bzero(result, sizeof(struct result));
	free(result);
	return r;
}
