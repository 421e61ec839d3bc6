/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on the loop against a server that says what each test wants. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "core/base/buf.h"
#include "drivers/http/http.h"

enum { LIMIT_MS = 60 * 1000, LARGE_BYTES = 3 * 1024 * 1024 };

/* ---- the server: a thread for the connections of one test ---- */

struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	const char *answer; /* to every request */
	size_t body_bytes;  /* of 'x' behind it */
	char request[4096]; /* the last one */
	bool hangs;         /* once it has read */
};

static void answer(struct server *server, int fd)
{
	char block[4096];
	ssize_t len = recv(fd, server->request, sizeof(server->request) - 1, 0);

	server->request[len > 0 ? len : 0] = '\0';
	if (server->hangs) {
		while (recv(fd, block, sizeof(block), 0) > 0)
			;
		return;
	}
	send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
	memset(block, 'x', sizeof(block));
	for (size_t left = server->body_bytes; left;) {
		len = send(fd, block, left < sizeof(block) ? left : sizeof(block), MSG_NOSIGNAL);
		if (len <= 0)
			return;
		left -= (size_t)len;
	}
}

static void *serve(void *ctx)
{
	struct server *server = ctx;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		answer(server, fd);
		close(fd);
	}
	return NULL;
}

static void server_open(struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server->fd, 16), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
	server->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_close(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
}

/* ---- a request ---- */

struct asking {
	struct http_request request;
	struct http *http;
	struct loop *loop;
	size_t bytes, n_data;
	size_t rest_every; /* so many pieces of data; 0: never */
	size_t cancel_at;  /* bytes; 0: never */
	struct timer again;
	long status; /* of the answer */
	char *location, *type;
	struct strv challenges;
	int result;
	char why[ERROR_MSG_MAX_BYTES];
	bool ended;
};

static void on_answer(struct http_request *request)
{
	struct asking *asking = container_of(request, struct asking, request);

	asking->status = request->answer.status;
	asking->location = xstrdup_maybe(request->answer.location);
	asking->type = xstrdup_maybe(request->answer.content_type);
	for (size_t i = 0; i < request->answer.challenges.n; i++)
		strv_add(&asking->challenges, request->answer.challenges.items[i]);
}

static void on_again(struct timer *timer)
{

	http_resume(&container_of(timer, struct asking, again)->request);
}

static bool on_data(struct http_request *request, const char *data UNUSED, size_t len)
{
	struct asking *asking = container_of(request, struct asking, request);

	if (asking->rest_every && ++asking->n_data % asking->rest_every == 0) {
		timer_start(asking->loop, &asking->again, 1, on_again);
		return false;
	}

	asking->bytes += len;
	if (asking->cancel_at && asking->bytes >= asking->cancel_at)
		http_cancel(request);
	return true;
}

static void on_end(struct http_request *request, int status, const struct error *err)
{
	struct asking *asking = container_of(request, struct asking, request);

	asking->result = status;
	if (err)
		snprintf(asking->why, sizeof(asking->why), "%s", err->msg);
	asking->ended = true;
}

static void asking_fini(struct asking *asking)
{
	free(asking->location);
	free(asking->type);
	strv_fini(&asking->challenges);
}

static void on_guard(struct timer *timer UNUSED)
{
	fprintf(stderr, "nothing happened for %d ms\n", LIMIT_MS);
	abort();
}

