/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the kuke that was built (KUKE_PROGRAM) with its streams in pipes. For tests only. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/base/buf.h"

enum { RUN_WORDS_MAX = 256 };

struct run {
	int code; /* -signal when one ended it */
	struct buf out, err;
};

static inline void run_fini(struct run *run)
{
	buf_fini(&run->out);
	buf_fini(&run->err);
}

/* Files in memory rather than pipes: nothing can fill up. */
static inline void run_read(int fd, struct buf *ret)
{
	off_t size = lseek(fd, 0, SEEK_END);

	assert_true(size >= 0);
	buf_add(ret, "", 0);
	assert_int_equal(pread(fd, buf_reserve(ret, (size_t)size + 1), (size_t)size, 0), size);
	ret->len = (size_t)size;
	ret->data[size] = '\0';
	close(fd);
}

enum { RUN_VARIABLES_MAX = 8 };

/* What a test gives, and what a sanitizer of the program wants to know. */
static inline void run_environment(char *const given[], char *ret_environment[])
{
	static const char sanitizer[] = "TSAN_OPTIONS=";
	size_t n = 0;

	for (; given && given[n]; n++) {
		assert_true(n < RUN_VARIABLES_MAX);
		ret_environment[n] = given[n];
	}
	for (char **variable = environ; *variable; variable++)
		if (strncmp(*variable, sanitizer, strlen(sanitizer)) == 0)
			ret_environment[n++] = *variable;
	ret_environment[n] = NULL;
}

/* Takes @err_fd. */
static inline struct run run_kuke_to(int err_fd, const char *line, char *const environment[])
{
	char *variables[RUN_VARIABLES_MAX + 2], *argv[RUN_WORDS_MAX + 2] = { NULL };
	AUTO_FREE char *words = xasprintf("kuke %s", line);
	char *rest = words + strlen("kuke ");
	struct run run = { 0 };
	posix_spawn_file_actions_t actions;
	int out = memfd_create("out", MFD_CLOEXEC), status;
	pid_t pid;

	argv[0] = words;
	words[strlen("kuke")] = '\0';
	for (size_t n = 1; rest && *rest; n++) {
		assert_true(n <= RUN_WORDS_MAX);
		argv[n] = strsep(&rest, " ");
	}
	run_environment(environment, variables);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
	assert_int_equal(posix_spawn(&pid, KUKE_PROGRAM, &actions, NULL, argv, variables), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	run.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	run_read(out, &run.out);
	return run;
}

/* @line: the words after "kuke", separated by single spaces. @environment: NULL for PATH alone. */
static inline struct run run_kuke(const char *line, char *const environment[])
{
	int err = memfd_create("err", MFD_CLOEXEC);
	struct run run = run_kuke_to(err, line, environment);

	run_read(err, &run.err);
	return run;
}

/* The same while somebody watches: standard error is a terminal. It takes some kilobytes. */
static inline struct run run_kuke_watched(const char *line, char *const environment[])
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	struct run run;
	ssize_t n;
	int err;

	assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
	err = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(err >= 0);
	run = run_kuke_to(err, line, environment);
	buf_add(&run.err, "", 0);
	while ((n = read(terminal, buf_reserve(&run.err, BUFSIZ), BUFSIZ)) > 0)
		run.err.len += (size_t)n;
	buf_add(&run.err, "", 0);
	close(err);
	close(terminal);
	return run;
}

/* NULL for @out or @err: whatever. The last character '*' stands for any rest. */
static inline bool run_matches(const struct buf *text, const char *expected)
{
	size_t len = expected ? strlen(expected) : 0;

	if (!expected)
		return true;
	if (len && expected[len - 1] == '*')
		return strncmp(text->data, expected, len - 1) == 0;
	return strcmp(text->data, expected) == 0;
}

static inline void run_expect(const char *line, char *const environment[], int code,
			      const char *out, const char *err)
{
	struct run run = run_kuke(line, environment);

	if (run.code != code || !run_matches(&run.out, out) || !run_matches(&run.err, err))
		fail_msg("kuke %s: exit %d, expected %d\n-- stdout:\n%s-- expected:\n%s\n-- "
			 "stderr:\n%s-- expected:\n%s",
			 line, run.code, code, run.out.data, out ? out : "(any)", run.err.data,
			 err ? err : "(any)");
	run_fini(&run);
}
