/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real server on a unix socket in a directory of its own, and a client's channel to it, on one
 * loop. The service is the one of api/kukeon.proto; what a method does is chosen by the selector's
 * name in the request.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "api/kukeon.pb-c.h"
#include "core/base/str.h"
#include "core/rpc/rpc.h"

#define SERVICE "/kukeon.v1beta1.Kukeon/"

enum { WAIT_LIMIT_MS = 60000, LARGE_BYTES = 64 << 10, HELD_MAX = 256 };

struct fixture {
	struct loop loop;
	struct rpc *rpc;
	struct rpc_server *server;
	struct rpc_channel *channel;
	struct timer guard;
	char dir[64], path[96], target[112];

	struct rpc_server_call *held[HELD_MAX]; /* unary calls that wait for the test to answer */
	int n_held, n_requests, n_sent, n_streams_closed, n_streams;
	bool server_closed, rpc_closed;
};

/* ---- waiting ---- */

static void on_guard(struct timer *timer UNUSED)
{
	fprintf(stderr, "nothing happened for %d ms\n", WAIT_LIMIT_MS);
	abort();
}

/* Runs the loop until the condition holds. */
#define wait_until(f, condition)                                                                   \
	do {                                                                                       \
		timer_start(&(f)->loop, &(f)->guard, WAIT_LIMIT_MS, on_guard);                     \
		while (!(condition))                                                               \
			uv_run(&(f)->loop.uv, UV_RUN_ONCE);                                        \
		timer_stop(&(f)->guard);                                                           \
	} while (0)

static void on_flag_timer(struct timer *timer)
{
	timer->due_ms = 0;
}

UNUSED static void run_for(struct fixture *f, uint64_t ms)
{
	struct timer timer = { 0 };

	timer_start(&f->loop, &timer, ms, on_flag_timer);
	wait_until(f, timer.due_ms == 0);
}

static void on_flag(void *ctx)
{
	*(bool *)ctx = true;
}

/* ---- the service ---- */

static const char *command_of(const ProtobufCMessage *request)
{
	const Api__Selector *selector = ((const Api__GetRequest *)request)->selector;

	return selector && selector->name ? selector->name : "";
}

static void on_get(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	struct fixture *f = ctx;
	const char *command = command_of(request);
	Api__GetResponse reply = API__GET_RESPONSE__INIT;
	struct error err;

	f->n_requests++;
	if (str_equal(command, "missing")) {
		rpc_server_fail(call, error_set(&err, -ENOENT, "cell \"web\" not found"), &err);
	} else if (str_equal(command, "hold")) {
		assert_true(f->n_held < HELD_MAX);
		f->held[f->n_held++] = call;
	} else {
		rpc_server_reply(call, &reply.base);
	}
}

static void on_version(struct rpc_server_call *call, const ProtobufCMessage *request UNUSED,
		       void *ctx UNUSED)
{
	Api__VersionResponse reply = API__VERSION_RESPONSE__INIT;
	struct rpc_peer peer = rpc_server_call_peer(call);
	char uid[32];

	snprintf(uid, sizeof(uid), "%u", (unsigned)peer.uid);
	reply.version = uid;
	reply.has_pid = true;
	reply.pid = (uint32_t)peer.pid;
	rpc_server_reply(call, &reply.base);
}

struct watcher {
	struct fixture *f;
	int n_sent, n_wanted; /* -1: endless */
	bool large;
};

static void watcher_send(struct watcher *watcher, struct rpc_server_call *call)
{
	static char large[LARGE_BYTES];
	Api__WatchEvent event = API__WATCH_EVENT__INIT;
	Api__Object object = API__OBJECT__INIT;
	Api__Realm realm = API__REALM__INIT;
	char text[16];

	memset(large, 'x', sizeof(large) - 1);
	snprintf(text, sizeof(text), "%d", watcher->n_sent++);
	realm.kind = watcher->large ? large : text;
	object.object_case = API__OBJECT__OBJECT_REALM;
	object.realm = &realm;
	event.object = &object;
	watcher->f->n_sent++;
	rpc_server_send(call, &event.base);
	assert_false(rpc_server_call_writable(call));
}

static void on_watch_writable(struct rpc_server_call *call, void *owner)
{
	struct watcher *watcher = owner;

	assert_true(rpc_server_call_writable(call));
	if (watcher->n_sent == watcher->n_wanted)
		rpc_server_end(call);
	else
		watcher_send(watcher, call);
}

static void on_watch_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	struct watcher *watcher = owner;

	watcher->f->n_streams_closed++;
	free(watcher); /* a second time would be seen by the sanitizers */
}

static const struct rpc_stream_handler watch_handler = {
	.on_writable = on_watch_writable,
	.on_closed = on_watch_closed,
};

