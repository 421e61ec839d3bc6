/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client against a server in a child process. */
#include "tests/unit/rpc_fixture.h"

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
		cmocka_unit_test(test_calls),      cmocka_unit_test(test_peer),
		cmocka_unit_test(test_streams),    cmocka_unit_test(test_sending),
		cmocka_unit_test(test_wrong_type), cmocka_unit_test(test_down),
		cmocka_unit_test(test_deadline),   cmocka_unit_test(test_stream_deadline),
		cmocka_unit_test(test_full_queue),
	};

	return cmocka_run_group_tests(tests, daemon_start, daemon_stop);
}
