/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client against a server in a child process. */
#include "tests/unit/rpc_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "core/rpc/wire/blocking.h"

/* For what is answered, or refused, on any machine; for what never is; for what comes in between.
 */
enum { LONG_MS = 20 * 1000, SHORT_MS = 200, SOME_MS = 1500 };

struct daemon {
	pid_t pid;
	int stop_fd; /* closing it ends the child */
	char path[96], target[112];
};

/* ---- the child ---- */

static void on_stop(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	uv_close((uv_handle_t *)poll, NULL);
	*(bool *)poll->data = true;
}

static int serve(int ready_fd, int stop_fd)
{
	struct fixture *f = fixture_new();
	bool stop = false;
	uv_poll_t poll;

	server_start(f, 0);
	uv_poll_init(&f->loop.uv, &poll, stop_fd);
	poll.data = &stop;
	uv_poll_start(&poll, UV_READABLE | UV_DISCONNECT, on_stop);
	if (write(ready_fd, f->path, sizeof(f->path)) != sizeof(f->path))
		return 1;
	while (!stop)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	fixture_free(f);
	return 0;
}

static int daemon_start(void **state)
{
	struct daemon *daemon = xnew(struct daemon);
	int ready[2], stop[2];

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(stop), 0);
	daemon->pid = fork();
	assert_true(daemon->pid >= 0);
	if (daemon->pid == 0) {
		close(stop[1]);
		free(daemon);
		exit(serve(ready[1], stop[0]));
	}
	close(ready[1]);
	close(stop[0]);
	assert_int_equal(read(ready[0], daemon->path, sizeof(daemon->path)), sizeof(daemon->path));
	close(ready[0]);
	daemon->stop_fd = stop[1];
	snprintf(daemon->target, sizeof(daemon->target), "unix:%s", daemon->path);
	*state = daemon;
	return 0;
}

static int daemon_stop(void **state)
{
	struct daemon *daemon = *state;
	int status;

	close(daemon->stop_fd);
	assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
	assert_int_equal(status, 0);
	free(daemon);
	return 0;
}

/* ---- the tests ---- */

static Api__Selector selector = API__SELECTOR__INIT;
static Api__GetRequest get_request = API__GET_REQUEST__INIT;

static const ProtobufCMessage *request_for(const char *command)
{
	selector.name = (char *)command;
	get_request.selector = &selector;
	return &get_request.base;
}

static int call_get(struct daemon *daemon, const char *method, const char *command,
		    uint64_t timeout_ms, struct error *err)
{
	struct rpc_client *client = rpc_client_open(daemon->target);
	ProtobufCMessage *reply = NULL;
	int r = rpc_client_call(client, method, request_for(command),
				&api__get_response__descriptor, timeout_ms, &reply, err);

	assert_int_equal(reply != NULL, r == 0);
	if (reply)
		protobuf_c_message_free_unpacked(reply, NULL);
	rpc_client_close(client);
	return r;
}

static void test_calls(void **state)
{
	struct error err;

	assert_int_equal(call_get(*state, SERVICE "Get", "web", LONG_MS, &err), 0);
	assert_int_equal(call_get(*state, SERVICE "Get", "missing", LONG_MS, &err), -ENOENT);
	assert_string_equal(err.msg, "cell \"web\" not found");
	assert_int_equal(call_get(*state, SERVICE "Explode", "web", LONG_MS, &err), -ENOSYS);
}

static void test_peer(void **state)
{
	struct daemon *daemon = *state;
	struct rpc_client *client = rpc_client_open(daemon->target);
	Api__VersionRequest request = API__VERSION_REQUEST__INIT;
	ProtobufCMessage *reply = NULL;
	struct error err;

	for (int i = 0; i < 3; i++) { /* one client makes many calls */
		assert_int_equal(rpc_client_call(client, SERVICE "Version", &request.base,
						 &api__version_response__descriptor, LONG_MS,
						 &reply, &err),
				 0);
		assert_int_equal(((Api__VersionResponse *)reply)->pid, getpid());
		protobuf_c_message_free_unpacked(reply, NULL);
	}
	assert_int_equal(rpc_client_call(client, SERVICE "Version", &request.base, NULL, LONG_MS,
					 NULL, &err),
			 0);
	rpc_client_close(client);
}