/* The name is how many events are sent, or "silent", "endless", "large", "refuse", "abort". */
static void on_watch(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	struct watcher *watcher = xnew(struct watcher);
	const char *command = command_of(request);
	struct error err;

	watcher->f = ctx;
	watcher->f->n_streams++;
	watcher->large = str_equal(command, "large");
	watcher->n_wanted = watcher->large || str_equal(command, "endless") ? -1 : atoi(command);
	rpc_server_stream(call, &watch_handler, watcher);
	if (str_equal(command, "refuse")) { /* also when the server has done so already */
		rpc_server_fail(call, error_set(&err, -EBUSY, "too many watchers"), &err);
	} else if (!rpc_server_call_writable(call)) {
		watcher->n_wanted = 0;            /* one stream too many: on_closed comes */
	} else if (str_equal(command, "abort")) { /* with a message under way */
		watcher_send(watcher, call);
		rpc_server_fail(call, error_set(&err, -ENOSPC, "too slow"), &err);
	} else if (!str_equal(command, "silent")) {
		on_watch_writable(call, watcher);
	}
}

/* ---- a stream of requests: what becomes of it is said by the name in the first ---- */

struct upload {
	struct rpc_server_call *call;
	int n_received;
	bool slow, stop_at_10;
	bool echo, owes; /* each message is answered before the next one is asked for */
};

static struct {
	int n_received, n_closed;
	bool ended; /* the client said so */
	struct upload *current;
} seen;

static void upload_answer(struct upload *upload)
{
	Api__PruneResponse reply = API__PRUNE_RESPONSE__INIT;

	rpc_server_send(upload->call, &reply.base);
	rpc_server_end(upload->call);
}

static void upload_echo(struct upload *upload)
{
	Api__PruneResponse reply = API__PRUNE_RESPONSE__INIT;

	upload->owes = !rpc_server_call_writable(upload->call);
	if (upload->owes)
		return;
	rpc_server_send(upload->call, &reply.base);
	rpc_server_receive(upload->call);
}

static void on_upload_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	struct upload *upload = owner;

	if (upload->owes)
		upload_echo(upload);
}

static void on_upload_message(struct rpc_server_call *call, const ProtobufCMessage *message,
			      void *owner)
{
	struct upload *upload = owner;
	struct error err;

	if (!message) {
		seen.ended = true;
		if (upload->echo)
			rpc_server_end(call);
		else
			upload_answer(upload);
		return;
	}
	if (str_equal(command_of(message), "large"))
		assert_int_equal(strlen(((const Api__GetRequest *)message)->selector->labels),
				 LARGE_BYTES);
	else
		assert_int_equal(atoi(command_of(message)), upload->n_received);
	seen.n_received = ++upload->n_received;
	if (upload->echo) {
		upload_echo(upload);
		return;
	}
	if (upload->stop_at_10 && upload->n_received == 10)
		rpc_server_fail(call, error_set(&err, -EBUSY, "that was enough"), &err);
	else
		rpc_server_receive(call);
}

static void on_upload_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	seen.n_closed++;
	seen.current = NULL;
	free(owner);
}

static const struct rpc_stream_handler upload_handler = {
	.on_writable = on_upload_writable,
	.on_message = on_upload_message,
	.on_closed = on_upload_closed,
};

static void on_upload(struct rpc_server_call *call, const ProtobufCMessage *request,
		      void *ctx UNUSED)
{
	struct upload *upload = xnew(struct upload);

	upload->call = call;
	upload->slow = str_equal(command_of(request), "slow");
	upload->echo = str_equal(command_of(request), "echo");
	upload->stop_at_10 = str_equal(command_of(request), "stop");
	seen.current = upload;
	rpc_server_stream(call, &upload_handler, upload);
	if (!upload->slow)
		rpc_server_receive(call);
}

static const struct rpc_method service_methods[] = {
	{ SERVICE "Version", &api__version_request__descriptor, on_version },
	{ SERVICE "Get", &api__get_request__descriptor, on_get },
	{ SERVICE "Watch", &api__watch_request__descriptor, on_watch },
	{ SERVICE "Upload", &api__get_request__descriptor, on_upload },
};

/* ---- life ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 256), 0);
	return fd;
}

static void server_start(struct fixture *f, unsigned idle_timeout_ms)
{
	struct rpc_server_options options = {
		.listen_fd = listen_at(f->path),
		.methods = service_methods,
		.n_methods = ARRAY_SIZE(service_methods),
		.ctx = f,
		.idle_timeout_ms = idle_timeout_ms,
	};
	struct error err;

	assert_int_equal(rpc_server_open(&f->server, f->rpc, &options, &err), 0);
	f->server_closed = false;
}

static void server_stop(struct fixture *f, uint64_t grace_ms)
{
	rpc_server_close(f->server, grace_ms, on_flag, &f->server_closed);
	f->server = NULL;
	assert_false(f->server_closed);
	unlink(f->path);
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = xnew(struct fixture);
	struct error err;

	memset(&seen, 0, sizeof(seen));
	f->server_closed = true; /* there is none yet */
	snprintf(f->dir, sizeof(f->dir), "/tmp/kukeon-rpc-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	snprintf(f->target, sizeof(f->target), "unix:%s", f->path);
	assert_int_equal(loop_open(&f->loop, LOOP_CLOCK_BOOTTIME, &err), 0);
	assert_int_equal(rpc_open(&f->rpc, &f->loop, &err), 0);
	return f;
}