static void run_until(struct loop *loop, const bool *flag)
{
	struct timer guard = { 0 };

	timer_start(loop, &guard, LIMIT_MS, on_guard);
	while (!*flag)
		uv_run(&loop->uv, UV_RUN_ONCE);
	timer_stop(&guard);
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

/* @at_once: it is cancelled before anything was sent, or the client is closed. */
enum at_once { AT_ONCE_NOTHING, AT_ONCE_CANCEL, AT_ONCE_CLOSE };

static void ask(struct asking *asking, const char *url, enum at_once at_once)
{
	struct loop loop;
	struct error err;
	bool closed = false;

	assert_int_equal(loop_open(&loop, LOOP_CLOCK_BOOTTIME, &err), 0);
	uv_ref((uv_handle_t *)&loop.timer_poll); /* there may be nothing but timers */
	assert_int_equal(http_open(&asking->http, &loop, &err), 0);
	asking->loop = &loop;
	asking->request.url = url;
	if (!asking->request.method)
		asking->request.method = "GET";
	asking->request.on_answer = on_answer;
	asking->request.on_data = on_data;
	asking->request.on_end = on_end;
	http_start(asking->http, &asking->request);
	if (at_once == AT_ONCE_CANCEL)
		http_cancel(&asking->request);
	if (at_once != AT_ONCE_CLOSE)
		run_until(&loop, &asking->ended);
	http_close(asking->http, on_closed, &closed);
	run_until(&loop, &closed);
	assert_true(asking->ended);
	loop_close(&loop);
}

static void ask_server(struct server *server, struct asking *asking, enum at_once at_once)
{
	char url[64];

	server_open(server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v2/?q", server->port);
	ask(asking, url, at_once);
	server_close(server);
}

/* ---- tests ---- */

static void test_get(void **state UNUSED)
{
	static const char *const headers[] = { "Accept: a/b", "Authorization: Bearer t", NULL };
	struct server server = {
		.answer = "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\n",
		.body_bytes = 5
	};
	AUTO(asking_fini) struct asking asking = { .request.headers = headers };

	ask_server(&server, &asking, AT_ONCE_NOTHING);
	assert_int_equal(asking.result, 0);
	assert_int_equal(asking.status, 200);
	assert_int_equal(asking.bytes, 5);
	assert_string_equal(asking.type, "text/x");
	assert_non_null(strstr(server.request, "GET /v2/?q HTTP/1.1\r\n"));
	assert_non_null(strstr(server.request, "Accept: a/b\r\n"));
	assert_non_null(strstr(server.request, "Authorization: Bearer t\r\n"));
}

static void test_post_and_head(void **state UNUSED)
{
	struct server server = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" };
	AUTO(asking_fini) struct asking post = { .request = { .method = "POST", .body = "a=b&c" } };
	AUTO(asking_fini) struct asking head = { .request = { .method = "HEAD" } };

	ask_server(&server, &post, AT_ONCE_NOTHING);
	assert_int_equal(post.result, 0);
	assert_non_null(strstr(server.request, "POST /v2/"));
	assert_non_null(strstr(server.request, "a=b&c"));
	server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n";
	ask_server(&server, &head, AT_ONCE_NOTHING);
	assert_int_equal(head.result, 0);
	assert_int_equal(head.bytes, 0);
}

static void test_answers(void **state UNUSED)
{
	struct server server = {
		.answer = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n"
			  "www-authenticate: Bearer realm=y\r\nContent-Length: 0\r\n\r\n"
	};
	AUTO(asking_fini) struct asking denied = { 0 }, moved = { 0 };

	ask_server(&server, &denied, AT_ONCE_NOTHING);
	assert_int_equal(denied.result, 0);
	assert_int_equal(denied.status, 401);
	assert_int_equal(denied.challenges.n, 2);
	assert_string_equal(denied.challenges.items[1], "Bearer realm=y");
	server.answer =
		"HTTP/1.1 307 There\r\nLocation: https://b.example/x\r\nContent-Length: 0\r\n\r\n";
	ask_server(&server, &moved, AT_ONCE_NOTHING);
	assert_int_equal(moved.status, 307);
	assert_string_equal(moved.location, "https://b.example/x");
}

static void test_rests(void **state UNUSED)
{
	struct server server = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n",
				 .body_bytes = LARGE_BYTES };
	AUTO(asking_fini) struct asking asking = { .rest_every = 3 };

	ask_server(&server, &asking, AT_ONCE_NOTHING);
	assert_int_equal(asking.result, 0);
	assert_int_equal(asking.bytes, LARGE_BYTES);
}

static void test_broken(void **state UNUSED)
{
	static const struct {
		const char *answer;
		size_t body_bytes;
		int result;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 5, -EPIPE },
		{ "", 0, -EPIPE },
		{ "junk\r\n\r\n", 0, -EPROTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct server server = { .answer = rows[i].answer,
					 .body_bytes = rows[i].body_bytes };
		AUTO(asking_fini) struct asking asking = { 0 };

		ask_server(&server, &asking, AT_ONCE_NOTHING);
		if (asking.result != rows[i].result)
			fail_msg("\"%s\": %d %s", rows[i].answer, asking.result, asking.why);
		assert_true(str_starts_with(asking.why, "127.0.0.1:"));
	}
}

static void test_nobody_there(void **state UNUSED)
{
	static const struct {
		const char *url;
		int result;
	} rows[] = {
		{ "http://127.0.0.1:1/", -ECONNREFUSED },
		{ "http://user:secret@127.0.0.1:1/?token=secret", -ECONNREFUSED },
		{ "file:///etc/passwd", -EPROTO },
		{ "http:///", -EPROTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(asking_fini) struct asking asking = { 0 };

		ask(&asking, rows[i].url, AT_ONCE_NOTHING);
		if (asking.result != rows[i].result)
			fail_msg("%s: %d %s", rows[i].url, asking.result, asking.why);
		assert_null(strstr(asking.why, "secret"));
	}
}

static void test_stalls(void **state UNUSED)
{
	struct server server = { .hangs = true };
	AUTO(asking_fini) struct asking asking = { .request.stall_limit_ms = 1000 };

	ask_server(&server, &asking, AT_ONCE_NOTHING);
	assert_int_equal(asking.result, -ETIMEDOUT);
}

static void test_too_many_headers(void **state UNUSED)
{
	AUTO_BUF struct buf text = { 0 };
	struct server server = { 0 };
	AUTO(asking_fini) struct asking asking = { 0 };

	buf_add_str(&text, "HTTP/1.1 200 OK\r\n");
	while (text.len <= HTTP_HEADER_MAX_BYTES)
		buf_add_str(&text, "X-More: and more and more and more and more\r\n");
	buf_add_str(&text, "\r\n");
	server.answer = text.data;
	ask_server(&server, &asking, AT_ONCE_NOTHING);
	assert_int_equal(asking.result, -EPROTO);
	assert_int_equal(asking.status, 0);
}

static void test_cancelled(void **state UNUSED)
{
	struct server server = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n",
				 .body_bytes = LARGE_BYTES };
	AUTO(asking_fini)
	struct asking inside = { .cancel_at = 1000 }, first = { 0 }, closed = { 0 };

	ask_server(&server, &inside, AT_ONCE_NOTHING);
	assert_int_equal(inside.result, -ECANCELED);
	assert_true(inside.bytes < LARGE_BYTES);
	ask_server(&server, &first, AT_ONCE_CANCEL);
	assert_int_equal(first.result, -ECANCELED);
	ask_server(&server, &closed, AT_ONCE_CLOSE);
	assert_int_equal(closed.result, -ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),       cmocka_unit_test(test_post_and_head),
		cmocka_unit_test(test_answers),   cmocka_unit_test(test_rests),
		cmocka_unit_test(test_broken),    cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_stalls),    cmocka_unit_test(test_too_many_headers),
		cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
