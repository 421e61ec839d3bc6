/* SPDX-License-Identifier: Apache-2.0 */
/* Commands over the API, through a real socket, with the fake's programs. */
#include <errno.h>
#include <signal.h>

#include "tests/unit/api_fixture.h"

enum { PIECES = 40, PIECE_BYTES = 50000 };

struct fixture {
	struct served served;
	struct rpc_stream stream;
	const Api__ExecRequest *next; /* sent when the one before has left; NULL: nothing */
	int n_sent, n_pieces;
	bool finishes; /* after the pieces */
	bool started, ended;
	int status;
	uint64_t received;
	int64_t code; /* -1: none came */
	char *message;
	struct error err;
};

static struct fixture *the; /* one at a time */

static bool has_ended(struct sim *sim UNUSED)
{
	return the->ended;
}

static bool has_started(struct sim *sim UNUSED)
{
	return the->started || the->ended;
}

static bool nothing_runs(struct sim *sim)
{
	return list_empty(&sim->world.ops);
}

/* ---- the client ---- */

static void send_piece(void)
{
	static char piece[PIECE_BYTES];
	Api__ExecRequest request = API__EXEC_REQUEST__INIT;

	memset(piece, 'x', sizeof(piece));
	request.has_input = true;
	request.input.data = (uint8_t *)piece;
	request.input.len = sizeof(piece);
	the->n_sent++;
	rpc_stream_send(&the->stream, &request.base);
}

static void on_sent(struct rpc_stream *stream)
{
	if (the->next) {
		rpc_stream_send(stream, &the->next->base);
		the->next = NULL;
	} else if (the->n_sent < the->n_pieces) {
		send_piece();
	} else if (the->finishes) {
		rpc_stream_finish(stream);
	}
}

static void on_message(struct rpc_stream *stream UNUSED, const ProtobufCMessage *message)
{
	const Api__ExecResponse *response = (const Api__ExecResponse *)message;

	the->started |= response->started;
	the->received += response->out.len;
	if (!response->exit)
		return;
	the->code = response->exit->code;
	the->message = xstrdup_maybe(response->exit->message);
}

static void on_end(struct rpc_stream *stream UNUSED, int status, const struct error *err)
{
	the->ended = true;
	the->status = status;
	if (err)
		the->err = *err;
}

static void start_with(struct fixture *f, const Api__ExecStart *start)
{
	Api__ExecRequest request = API__EXEC_REQUEST__INIT;

	free(take_ptr(f->message));
	f->started = f->ended = false;
	f->n_sent = 0;
	f->received = 0;
	f->code = -1;
	request.start = (Api__ExecStart *)start;
	f->stream = (struct rpc_stream){ .method = "/kukeon.v1beta1.Containers/Exec",
					 .request = &request.base,
					 .reply_type = &api__exec_response__descriptor,
					 .on_sent = on_sent,
					 .on_message = on_message,
					 .on_end = on_end };
	rpc_stream_start(f->served.channel, &f->stream);
}

static void start(struct fixture *f, const char *cell, const char *container, const char *program,
		  const char *word)
{
	Api__ExecStart start = API__EXEC_START__INIT;
	char *args[] = { (char *)program, (char *)word };

	start.realm = start.space = start.stack = (char *)"default";
	start.cell = (char *)cell;
	start.container = (char *)container;
	start.args = args;
	start.n_args = !program ? 0 : word ? 2 : 1;
	start_with(f, &start);
}

