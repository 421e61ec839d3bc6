/* SPDX-License-Identifier: Apache-2.0 */
/* What a client can make the server hold. */
#include <sys/resource.h>

#include "core/rpc/server.h"
#include "tests/unit/rpc_fixture.h"

#define GREETING "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0" /* an empty frame; its last zero is the terminator */

enum { IDLE_MS = 300, SOON_MS = 100, HELD_LONG_ENOUGH_MS = 150 };

static int connect_raw(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* Whether the server has closed it; what it said before is read. */
static bool is_closed(int fd)
{
	char said[4096];
	ssize_t n;

	do
		n = recv(fd, said, sizeof(said), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

static bool closes_within(struct fixture *f, int fd, unsigned ms)
{
	for (unsigned waited = 0; waited < ms && !is_closed(fd); waited += 10)
		run_for(f, 10);
	return is_closed(fd);
}

/* ---- the greeting ---- */

static void test_silent_and_half(void **state)
{
	struct fixture *f = *state;
	int silent, half;

	server_start(f, IDLE_MS);
	silent = connect_raw(f);
	half = connect_raw(f);
	say(half, GREETING, 10);
	run_for(f, IDLE_MS / 3);
	assert_false(is_closed(silent));
	assert_false(is_closed(half));
	assert_true(closes_within(f, silent, 20 * IDLE_MS));
	assert_true(closes_within(f, half, 20 * IDLE_MS));
	close(silent);
	close(half);
}

static void test_wrong_greeting(void **state)
{
	struct fixture *f = *state;
	int http1 = connect_raw(f), late = connect_raw(f), gone = connect_raw(f);

	say(http1, "GET / HTTP/1.1\r\n\r\n", 18);
	say(late, GREETING, 20);
	run_for(f, SOON_MS);
	assert_false(is_closed(late));
	say(late, "xxxx", 4);
	close(gone);
	assert_true(closes_within(f, http1, 2000));
	assert_true(closes_within(f, late, 2000));
	assert_int_equal(f->n_requests, 0);
	close(http1);
	close(late);
}

/* One that comes in pieces is as good as another. */
static void test_slow_greeting(void **state)
{
	struct fixture *f = *state;
	char said[9];
	int fd = connect_raw(f);

	for (size_t i = 0; i < strlen(GREETING); i += 8) {
		say(fd, &GREETING[i], 8);
		run_for(f, SOON_MS);
	}
	say(fd, SETTINGS, 9);
	run_for(f, SOON_MS);
	assert_int_equal(recv(fd, said, sizeof(said), MSG_DONTWAIT), sizeof(said));
	assert_int_equal(said[3], 4); /* its own SETTINGS */
	close(fd);
}

/* The server goes while greetings are awaited. */
static void test_close_while_greeting(void **state)
{
	struct fixture *f = *state;
	int silent = connect_raw(f), half = connect_raw(f);

	say(half, GREETING, 10);
	run_for(f, SOON_MS);
	server_stop(f, 0);
	wait_until(f, f->server_closed);
	assert_true(is_closed(silent));
	assert_true(is_closed(half));
	close(silent);
	close(half);
}

/* ---- numbers ---- */

static void test_streams(void **state)
{
	struct fixture *f = *state;
	struct stream streams[CONNECTION_STREAMS_MAX] = { 0 }, refused = { 0 }, next = { 0 };
	struct unary unary = { 0 };

	for (int i = 0; i < CONNECTION_STREAMS_MAX; i++)
		stream_start(f, &streams[i], "silent");
	wait_until(f, f->n_streams == CONNECTION_STREAMS_MAX);
	stream_start(f, &refused, "endless");
	wait_until(f, refused.ended);
	assert_int_equal(refused.status, -ENOSPC);
	assert_non_null(strstr(refused.err.msg, "too many streams on one connection"));
	assert_int_equal(refused.n_messages, 0);
	wait_until(f, f->n_streams_closed == 1);
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), 0);

	rpc_stream_cancel(&streams[0].rpc);
	wait_until(f, f->n_streams_closed == 2);
	stream_start(f, &next, "3");
	wait_until(f, next.ended);
	assert_int_equal(next.status, 0);
	assert_int_equal(next.n_messages, 3);
	for (int i = 1; i < CONNECTION_STREAMS_MAX; i++)
		rpc_stream_cancel(&streams[i].rpc);
	for (int i = 0; i < CONNECTION_STREAMS_MAX; i++)
		wait_until(f, streams[i].ended);
}

/* A refused stream whose owner ends it, or has not heard yet when the server goes. */
static void test_refused_and_closed(void **state)
{
	struct fixture *f = *state;
	struct stream streams[CONNECTION_STREAMS_MAX + 3] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		stream_start(f, &streams[i], i < CONNECTION_STREAMS_MAX ? "silent" : "refuse");
	wait_until(f, f->n_streams == ARRAY_SIZE(streams));
	server_stop(f, 0);
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		wait_until(f, streams[i].ended);
}

/* Both ends of this many connections are ours. Where that cannot be, the test is skipped. */
static void want_connections(size_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 2 * n + 64) {
		print_message(
			"skipped: %ju descriptors are allowed, %zu connections are too many\n",
			(uintmax_t)limit.rlim_max, n);
		skip();
	}
}

