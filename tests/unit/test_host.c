/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that the service manager passes, as it passes it: descriptor 3 and two variables. And
 * the lock on a directory. */
#include "core/host/daemon_host.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/base/str.h"

enum { PASSED_FD = 3 };

static char directory[32], path[64];

static int setup(void **state UNUSED)
{
	snprintf(directory, sizeof(directory), "/tmp/test-host-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/it", directory);
	return 0;
}

static int teardown(void **state UNUSED)
{
	unlink(path);
	rmdir(directory);
	close(PASSED_FD);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	return 0;
}

static int bound_socket(int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void pass(int fd, const char *count)
{
	AUTO_FREE char *pid = xasprintf("%d", getpid());

	assert_int_equal(dup2(fd, PASSED_FD), PASSED_FD);
	if (fd != PASSED_FD)
		close(fd);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
}

static void test_none(void **state UNUSED)
{
	char *bound = NULL;
	int fd = 0;

	assert_int_equal(host_take_socket(&fd, &bound, NULL), 0);
	assert_int_equal(fd, -1);
	assert_null(bound);
	host_keep_socket();
}

static void test_taken(void **state UNUSED)
{
	int listener = bound_socket(SOCK_STREAM), fd = -1;
	struct stat passed, taken;
	char *bound = NULL;

	assert_int_equal(listen(listener, 1), 0);
	pass(listener, "1");
	assert_int_equal(host_take_socket(&fd, &bound, NULL), 0);
	assert_string_equal(bound, path);
	assert_true(fd > PASSED_FD);
	assert_int_equal(fstat(PASSED_FD, &passed) | fstat(fd, &taken), 0);
	assert_int_equal(passed.st_ino, taken.st_ino);
	assert_true(fcntl(fd, F_GETFD) & fcntl(PASSED_FD, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	free(bound);

	/* It goes along when the program executes itself, and is found again. */
	host_keep_socket();
	assert_int_equal(fcntl(PASSED_FD, F_GETFD) & FD_CLOEXEC, 0);
	assert_int_equal(host_take_socket(&fd, &bound, NULL), 0);
	close(fd);
	free(bound);
}

static void refused(const char *expected)
{
	struct error err = { 0 };
	char *bound = NULL;
	int fd = -1;

	if (host_take_socket(&fd, &bound, &err) != -EINVAL)
		fail_msg("%s", err.msg);
	assert_int_equal(fd, -1);
	assert_null(bound);
	if (!strstr(err.msg, expected))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, expected);
}

static void test_wrong(void **state UNUSED)
{
	pass(bound_socket(SOCK_STREAM), "1"); /* does not listen */
	refused("no listening unix stream socket");
	unlink(path);
	pass(bound_socket(SOCK_DGRAM), "1");
	refused("no listening unix stream socket");
	pass(open("/dev/null", O_RDONLY | O_CLOEXEC), "1");
	refused("no listening unix stream socket");
	if (fcntl(PASSED_FD + 1, F_GETFD) < 0)
		dup2(PASSED_FD, PASSED_FD + 1);
	pass(PASSED_FD, "2");
	refused("2 sockets were passed, expected one");
	setenv("LISTEN_FDS", "many", 1);
	refused("cannot read which sockets were passed");
}

static void fini_lock(const char *dir)
{
	AUTO_FREE char *file = xasprintf("%s/kukeond.lock", dir);

	unlink(file);
	rmdir(dir);
}

/* A child of a daemon that is dead lets go soon; another daemon does not. */
static void test_lock(void **state UNUSED)
{
	int first = -1, second = -1, go[2];
	pid_t pid;
	char byte;

	assert_int_equal(host_lock(path, &first, NULL), 0);
	assert_int_equal(host_lock(path, &second, NULL), -EWOULDBLOCK);
	assert_int_equal(second, -1);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) { /* holds what it has inherited */
		if (read(go[0], &byte, 1) == 1)
			usleep(50 * 1000);
		_exit(0);
	}
	close(first);
	assert_int_equal(write(go[1], "", 1), 1);
	assert_int_equal(host_lock(path, &second, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(second);
	close(go[0]);
	close(go[1]);
	fini_lock(path);
}

static void not_listened(int code, const char *expected)
{
	struct host_socket socket = { .fd = -1 };
	struct error err = { 0 };

	if (host_listen(path, &socket, &err) != code)
		fail_msg("%d, not %d: %s", err.code, code, err.msg);
	if (!strstr(err.msg, expected))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, expected);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_listen(void **state UNUSED)
{
	struct host_socket first = { 0 }, second = { 0 };
	struct stat st;

	assert_int_equal(host_listen(path, &first, NULL), 0);
	assert_int_equal(fcntl(first.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	not_listened(-EADDRINUSE, "another program serves");

	/* What its owner left behind is replaced. */
	close(first.fd);
	assert_int_equal(host_listen(path, &second, NULL), 0);

	/* The file is another's by now: it stays. */
	host_unlink_socket(path, &first);
	assert_int_equal(stat(path, &st), 0);
	host_unlink_socket(path, &second);
	assert_int_equal(stat(path, &st), -1);
	close(second.fd);
}

/* One whose queue is full is served too. */
static void test_listen_beside_a_busy_one(void **state UNUSED)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int busy = bound_socket(SOCK_STREAM), clients[2];

	strcpy(address.sun_path, path);
	assert_int_equal(listen(busy, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(clients[i], (struct sockaddr *)&address, sizeof(address));
	}
	not_listened(-EADDRINUSE, "another program serves");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	close(busy);
}

static void test_listen_where_something_else_is(void **state UNUSED)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	not_listened(-EEXIST, "is no socket");
	unlink(path);
	fd = bound_socket(SOCK_DGRAM);
	not_listened(-EADDRINUSE, "another program serves");
	close(fd);
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	not_listened(-EEXIST, "is no socket");
}

/* In a process of its own, which they would end; that one ignored TERM is nothing to a daemon. */
static void test_stray_signals(void **state UNUSED)
{
	static const int stray[] = { SIGHUP,  SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
				     SIGPROF, SIGIO,   SIGPWR,  SIGXCPU, SIGXFSZ, SIGSTKFLT };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		signal(SIGTERM, SIG_IGN);
		host_forget_starter();
		for (size_t i = 0; i < ARRAY_SIZE(stray); i++)
			raise(stray[i]);
		raise(SIGRTMIN);
		raise(SIGRTMAX);
		raise(SIGTERM);
		_exit(EXIT_SUCCESS);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lock),
		TEST(test_none),
		TEST(test_taken),
		TEST(test_wrong),
		TEST(test_listen),
		TEST(test_listen_beside_a_busy_one),
		TEST(test_listen_where_something_else_is),
		TEST(test_stray_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