static bool count_message(const ProtobufCMessage *message, void *ctx)
{
	const Api__WatchEvent *event = (const Api__WatchEvent *)message;
	int *left = ctx;

	assert_non_null(event->object->realm->kind);
	return --*left != 0;
}

static struct rpc_client_stream_options watch_options(const char *command, int *left)
{
	return (struct rpc_client_stream_options){
		.method = SERVICE "Watch",
		.request = request_for(command),
		.reply_type = &api__watch_event__descriptor,
		.on_message = count_message,
		.ctx = left,
	};
}

static int watch(struct daemon *daemon, const char *command, int *left, struct error *err)
{
	struct rpc_client_stream_options options = watch_options(command, left);
	struct rpc_client *client = rpc_client_open(daemon->target);
	int r = rpc_client_stream(client, &options, err);

	rpc_client_close(client);
	return r;
}

static void test_streams(void **state)
{
	struct error err;
	int left = 0;

	assert_int_equal(watch(*state, "1000", &left, &err), 0);
	assert_int_equal(left, -1000);
	left = 25;
	assert_int_equal(watch(*state, "endless", &left, &err), 0);
	assert_int_equal(left, 0);
	assert_int_equal(watch(*state, "refuse", &left, &err), -EBUSY);
	assert_string_equal(err.msg, "too many watchers");
}

struct sending {
	Api__GetRequest request;
	Api__Selector chosen;
	char text[16];
	int n_sent, n_wanted, n_replies;
	bool gives_up;
};

static bool next_request(void *ctx, const ProtobufCMessage **ret_message)
{
	struct sending *sending = ctx;

	if (sending->n_sent == sending->n_wanted)
		return !sending->gives_up;
	sending->chosen = (Api__Selector)API__SELECTOR__INIT;
	sending->request = (Api__GetRequest)API__GET_REQUEST__INIT;
	sending->request.selector = &sending->chosen;
	snprintf(sending->text, sizeof(sending->text), "%d", sending->n_sent++);
	sending->chosen.name = sending->text;
	*ret_message = &sending->request.base;
	return true;
}

static bool on_answer(const ProtobufCMessage *message UNUSED, void *ctx)
{
	((struct sending *)ctx)->n_replies++;
	return true;
}

static int send_all(struct daemon *daemon, struct sending *sending, const char *command,
		    struct error *err)
{
	struct rpc_client *client = rpc_client_open(daemon->target);
	Api__GetRequest request = API__GET_REQUEST__INIT;
	Api__Selector chosen = API__SELECTOR__INIT;
	const struct rpc_client_stream_options options = {
		.method = SERVICE "Upload",
		.request = &request.base,
		.reply_type = &api__prune_response__descriptor,
		.on_message = on_answer,
		.next = next_request,
		.ctx = sending,
	};
	int r;

	request.selector = &chosen;
	chosen.name = (char *)command;
	r = rpc_client_stream(client, &options, err);
	rpc_client_close(client);
	return r;
}

static void test_sending(void **state)
{
	struct sending all = { .n_wanted = 500 }, none = { 0 }, some = { .n_wanted = 1 << 20 };
	struct sending half = { .n_wanted = 20, .gives_up = true };
	struct error err;

	assert_int_equal(send_all(*state, &all, "", &err), 0);
	assert_int_equal(all.n_sent, 500);
	assert_int_equal(all.n_replies, 1);
	assert_int_equal(send_all(*state, &none, "", &err), 0);
	assert_int_equal(none.n_replies, 1);
	assert_int_equal(send_all(*state, &some, "stop", &err), -EBUSY);
	assert_string_equal(err.msg, "that was enough");
	assert_true(some.n_sent < some.n_wanted);
	assert_int_equal(send_all(*state, &half, "", &err), 0);
	assert_int_equal(half.n_replies, 0);
}