/* What handlers still owe; the calls, or the server, may be gone by now. */
static void answer_held(struct fixture *f)
{
	Api__GetResponse reply = API__GET_RESPONSE__INIT;

	while (f->n_held > 0)
		rpc_server_reply(f->held[--f->n_held], &reply.base);
}

/* Frees what the test has not and proves that the loop is empty (loop_close() checks it). */
static void fixture_free(struct fixture *f)
{
	rpc_channel_free(f->channel);
	if (f->server)
		server_stop(f, 0);
	wait_until(f, f->server_closed);
	rpc_close(f->rpc, on_flag, &f->rpc_closed);
	assert_false(f->rpc_closed);
	wait_until(f, f->rpc_closed);
	assert_int_equal(f->n_streams, f->n_streams_closed);
	answer_held(f);
	loop_close(&f->loop);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
}

UNUSED static int setup_idle(void **state)
{
	*state = fixture_new();
	return 0;
}

UNUSED static int setup(void **state)
{
	struct fixture *f = fixture_new();

	server_start(f, 0);
	f->channel = rpc_channel_new(f->rpc, f->target);
	*state = f;
	return 0;
}

UNUSED static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

#define test_with_server(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define test_without_server(name) cmocka_unit_test_setup_teardown(name, setup_idle, teardown)

/* ---- clients ---- */

struct unary {
	struct rpc_unary rpc;
	struct call call;
	Api__GetRequest request;
	Api__Selector selector;
	int *n_done; /* NULL: nobody counts */
	bool done;
};

static void on_unary_done(struct call *call)
{
	struct unary *unary = container_of(call, struct unary, call);

	assert_false(unary->done);
	unary->done = true;
	if (unary->n_done)
		(*unary->n_done)++;
}

/* A call of @method whose selector's name is @command. */
static void unary_start(struct fixture *f, struct unary *unary, const char *method,
			const char *command)
{
	unary->selector = (Api__Selector)API__SELECTOR__INIT;
	unary->request = (Api__GetRequest)API__GET_REQUEST__INIT;
	unary->selector.name = (char *)command;
	unary->request.selector = &unary->selector;
	unary->rpc.method = method;
	if (!unary->rpc.request)
		unary->rpc.request = &unary->request.base;
	if (!unary->rpc.timeout_ms)
		unary->rpc.timeout_ms = 10000;
	call_init(&unary->call, &f->loop, on_unary_done);
	rpc_unary_start(f->channel, &unary->rpc, &unary->call);
	assert_false(unary->done);
}

/* Starts, waits, returns the status. */
UNUSED static int unary_run(struct fixture *f, struct unary *unary, const char *method,
			    const char *command)
{
	unary_start(f, unary, method, command);
	wait_until(f, unary->done);
	return unary->call.status;
}

struct stream {
	struct rpc_stream rpc;
	Api__WatchRequest request;
	Api__Selector selector;
	int n_messages, cancel_after, status; /* cancel_after 0: never */
	bool ended;
	struct error err;
};

static void on_stream_message(struct rpc_stream *rpc, const ProtobufCMessage *message)
{
	struct stream *stream = container_of(rpc, struct stream, rpc);
	const Api__WatchEvent *event = (const Api__WatchEvent *)message;

	assert_false(stream->ended);
	if (strlen(event->object->realm->kind) < 16)
		assert_int_equal(atoi(event->object->realm->kind), stream->n_messages);
	if (++stream->n_messages == stream->cancel_after)
		rpc_stream_cancel(rpc);
}

static void on_stream_end(struct rpc_stream *rpc, int status, const struct error *err)
{
	struct stream *stream = container_of(rpc, struct stream, rpc);

	assert_false(stream->ended);
	assert_null(rpc->state);
	stream->ended = true;
	stream->status = status;
	if (err)
		stream->err = *err;
}

UNUSED static void stream_start(struct fixture *f, struct stream *stream, const char *command)
{
	stream->selector = (Api__Selector)API__SELECTOR__INIT;
	stream->request = (Api__WatchRequest)API__WATCH_REQUEST__INIT;
	stream->selector.name = (char *)command;
	stream->request.selector = &stream->selector;
	stream->rpc.method = SERVICE "Watch";
	stream->rpc.request = &stream->request.base;
	stream->rpc.reply_type = &api__watch_event__descriptor;
	stream->rpc.on_message = on_stream_message;
	stream->rpc.on_end = on_stream_end;
	rpc_stream_start(f->channel, &stream->rpc);
	assert_false(stream->ended);
}
