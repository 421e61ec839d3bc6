/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with a stream of requests: one message at a time, and only when the handler asks. */
#include "tests/unit/rpc_fixture.h"

enum { AHEAD_MAX = 200 }; /* messages of LARGE_BYTES that may be on their way, in buffers */

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
		test_with_server(test_1000),          test_with_server(test_none_but_the_first),
		test_with_server(test_back_pressure), test_with_server(test_client_goes),
		test_with_server(test_server_ends),   test_with_server(test_junk),
		test_with_server(test_server_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