/* ---- both ways at once ---- */

enum { DUPLEX_MESSAGES = 300, AHEAD_MAX = 100 };

struct duplex {
	struct rpc_feed *feed;
	atomic_int n_sent;
	int n_replies, n_wanted; /* n_wanted -1: for ever */
	int cancel_at;           /* messages; 0: never */
	bool slow;               /* the reader waits until the sender has to */
	bool stuck;              /* and it did */
};

static bool feed_waits(struct rpc_feed *feed, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = rpc_feed_fd(feed), .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) == 0;
}

static void send_large(struct duplex *duplex)
{
	static char large[LARGE_BYTES + 1];
	Api__GetRequest request = API__GET_REQUEST__INIT;
	Api__Selector chosen = API__SELECTOR__INIT;

	memset(large, 'x', LARGE_BYTES);
	request.selector = &chosen;
	chosen.name = (char *)"large";
	chosen.labels = large;
	rpc_feed_send(duplex->feed, &request.base);
}

static void *feed_all(void *arg)
{
	struct duplex *duplex = arg;
	enum rpc_feed_state state;

	while ((state = rpc_feed_state(duplex->feed)) != RPC_FEED_ENDED) {
		if (state == RPC_FEED_BUSY) {
			feed_waits(duplex->feed, -1);
		} else if (duplex->n_sent == duplex->cancel_at && duplex->cancel_at) {
			rpc_feed_cancel(duplex->feed);
			feed_waits(duplex->feed, -1);
		} else {
			duplex->n_sent++;
			send_large(duplex);
		}
	}
	return NULL;
}

/* Stops reading until the sender stands still. */
static void wait_for_stand(struct duplex *duplex)
{
	int before;

	do {
		before = duplex->n_sent;
		usleep(SHORT_MS * 1000);
	} while (duplex->n_sent != before);
	duplex->stuck = before < duplex->n_replies + AHEAD_MAX;
	duplex->slow = false;
}

static bool on_echo(const ProtobufCMessage *message UNUSED, void *ctx)
{
	struct duplex *duplex = ctx;

	duplex->n_replies++;
	if (duplex->slow)
		wait_for_stand(duplex);
	return duplex->n_replies != duplex->n_wanted;
}

static int echo(struct daemon *daemon, struct duplex *duplex, uint64_t timeout_ms,
		struct error *err)
{
	struct rpc_client *client = rpc_client_open(daemon->target);
	struct rpc_client_stream_options options = {
		.method = SERVICE "Upload",
		.request = request_for("echo"),
		.reply_type = &api__prune_response__descriptor,
		.timeout_ms = timeout_ms,
		.on_message = on_echo,
		.ctx = duplex,
	};
	pthread_t thread;
	int r;

	options.feed = duplex->feed = rpc_feed_new();
	assert_int_equal(pthread_create(&thread, NULL, feed_all, duplex), 0);
	r = rpc_client_stream(client, &options, err);
	pthread_join(thread, NULL);
	rpc_feed_free(duplex->feed);
	rpc_client_close(client);
	return r;
}

static void test_both_ways(void **state)
{
	struct duplex all = { .n_wanted = DUPLEX_MESSAGES };
	struct duplex slow = { .n_wanted = DUPLEX_MESSAGES, .slow = true };
	struct error err;

	assert_int_equal(echo(*state, &all, 0, &err), 0);
	assert_int_equal(all.n_replies, DUPLEX_MESSAGES);
	assert_true(all.n_sent >= DUPLEX_MESSAGES);
	assert_int_equal(echo(*state, &slow, 0, &err), 0);
	assert_true(slow.stuck);
}

static void test_both_ways_end(void **state)
{
	struct duplex cancelled = { .n_wanted = -1, .cancel_at = 20 };
	struct duplex late = { .n_wanted = -1 };
	struct daemon down = { .target = "unix:/nonexistent/kukeond.sock" };
	struct duplex nobody = { .n_wanted = -1 };
	struct error err;

	assert_int_equal(echo(*state, &cancelled, 0, &err), -ECANCELED);
	assert_int_equal(echo(*state, &late, SOME_MS, &err), -ETIMEDOUT);
	assert_int_equal(echo(&down, &nobody, 0, &err), -ECONNREFUSED);
	assert_int_equal(nobody.n_sent, 0);
}

