/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with a stream of requests: one message at a time, and only when the handler asks. */
#include "tests/unit/rpc_fixture.h"

enum { AHEAD_MAX = 200 }; /* messages of LARGE_BYTES that may be on their way, in buffers */

/* ---- the service: what a call does is said by the name in its first message ---- */

struct upload {
	struct rpc_server_call *call;
	int n_received;
	bool slow, stop_at_10;
};

static struct {
	int n_received, n_closed;
	bool ended; /* the client said so */
	struct upload *current;
} seen;

static void answer(struct upload *upload)
{
	Api__PruneResponse reply = API__PRUNE_RESPONSE__INIT;

	rpc_server_send(upload->call, &reply.base);
	rpc_server_end(upload->call);
}

static void on_message(struct rpc_server_call *call, const ProtobufCMessage *message, void *owner)
{
	struct upload *upload = owner;
	struct error err;

	if (!message) {
		seen.ended = true;
		answer(upload);
		return;
	}
	if (str_equal(command_of(message), "large"))
		assert_int_equal(strlen(((const Api__GetRequest *)message)->selector->labels),
				 LARGE_BYTES);
	else
		assert_int_equal(atoi(command_of(message)), upload->n_received);
	seen.n_received = ++upload->n_received;
	if (upload->stop_at_10 && upload->n_received == 10)
		rpc_server_fail(call, error_set(&err, -EBUSY, "that was enough"), &err);
	else
		rpc_server_receive(call);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	seen.n_closed++;
	seen.current = NULL;
	free(owner);
}

static const struct rpc_stream_handler upload_handler = {
	.on_writable = on_watch_writable, /* never: it ends with what it sends */
	.on_message = on_message,
	.on_closed = on_closed,
};

static void on_upload(struct rpc_server_call *call, const ProtobufCMessage *request,
		      void *ctx UNUSED)
{
	struct upload *upload = xnew(struct upload);

	upload->call = call;
	upload->slow = str_equal(command_of(request), "slow");
	upload->stop_at_10 = str_equal(command_of(request), "stop");
	seen.current = upload;
	rpc_server_stream(call, &upload_handler, upload);
	if (!upload->slow)
		rpc_server_receive(call);
}

static const struct rpc_method upload_methods[] = {
	{ SERVICE "Upload", &api__get_request__descriptor, on_upload },
};

static int setup_upload(void **state)
{
	struct fixture *f = fixture_new();
	struct rpc_server_options options = {
		.listen_fd = listen_at(f->path),
		.methods = upload_methods,
		.n_methods = ARRAY_SIZE(upload_methods),
		.ctx = f,
	};
	struct error err;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(rpc_server_open(&f->server, f->rpc, &options, &err), 0);
	f->server_closed = false;
	f->channel = rpc_channel_new(f->rpc, f->target);
	*state = f;
	return 0;
}

#define test_upload(name) cmocka_unit_test_setup_teardown(name, setup_upload, teardown)

/* ---- the client ---- */

struct sender {
	struct rpc_stream rpc;
	int n_sent, n_wanted, n_replies, status; /* n_wanted -1: endless */
	bool large, junk, ended;
	struct error err;
};

static void send_one(struct sender *sender)
{
	static char large[LARGE_BYTES + 1];
	Api__GetRequest request = API__GET_REQUEST__INIT;
	Api__Selector selector = API__SELECTOR__INIT;
	char text[16];

	memset(large, 'x', LARGE_BYTES);
	snprintf(text, sizeof(text), "%d", sender->n_sent++);
	request.selector = &selector;
	selector.name = sender->large ? (char *)"large" : sender->junk ? (char *)"\xff" : text;
	selector.labels = sender->large ? large : (char *)"";
	rpc_stream_send(&sender->rpc, &request.base);
}

static void on_sent(struct rpc_stream *rpc)
{
	struct sender *sender = container_of(rpc, struct sender, rpc);

	if (sender->n_sent == sender->n_wanted)
		rpc_stream_finish(rpc);
	else
		send_one(sender);
}

static void on_reply(struct rpc_stream *rpc, const ProtobufCMessage *message UNUSED)
{
	container_of(rpc, struct sender, rpc)->n_replies++;
}