/* At the limit a client waits, and is served when another goes. */
static void test_connections(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { 0 };
	int fds[SERVER_CONNECTIONS_MAX];

	want_connections(SERVER_CONNECTIONS_MAX);
	for (int i = 0; i < SERVER_CONNECTIONS_MAX; i++) {
		wait_until(f, (fds[i] = connect_raw(f)) >= 0);
		say(fds[i], GREETING SETTINGS, strlen(GREETING) + 9);
		if (i % 16 == 15)
			run_for(f, 1);
	}
	run_for(f, SOON_MS);
	unary_start(f, &unary, SERVICE "Get", "web");
	run_for(f, HELD_LONG_ENOUGH_MS);
	assert_false(unary.done);
	close(fds[1]);
	wait_until(f, unary.done);
	assert_int_equal(unary.call.status, 0);
	for (int i = 0; i < SERVER_CONNECTIONS_MAX; i++)
		if (i != 1)
			close(fds[i]);
}

/* The silent take nobody's place: the oldest of them go. */
static void test_many_silent(void **state)
{
	enum { SILENT = 200, SOME = 20 };
	struct fixture *f = *state;
	struct unary unary = { 0 };
	int fds[SILENT];

	want_connections(SILENT);
	for (int i = 0; i < SILENT; i++) {
		wait_until(f, (fds[i] = connect_raw(f)) >= 0);
		if (i % 16 == 15)
			run_for(f, 1);
	}
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), 0);
	for (int i = 0; i < SOME; i++) {
		assert_true(is_closed(fds[i]));
		assert_false(is_closed(fds[SILENT - 1 - i]));
	}
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
}

/* ---- content ---- */

static void test_text(void **state)
{
	struct fixture *f = *state;
	struct unary bad = { 0 }, good = { 0 };

	assert_int_equal(unary_run(f, &bad, SERVICE "Get", "w\xff"), -EINVAL);
	assert_string_equal(bad.call.err.msg,
			    "the request: the text in Selector.name is not UTF-8");
	assert_int_equal(unary_run(f, &good, SERVICE "Get", "w\xc3\xa4"), 0);
	assert_int_equal(f->n_requests, 1);
}

static void test_headers(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { 0 };
	char large[16 << 10];
	int r = -ECONNREFUSED;

	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	unary.rpc.headers[0] = (struct rpc_header){ "large", large };
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), -ENOSPC);
	/* gRPC may give up the connection with the call; a new one is made. */
	for (int i = 0; i < 5 && r == -ECONNREFUSED; i++) {
		struct unary next = { 0 };

		r = unary_run(f, &next, SERVICE "Get", "web");
	}
	assert_int_equal(r, 0);
	assert_int_equal(f->n_requests, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_without_server(test_silent_and_half),
		test_with_server(test_wrong_greeting),
		test_with_server(test_slow_greeting),
		test_with_server(test_close_while_greeting),
		test_with_server(test_streams),
		test_with_server(test_refused_and_closed),
		test_with_server(test_connections),
		test_with_server(test_many_silent),
		test_with_server(test_text),
		test_with_server(test_headers),
	};

	/* gRPC stays: its own end may take ten seconds here (rpc_library_fini()). */
	rpc_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