static void test_wrong_type(void **state)
{
	struct daemon *daemon = *state;
	struct rpc_client *client = rpc_client_open(daemon->target);
	int left = 0;
	struct rpc_client_stream_options options = watch_options("3", &left);
	struct error err;

	/* The second field of an event is a message, that of a StateCount a number. */
	options.reply_type = &api__state_count__descriptor;
	assert_int_equal(rpc_client_stream(client, &options, &err), -EIO);
	assert_non_null(strstr(err.msg, "not a valid kukeon.v1beta1.StateCount"));
	assert_int_equal(left, 0);
	rpc_client_close(client);
}

static void test_deadline(void **state)
{
	struct error err;

	assert_int_equal(call_get(*state, SERVICE "Get", "hold", SHORT_MS, &err), -ETIMEDOUT);
}

/* Of the whole stream: one that is silent, and one that never stops. */
static void test_stream_deadline(void **state)
{
	static const char *const commands[] = { "silent", "endless" };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct daemon *daemon = *state;
		int left = 0;
		struct rpc_client_stream_options options = watch_options(commands[i], &left);
		struct rpc_client *client = rpc_client_open(daemon->target);
		struct error err;

		options.timeout_ms = i == 0 ? SHORT_MS : SOME_MS;
		assert_int_equal(rpc_client_stream(client, &options, &err), -ETIMEDOUT);
		assert_int_equal(left < 0, i == 1);
		rpc_client_close(client);
	}
}

static void test_down(void **state UNUSED)
{
	struct daemon down = { .target = "unix:/nonexistent/kukeond.sock" };
	struct error err;
	int left = 0;

	assert_int_equal(call_get(&down, SERVICE "Get", "web", LONG_MS, &err), -ECONNREFUSED);
	assert_string_equal(err.msg, "cannot reach kukeond at /nonexistent/kukeond.sock: "
				     "No such file or directory; is it running?");
	assert_int_equal(watch(&down, "web", &left, &err), -ECONNREFUSED);
}

static void *take_all(void *arg)
{
	usleep(50 * 1000);
	for (int i = 0; i < 16; i++)
		accept(*(int *)arg, NULL, NULL);
	return NULL;
}

/* A socket whose queue is full: gRPC would give up at once. It is waited for a place, and said what
 * is the matter when there is none in time. */
static void test_full_queue(void **state UNUSED)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct daemon full = { 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), waiting[8], n = 0;
	struct error err;
	pthread_t thread;

	snprintf(full.path, sizeof(full.path), "/tmp/kukeon-full-queue-%d.sock", (int)getpid());
	snprintf(full.target, sizeof(full.target), "unix:%s", full.path);
	strcpy(address.sun_path, full.path);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	do
		waiting[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (connect(waiting[n++], (struct sockaddr *)&address, sizeof(address)) == 0 && n < 8);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(call_get(&full, SERVICE "Get", "web", SHORT_MS, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.msg, "too many are connecting to it"));
	/* There is a place in time; nobody answers. */
	assert_int_equal(pthread_create(&thread, NULL, take_all, &fd), 0);
	assert_int_equal(call_get(&full, SERVICE "Get", "web", SOME_MS, &err), -ETIMEDOUT);
	while (n > 0)
		close(waiting[--n]);
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fd);
	unlink(address.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),         cmocka_unit_test(test_peer),
		cmocka_unit_test(test_streams),       cmocka_unit_test(test_sending),
		cmocka_unit_test(test_wrong_type),    cmocka_unit_test(test_down),
		cmocka_unit_test(test_deadline),      cmocka_unit_test(test_stream_deadline),
		cmocka_unit_test(test_full_queue),    cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_both_ways_end),
	};

	return cmocka_run_group_tests(tests, daemon_start, daemon_stop);
}
