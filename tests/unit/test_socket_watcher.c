/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the daemon's socket goes, moves, and is another's. */
#include "watchers/socket_watcher.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/str.h"

enum { WAIT_MS = 60 * 1000, STILL_MS = 300 };

static struct fixture {
	struct loop loop;
	struct socket_watcher *watcher;
	struct host_socket socket;
	char base[40], dir[48], path[64];
	unsigned n_listened;
	bool timed_out, closed;
} f;

static void on_listen(void *ctx UNUSED, int fd)
{
	close(fd);
	f.n_listened++;
}

static void on_closed(void *ctx UNUSED)
{
	f.closed = true;
}

static void on_timeout(struct timer *timer UNUSED)
{
	f.timed_out = true;
}

/* Until there were so many new sockets in all, and for a moment more. */
static void expect_listened(unsigned n)
{
	struct timer timer = { 0 };

	for (int i = 0; i < 2; i++) {
		f.timed_out = false;
		timer_start(&f.loop, &timer, i ? STILL_MS : WAIT_MS, on_timeout);
		while (!f.timed_out && (i || f.n_listened < n))
			uv_run(&f.loop.uv, UV_RUN_ONCE);
		timer_stop(&timer);
	}
	assert_int_equal(f.n_listened, n);
}

static int setup(void **state UNUSED)
{
	struct error err;

	memset(&f, 0, sizeof(f));
	snprintf(f.base, sizeof(f.base), "/tmp/kukeon-socket-XXXXXX");
	assert_non_null(mkdtemp(f.base));
	snprintf(f.dir, sizeof(f.dir), "%s/run", f.base);
	snprintf(f.path, sizeof(f.path), "%s/sock", f.dir);
	assert_int_equal(mkdir(f.dir, 0755), 0);
	assert_int_equal(loop_open(&f.loop, LOOP_CLOCK_BOOTTIME, &err), 0);
	assert_int_equal(host_listen(f.path, &f.socket, &err), 0);
	return 0;
}

static void open_watcher(bool ours)
{
	const struct socket_watcher_options options = { .path = f.path,
							.socket = ours ? &f.socket : NULL,
							.listen = on_listen };

	socket_watcher_open(&f.watcher, &f.loop, &options);
	expect_listened(0);
}

static int teardown(void **state UNUSED)
{
	socket_watcher_close(f.watcher, on_closed, NULL);
	while (!f.closed)
		uv_run(&f.loop.uv, UV_RUN_ONCE);
	loop_close(&f.loop);
	return fs_remove_tree(AT_FDCWD, f.base, NULL);
}

static void assert_is_ours(mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(f.path, &st), 0);
	assert_true(host_socket_is(&f.socket, &st));
	if (mode)
		assert_int_equal(st.st_mode & 0777 & ~0060U, mode & ~0060U);
}

/* However it went, also with its directory; a change of its mode is none. */
static void test_ours(void **state UNUSED)
{
	AUTO_FREE char *other = xasprintf("%s/other", f.dir);

	open_watcher(true);
	assert_int_equal(chmod(f.path, 0666), 0);
	expect_listened(0);
	assert_is_ours(0666);
	assert_int_equal(unlink(f.path), 0);
	expect_listened(1);
	assert_is_ours(0600);
	assert_int_equal(rename(f.path, other), 0);
	expect_listened(2);
	assert_is_ours(0600);
	assert_int_equal(fs_remove_tree(AT_FDCWD, f.dir, NULL), 0);
	expect_listened(3);
	assert_is_ours(0600);
	assert_int_equal(unlink(f.path), 0);
	expect_listened(4);
}

/* It stays, and in the end the socket is there again. */
static void test_another_in_its_place(void **state UNUSED)
{
	AUTO_FREE char *other = xasprintf("%s/other", f.dir);
	AUTO_CLOSE int fd = creat(other, 0644);

	open_watcher(true);
	assert_int_equal(rename(other, f.path), 0);
	expect_listened(0);
	assert_int_equal(unlink(f.path), 0);
	expect_listened(1);
	assert_is_ours(0600);
}

/* The service manager's file is the manager's. */
static void test_passed(void **state UNUSED)
{
	open_watcher(false);
	assert_int_equal(unlink(f.path), 0);
	expect_listened(0);
	assert_int_equal(access(f.path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_in_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_passed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
