/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker's credential helpers (its repository docker-credential-helpers): "get", the server on
 * standard input, JSON on standard output. Run by a process aside, which has given up all rights:
 * nobody, without groups, and without a way back.
 *
 * It ends with the daemon, however that ends: the process aside sees that, and kills the helper's
 * group, with whatever it has started. Of the process aside the helper hears from the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
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
	pid_t daemon; /* who asks */
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
	bool not_started; /* said by the child that was to become the helper */
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

/* In the child that becomes the helper. */
static void start_from_path(const struct question *question, const int fds[2], pid_t parent,
			    struct result *result)
{
	static char path[] = "PATH=" HELPER_PATH, home[] = "HOME=/nonexistent", get[] = "get";
	char *const env[] = { path, home, NULL }, *const argv[] = { question->program, get, NULL };
	const char *dir = HELPER_PATH;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(fds[0], STDIN_FILENO) < 0 ||
	    dup2(fds[1], STDOUT_FILENO) < 0)
		_exit(EXIT_FAILURE);
	errno = ENOENT;
	for (size_t len; *dir && errno == ENOENT; dir += len + (dir[len] == ':')) {
		char file[PATH_MAX];

		len = strcspn(dir, ":");
		snprintf(file, sizeof(file), "%.*s/%s", (int)len, dir, question->program);
		execve(file, argv, env);
	}
	result->not_started = true;
	_exit(EXIT_FAILURE);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is waited for. */
struct helper {
	pid_t pid;
	int pidfd, out;
	int daemon; /* who asked; a pidfd too */
	int64_t until_ms;
};

static bool await(const struct helper *helper, int fd)
{
	struct pollfd waits[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = helper->daemon, .events = POLLIN },
	};
	int64_t left_ms = helper->until_ms - now_ms();

	return left_ms > 0 && poll(waits, ARRAY_SIZE(waits), (int)left_ms) > 0 && !waits[1].revents;
}

static enum said read_output(const struct helper *helper, struct result *result)
{
	while (await(helper, helper->out)) {
		ssize_t n =
			read(helper->out, result->text + result->len, OUT_MAX_BYTES - result->len);

		if (n <= 0)
			return n < 0 || result->len == OUT_MAX_BYTES ? TOO_MUCH : SAID_IT;
		result->len += (size_t)n;
	}
	return TOO_LATE;
}

/* What it says, and how it ends. */
static enum said listen_to(const struct helper *helper, struct result *result)
{
	enum said said = read_output(helper, result);
	int status = 0;

	if (said == SAID_IT && !await(helper, helper->pidfd))
		said = TOO_LATE;
	kill(-helper->pid, SIGKILL); /* what it left running, too */
	if (waitpid(helper->pid, &status, 0) != helper->pid || said != SAID_IT || status == 0)
		return said;
	return result->not_started ? NO_PROGRAM : ENDED_BAD;
}

static enum said start_and_listen(const struct question *question, struct helper *helper,
				  struct result *result)
{
	int input = open_input(question->server), pipes[2];
	pid_t parent = getpid();

	if (input < 0 || pipe2(pipes, O_CLOEXEC) < 0)
		return NO_PROGRAM;
	helper->until_ms = now_ms() + HELPER_LIMIT_MS;
	helper->out = pipes[0];
	helper->pid =
		_Fork(); /* libuv closes its own after fork(): by numbers that are ours here */
	if (helper->pid == 0)
		start_from_path(question, (const int[]){ input, pipes[1] }, parent, result);
	if (helper->pid < 0)
		return NO_PROGRAM;
	setpgid(helper->pid, helper->pid); /* as it does itself: who of both comes first */
	helper->pidfd = pidfd_open(helper->pid, 0);
	close(pipes[1]);
	return listen_to(helper, result);
}

static enum said run_helper(const struct question *question, struct result *result)
{
	struct helper helper = { .daemon = pidfd_open(question->daemon, 0) };

	if (helper.daemon < 0 || getppid() != question->daemon)
		return TOO_LATE;
	if (!give_up_rights())
		return NO_RIGHTS_TO_GIVE_UP;
	return start_and_listen(question, &helper, result);
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
	const struct question question = { program, to, getpid() };
	const struct aside aside = {
		.name = program,
		.run = run,
		.ctx = &question,
		.result_bytes = sizeof(struct result),
		.allocates = true,
		.follows = true,
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
