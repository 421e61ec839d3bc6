/* SPDX-License-Identifier: Apache-2.0 */
/* Shutting down in every order and under load; fixture_free() checks that nothing is left. */
#include "core/rpc/wire/exchange.h"
#include "tests/unit/rpc_fixture.h"

enum {
	LOAD_UNARY = 64,
	LOAD_STREAMS = 16,
	LOAD_ROUNDS = 10,
	LONG_GRACE_MS = 100 * 1000,
	PROMPT_MS = 30 * 1000
};

struct load {
	struct fixture *f;
	struct unary unaries[LOAD_UNARY];
	struct stream streams[LOAD_STREAMS];
	int n_done;
};

static void load_start(struct load *load, struct fixture *f)
{
	static const char *const stream_commands[] = { "endless", "large", "silent", "100000" };

	load->f = f;
	for (int i = 0; i < LOAD_UNARY; i++) {
		load->unaries[i].n_done = &load->n_done;
		unary_start(f, &load->unaries[i], SERVICE "Get", i % 4 == 0 ? "hold" : "web");
	}
	for (int i = 0; i < LOAD_STREAMS; i++)
		stream_start(f, &load->streams[i], stream_commands[i % 4]);
}

static void load_check(const struct load *load)
{
	assert_int_equal(load->n_done, LOAD_UNARY);
	for (int i = 0; i < LOAD_STREAMS; i++) {
		assert_true(load->streams[i].ended);
		assert_int_equal(load->streams[i].status, -ECANCELED);
	}
	for (int i = 0; i < LOAD_UNARY; i++)
		assert_true(load->unaries[i].call.status == 0 ||
			    load->unaries[i].call.status == -ECANCELED);
}

/*
 * Everything goes at once: channel, server, bridge; the held calls are answered when all is over.
 */
static void close_under_load(uint64_t run_ms, uint64_t grace_ms)
{
	struct fixture *f = fixture_new();
	struct load *load = xnew(struct load);
	uint64_t begin_ms = loop_now_ms(&f->loop);

	server_start(f, 0);
	f->channel = rpc_channel_new(f->rpc, f->target);
	load_start(load, f);
	if (run_ms)
		run_for(f, run_ms);
	rpc_channel_free(f->channel);
	f->channel = NULL;
	server_stop(f, grace_ms);
	wait_until(f, f->server_closed);
	rpc_close(f->rpc, on_flag, &f->rpc_closed);
	wait_until(f, f->rpc_closed);
	assert_true(loop_now_ms(&f->loop) - begin_ms < PROMPT_MS);
	load_check(load);
	assert_int_equal(f->n_streams, f->n_streams_closed);
	answer_held(f);
	loop_close(&f->loop);
	rmdir(f->dir);
	free(f);
	free(load);
}

static void test_close_under_load(void **state UNUSED)
{
	for (uint64_t i = 0; i < LOAD_ROUNDS; i++)
		close_under_load(i * 3, i % 2 ? 5 : 0);
}

/* The server goes first: its clients see the end of every call, none of them hangs. */
static void test_server_closes_first(void **state)
{
	struct fixture *f = *state;
	struct load *load = xnew(struct load);
	uint64_t begin_ms = loop_now_ms(&f->loop);

	load_start(load, f);
	run_for(f, 30);
	server_stop(f, 20);
	wait_until(f, f->server_closed && load->n_done == LOAD_UNARY);
	for (int i = 0; i < LOAD_STREAMS; i++)
		wait_until(f, load->streams[i].ended);
	assert_int_equal(f->n_streams, f->n_streams_closed);
	assert_true(loop_now_ms(&f->loop) - begin_ms < PROMPT_MS);
	answer_held(f);
	free(load);
}

static void test_channel_freed(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { 0 };
	struct stream stream = { 0 };

	unary_start(f, &unary, SERVICE "Get", "hold");
	stream_start(f, &stream, "silent");
	wait_until(f, f->n_held == 1 && f->n_streams == 1);
	rpc_channel_free(f->channel);
	f->channel = NULL;
	assert_false(unary.done || stream.ended);
	wait_until(f, unary.done && stream.ended && f->n_streams_closed == 1);
	assert_int_equal(unary.call.status, -ECANCELED);
	assert_int_equal(stream.status, -ECANCELED);
	answer_held(f);
}

/* A call that ends within the grace is answered properly. */
static void test_grace(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { 0 };
	uint64_t begin_ms = loop_now_ms(&f->loop);

	unary_start(f, &unary, SERVICE "Get", "hold");
	wait_until(f, f->n_held == 1);
	server_stop(f, LONG_GRACE_MS);
	run_for(f, 50);
	assert_false(f->server_closed);
	answer_held(f);
	wait_until(f, f->server_closed && unary.done);
	assert_int_equal(unary.call.status, 0);
	assert_true(loop_now_ms(&f->loop) - begin_ms < LONG_GRACE_MS / 2);
}

static void test_grace_over(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { 0 };
	uint64_t begin_ms = loop_now_ms(&f->loop);

	unary_start(f, &unary, SERVICE "Get", "hold");
	wait_until(f, f->n_held == 1);
	server_stop(f, 50);
	wait_until(f, f->server_closed && unary.done);
	assert_true(unary.call.status < 0);
	assert_true(loop_now_ms(&f->loop) - begin_ms < PROMPT_MS);
	answer_held(f);
}

/* A peer that connected and says nothing does not use the grace up. */
static void test_silent_connection(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct unary unary = { 0 };
	uint64_t begin_ms;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), 0);
	begin_ms = loop_now_ms(&f->loop);
	server_stop(f, LONG_GRACE_MS);
	wait_until(f, f->server_closed);
	assert_true(loop_now_ms(&f->loop) - begin_ms < LONG_GRACE_MS / 2);
	close(fd);
}

static void test_nothing_used(void **state UNUSED)
{
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_without_server(test_nothing_used),
		test_with_server(test_nothing_used),
		test_with_server(test_channel_freed),
		test_with_server(test_grace),
		test_with_server(test_grace_over),
		test_with_server(test_silent_connection),
		test_with_server(test_server_closes_first),
		cmocka_unit_test(test_close_under_load),
	};

	/* gRPC stays: its own end may take ten seconds here (rpc_library_fini()). */
	rpc_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