static void await_end(struct fixture *f)
{
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

/* ---- tests ---- */

static void test_exits(void **state)
{
	struct fixture *f = *state;

	start(f, "web", "a", "exit", "7");
	await_end(f);
	assert_int_equal(f->status, 0);
	assert_true(f->started);
	assert_int_equal(f->code, 7);
	assert_null(f->message);
	start(f, "web", "a", "nothing", NULL);
	await_end(f);
	assert_int_equal(f->status, 0);
	assert_false(f->started);
	assert_int_equal(f->code, 127);
	assert_non_null(strstr(f->message, "no such file"));
}

static void test_refused(void **state)
{
	static const struct {
		const char *cell, *container, *program;
		int status;
		const char *words;
	} rows[] = {
		{ "web", "", "cat", -EINVAL, "2 containers: say which: a, b" },
		{ "web", "c", "cat", -ENOENT, "no container \"c\"" },
		{ "db", "a", "cat", -ENOENT, "not found" },
		{ "?", "a", "cat", -EINVAL, "expected a name" },
		{ "web", "a", "", -EINVAL, "no command" },
		{ "web", "a", NULL, -EINVAL, "no command" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start(f, rows[i].cell, rows[i].container, rows[i].program, NULL);
		await_end(f);
		assert_int_equal(f->status, rows[i].status);
		assert_non_null(strstr(f->err.msg, rows[i].words));
		assert_int_equal(f->code, -1);
	}
}

/* Both ways at once; the end of what the client sends is the end of the input. */
static void test_input(void **state)
{
	struct fixture *f = *state;

	f->n_pieces = PIECES;
	f->finishes = true;
	start(f, "web", "a", "cat", NULL);
	await_end(f);
	assert_int_equal(f->status, 0);
	assert_int_equal(f->code, 0);
	assert_int_equal(f->received, (uint64_t)PIECES * PIECE_BYTES);
}

static void test_signal(void **state)
{
	struct fixture *f = *state;
	Api__ExecRequest request = API__EXEC_REQUEST__INIT;

	request.has_signal = true;
	request.signal = SIGINT;
	f->next = &request;
	start(f, "web", "b", "cat", NULL);
	await_end(f);
	assert_int_equal(f->status, 0);
	assert_int_equal(f->code, 128 + SIGINT);
}

static void test_wrong_messages(void **state)
{
	struct fixture *f = *state;
	Api__ExecStart another = API__EXEC_START__INIT;
	Api__ExecRequest requests[4] = { API__EXEC_REQUEST__INIT, API__EXEC_REQUEST__INIT,
					 API__EXEC_REQUEST__INIT, API__EXEC_REQUEST__INIT };

	requests[1].start = &another;
	requests[2].has_signal = true;
	requests[2].signal = 1000;
	requests[3].has_signal = requests[3].has_end_of_input = true;
	requests[3].signal = SIGINT;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		f->next = &requests[i];
		start(f, "web", "a", "cat", NULL);
		await_end(f);
		assert_int_equal(f->status, -EINVAL);
	}
}

/* While one writes for ever, and before it has started. */
static void test_client_goes(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		start(f, "web", "a", "yes", NULL);
		if (i % 2)
			assert_true(sim_run_until(&f->served.sim, has_started, WAIT_MS));
		else
			sim_run(&f->served.sim, (uint64_t)i / 2);
		rpc_stream_cancel(&f->stream);
		await_end(f);
		assert_int_equal(f->status, -ECANCELED);
	}
	assert_true(sim_run_until(&f->served.sim, nothing_runs, WAIT_MS));
}

/* teardown() finds it under way. */
static void test_daemon_stops(void **state)
{
	struct fixture *f = *state;

	start(f, "web", "a", "yes", NULL);
	assert_true(sim_run_until(&f->served.sim, has_started, WAIT_MS));
}

static void test_runtime_down(void **state)
{
	struct fixture *f = *state;

	world_runtime_down(&f->served.sim.world);
	start(f, "web", "a", "cat", NULL);
	await_end(f);
	assert_int_equal(f->status, -EIO);
	world_runtime_up(&f->served.sim.world);
}

/* ---- life ---- */

static bool cell_runs(struct sim *sim)
{
	return sim_state(sim, "default/default/default/web") == API__STATE__STATE_READY;
}

static int setup(void **state)
{
	struct fixture *f = the = xnew(struct fixture);

	served_init(&f->served, false);
	sim_file(&f->served.sim, "/web.yaml",
		 "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"
		 "spec: {containers: [{id: a, image: nginx}, {id: b, image: nginx}]}\n");
	sim_scanned(&f->served.sim);
	assert_true(sim_run_until(&f->served.sim, cell_runs, WAIT_MS));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	served_fini(&f->served);
	free(f->message);
	free(f);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_exits),        test(test_refused),        test(test_input),
		test(test_signal),       test(test_wrong_messages), test(test_client_goes),
		test(test_daemon_stops), test(test_runtime_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