static void on_sender_end(struct rpc_stream *rpc, int status, const struct error *err)
{
	struct sender *sender = container_of(rpc, struct sender, rpc);

	assert_false(sender->ended);
	sender->ended = true;
	sender->status = status;
	if (err)
		sender->err = *err;
}

static void sender_start(struct fixture *f, struct sender *sender, const char *command)
{
	Api__GetRequest request = API__GET_REQUEST__INIT;
	Api__Selector selector = API__SELECTOR__INIT;

	request.selector = &selector;
	selector.name = (char *)command;
	sender->rpc.method = SERVICE "Upload";
	sender->rpc.request = &request.base;
	sender->rpc.reply_type = &api__prune_response__descriptor;
	sender->rpc.on_sent = on_sent;
	sender->rpc.on_message = on_reply;
	sender->rpc.on_end = on_sender_end;
	rpc_stream_start(f->channel, &sender->rpc);
}

/* ---- tests ---- */

static void test_1000(void **state)
{
	struct fixture *f = *state;
	struct sender sender = { .n_wanted = 1000 };

	sender_start(f, &sender, "");
	wait_until(f, sender.ended);
	assert_int_equal(sender.status, 0);
	assert_int_equal(sender.n_replies, 1);
	assert_int_equal(seen.n_received, 1000);
	assert_true(seen.ended);
	wait_until(f, seen.n_closed == 1);
}

static void test_none_but_the_first(void **state)
{
	struct fixture *f = *state;
	struct sender sender = { .n_wanted = 0 };

	sender_start(f, &sender, "");
	wait_until(f, sender.ended);
	assert_int_equal(sender.status, 0);
	assert_int_equal(seen.n_received, 0);
	assert_true(seen.ended);
}

/* Whoever is not asked waits, and what he holds here is bounded. */
static void test_back_pressure(void **state)
{
	struct fixture *f = *state;
	struct sender sender = { .n_wanted = 1000, .large = true };
	int n_before;

	sender_start(f, &sender, "slow");
	wait_until(f, seen.current);
	run_for(f, 500);
	n_before = sender.n_sent;
	run_for(f, 200);
	assert_int_equal(sender.n_sent, n_before);
	assert_in_range(n_before, 1, AHEAD_MAX);
	assert_int_equal(seen.n_received, 0);
	rpc_server_receive(seen.current->call);
	wait_until(f, sender.ended);
	assert_int_equal(sender.status, 0);
	assert_int_equal(seen.n_received, 1000);
}

static void test_client_goes(void **state)
{
	struct fixture *f = *state;
	struct sender sender = { .n_wanted = -1 };

	sender_start(f, &sender, "");
	wait_until(f, seen.n_received > 20);
	rpc_stream_cancel(&sender.rpc);
	wait_until(f, sender.ended && seen.n_closed == 1);
	assert_int_equal(sender.status, -ECANCELED);
	assert_false(seen.ended);
}

/* The server has heard enough while more comes. */
static void test_server_ends(void **state)
{
	struct fixture *f = *state;
	struct sender sender = { .n_wanted = -1 };

	sender_start(f, &sender, "stop");
	wait_until(f, sender.ended && seen.n_closed == 1);
	assert_int_equal(sender.status, -EBUSY);
	assert_string_equal(sender.err.msg, "that was enough");
	assert_int_equal(seen.n_received, 10);
}

static void test_junk(void **state)
{
	struct fixture *f = *state;
	struct sender sender = { .n_wanted = -1, .junk = true };

	sender_start(f, &sender, "");
	wait_until(f, sender.ended && seen.n_closed == 1);
	assert_int_equal(sender.status, -EINVAL);
	assert_non_null(strstr(sender.err.msg, "the request"));
	assert_int_equal(seen.n_received, 0);
}

/* The server closes while the client's next message is awaited. */
static void test_server_closes(void **state)
{
	struct fixture *f = *state;
	struct sender sender = { .n_wanted = -1 };

	sender_start(f, &sender, "");
	wait_until(f, seen.n_received > 20);
	server_stop(f, 50);
	wait_until(f, sender.ended && f->server_closed);
	assert_int_equal(seen.n_closed, 1);
	assert_true(sender.status < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_upload(test_1000),      test_upload(test_none_but_the_first),
		test_upload(test_back_pressure), test_upload(test_client_goes),
		test_upload(test_server_ends),   test_upload(test_junk),
		test_upload(test_server_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
