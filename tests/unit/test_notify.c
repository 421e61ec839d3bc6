/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told, heard on a socket as it has one. The engine is plain data. */
#include "core/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

struct fixture {
	char dir[32], path[64];
	int fd;
	struct loop loop;
	struct engine engine;
	struct notify notify;
	bool closed;
};

static struct fixture f;

static int setup(void **state UNUSED)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	f = (struct fixture){ 0 };
	snprintf(f.dir, sizeof(f.dir), "/tmp/test-notify-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	snprintf(f.path, sizeof(f.path), "%s/socket", f.dir);
	strcpy(address.sun_path, f.path);
	f.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", f.path, 1);
	assert_int_equal(loop_open(&f.loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	notify_open(&f.notify, &f.loop, &f.engine);
	return 0;
}

static void on_closed(void *ctx UNUSED)
{
	f.closed = true;
}

static int teardown(void **state UNUSED)
{
	unsetenv("NOTIFY_SOCKET");
	unlink(f.path);
	rmdir(f.dir);
	close(f.fd);
	uv_run(&f.loop.uv, UV_RUN_NOWAIT);
	assert_true(f.closed);
	loop_close(&f.loop);
	return 0;
}

/* The next message after a turn of the loop, NULL for none. */
static void expect(const char *expected)
{
	char text[512] = "";
	ssize_t len;

	uv_run(&f.loop.uv, UV_RUN_NOWAIT);
	len = recv(f.fd, text, sizeof(text) - 1, 0);
	if (expected)
		assert_string_equal(text, expected);
	else
		assert_true(len < 0 && errno == EAGAIN);
}

static void look_is_done(void)
{
	f.engine.runtime_up = true;
	f.engine.relisted.runtime = f.engine.relisted.network = f.engine.relisted.cgroup = true;
	f.engine.desired.complete = true;
}

static void test_ready(void **state UNUSED)
{
	expect("STATUS=Looking at the host");
	f.engine.runtime_up = true;
	f.engine.relisted.runtime = f.engine.relisted.network = f.engine.relisted.cgroup = true;
	expect(NULL);
	f.engine.desired.complete = true;
	expect("READY=1\nSTATUS=Running");
	expect(NULL);
	notify_close(&f.notify, false, on_closed, NULL);
	expect("STOPPING=1\nSTATUS=Stopping");
}

/* Each of them is waited for. */
static void test_not_ready(void **state UNUSED)
{
	bool *const conditions[] = { &f.engine.relisted.runtime, &f.engine.relisted.network,
				     &f.engine.relisted.cgroup, &f.engine.desired.complete };

	expect("STATUS=Looking at the host");
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		look_is_done();
		*conditions[i] = false;
		expect(NULL);
	}
	notify_close(&f.notify, false, on_closed, NULL);
	expect("STOPPING=1\nSTATUS=Stopping");
}

static void test_containerd_away(void **state UNUSED)
{
	expect("STATUS=Looking at the host");
	look_is_done();
	f.engine.runtime_up = f.engine.relisted.runtime = false;
	expect(NULL);
	error_set(&f.engine.runtime_problem, -ECONNREFUSED, "no socket\nREADY=0");
	expect("READY=1\nSTATUS=Waiting for containerd: no socket");
	f.engine.runtime_up = true;
	expect("STATUS=Running");
	f.engine.runtime_up = false;
	expect("STATUS=Waiting for containerd: no socket");
	notify_close(&f.notify, false, on_closed, NULL);
	expect("STOPPING=1\nSTATUS=Stopping");
}

static void test_manifests_ill(void **state UNUSED)
{
	expect("STATUS=Looking at the host");
	look_is_done();
	f.engine.desired.complete = false;
	error_set(&f.engine.desired.problem, -ENOENT, "it vanished");
	expect("READY=1\nSTATUS=Manifests cannot be read: it vanished");
	f.engine.desired.problem.code = 0;
	expect("STATUS=Running");
	notify_close(&f.notify, true, on_closed, NULL);
	expect("RELOADING=1\nSTATUS=Restarting");
}

/* Counts, when they change: not more often than once a second, and the last ones in the end. */
static void test_counts(void **state UNUSED)
{
	expect("STATUS=Looking at the host");
	look_is_done();
	f.engine.cells[API__STATE__STATE_READY] = 1;
	expect("READY=1\nSTATUS=Running: 1 of 1 cell as declared");
	f.engine.cells[API__STATE__STATE_PENDING] = 1;
	f.engine.cells[API__STATE__STATE_STOPPED] = 1;
	expect(NULL);
	f.notify.sent_ms -= 1000;
	expect("STATUS=Running: 2 of 3 cells as declared");
	f.engine.cells[API__STATE__STATE_READY] = 0;
	expect(NULL);
	assert_true(timer_active(&f.notify.again));
	f.engine.runtime_up = false;
	expect("STATUS=Waiting for containerd");
	f.engine.runtime_up = true;
	expect("STATUS=Running: 1 of 2 cells as declared");
	notify_close(&f.notify, false, on_closed, NULL);
	expect("STOPPING=1\nSTATUS=Stopping");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ready),         TEST(test_not_ready), TEST(test_containerd_away),
		TEST(test_manifests_ill), TEST(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
