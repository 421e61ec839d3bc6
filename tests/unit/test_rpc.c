/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and streams between a client and a server on one loop. */
#include "tests/unit/rpc_fixture.h"

#include <dirent.h>

static void test_unary(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { .rpc.reply_type = &api__get_response__descriptor };

	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), 0);
	assert_non_null(unary.rpc.reply);
	assert_ptr_equal(unary.rpc.reply->descriptor, &api__get_response__descriptor);
	rpc_unary_fini(&unary.rpc);
	rpc_unary_fini(&unary.rpc);
	assert_null(unary.rpc.reply);
}

static void test_unary_without_reply_type(void **state)
{
	struct unary unary = { 0 };

	assert_int_equal(unary_run(*state, &unary, SERVICE "Get", "web"), 0);
	assert_null(unary.rpc.reply);
}

static void test_peer(void **state)
{
	struct unary unary = { .rpc.reply_type = &api__version_response__descriptor };
	const Api__VersionResponse *reply;

	assert_int_equal(unary_run(*state, &unary, SERVICE "Version", NULL), 0);
	reply = (const Api__VersionResponse *)unary.rpc.reply;
	assert_int_equal(atoi(reply->version), getuid());
	assert_int_equal(reply->pid, getpid());
	rpc_unary_fini(&unary.rpc);
}

static void test_server_error(void **state)
{
	struct unary unary = { .rpc.reply_type = &api__get_response__descriptor };

	assert_int_equal(unary_run(*state, &unary, SERVICE "Get", "missing"), -ENOENT);
	assert_string_equal(unary.call.err.msg, "cell \"web\" not found");
	assert_int_equal(unary.call.err.code, -ENOENT);
	assert_null(unary.rpc.reply);
}

static void test_wrong_reply_type(void **state)
{
	/* The reply is a VersionReply: its first field is a string, that of a StateCount is a
	 * number. */
	struct unary unary = { .rpc.reply_type = &api__state_count__descriptor };

	assert_int_equal(unary_run(*state, &unary, SERVICE "Version", NULL), -EIO);
	assert_non_null(strstr(unary.call.err.msg, "not a valid kukeon.v1beta1.StateCount"));
	assert_null(unary.rpc.reply);
}

static void test_headers(void **state)
{
	struct unary good = { .rpc.headers = { { "containerd-namespace", "kukeon-default" } } };
	struct unary bad = { .rpc.headers = { { "containerd-namespace", "a\nb" } } };

	assert_int_equal(unary_run(*state, &good, SERVICE "Get", "web"), 0);
	assert_int_equal(unary_run(*state, &bad, SERVICE "Get", "web"), -EINVAL);
	assert_non_null(strstr(bad.call.err.msg, "containerd-namespace"));
}

static void test_stream_bad_header(void **state)
{
	struct fixture *f = *state;
	struct stream stream = { .rpc.headers = { { "Upper", "x" } } };

	stream_start(f, &stream, "5");
	rpc_stream_cancel(&stream.rpc);
	wait_until(f, stream.ended);
	assert_int_equal(stream.status, -EINVAL);
}

/* The handler answers when the client has given up long ago. */
static void test_deadline(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { .rpc.timeout_ms = 100 };
	uint64_t begin_ms = loop_now_ms(&f->loop);

	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "hold"), -ETIMEDOUT);
	assert_in_range(loop_now_ms(&f->loop) - begin_ms, 95, 2000);
	run_for(f, 20);
	assert_int_equal(f->n_held, 1);
	answer_held(f);
}

static void test_cancel_unary(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { 0 };
	struct error err;

	unary_start(f, &unary, SERVICE "Get", "hold");
	wait_until(f, f->n_held == 1);
	rpc_unary_cancel(&unary.rpc);
	assert_false(unary.done);
	wait_until(f, unary.done);
	assert_int_equal(unary.call.status, -ECANCELED);
	rpc_unary_cancel(&unary.rpc);
	rpc_server_fail(f->held[0], error_set(&err, -EIO, "too late"), &err);
	f->n_held = 0;
}

/* Whoever holds a call hears that its client has gone, once, also when that was before it asked to;
 * after the answer nothing is heard. */
static void test_hears_of_the_end(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { 0 }, other = { 0 }, answered = { 0 };
	bool gone = false, heard_late = false, never = false;
	struct error err;

	unary_start(f, &unary, SERVICE "Get", "hold");
	unary_start(f, &other, SERVICE "Get", "hold");
	wait_until(f, f->n_held == 2);
	rpc_server_when_gone(f->held[0], on_flag, &gone);
	rpc_unary_cancel(&unary.rpc);
	rpc_unary_cancel(&other.rpc);
	wait_until(f, gone && unary.done && other.done);
	wait_until(f, atomic_load(rpc_server_call_gone(f->held[1])));
	gone = false;
	rpc_server_when_gone(f->held[1], on_flag, &heard_late);
	assert_false(heard_late); /* never from inside */
	wait_until(f, heard_late);
	for (int i = 0; i < 2; i++)
		rpc_server_fail(f->held[i], error_set(&err, -EIO, "too late"), &err);
	f->n_held = 0;
	unary_start(f, &answered, SERVICE "Get", "hold");
	wait_until(f, f->n_held == 1);
	rpc_server_when_gone(f->held[0], on_flag, &never);
	answer_held(f);
	wait_until(f, answered.done);
	run_for(f, 10);
	assert_false(gone || never);
}

static void test_late_answers(void **state)
{
	struct fixture *f = *state;
	struct unary unary = { 0 };

	unary_start(f, &unary, SERVICE "Get", "hold");
	wait_until(f, f->n_held == 1);
	run_for(f, 10);
	answer_held(f);
	wait_until(f, unary.done);
	assert_int_equal(unary.call.status, 0);
}

static void test_unknown_method(void **state)
{
	struct unary unary = { 0 }, other = { 0 };

	assert_int_equal(unary_run(*state, &unary, SERVICE "Explode", "web"), -ENOSYS);
	assert_non_null(strstr(unary.call.err.msg, "unknown method " SERVICE "Explode"));
	assert_int_equal(unary_run(*state, &other, "/grpc.health.v1.Health/Check", "web"), -ENOSYS);
}

static void test_200_at_once(void **state)
{
	enum { N = 200 };
	struct fixture *f = *state;
	struct unary *unaries = xcalloc(N, sizeof(*unaries));
	int n_done = 0;

	for (int i = 0; i < N; i++) {
		unaries[i].n_done = &n_done;
		unary_start(f, &unaries[i], SERVICE "Get", i % 2 ? "web" : "missing");
	}
	wait_until(f, n_done == N);
	for (int i = 0; i < N; i++)
		assert_int_equal(unaries[i].call.status, i % 2 ? 0 : -ENOENT);
	assert_int_equal(f->n_requests, N);
	free(unaries);
}

static void test_stream_1000(void **state)
{
	struct fixture *f = *state;
	struct stream stream = { 0 };

	stream_start(f, &stream, "1000");
	wait_until(f, stream.ended);
	assert_int_equal(stream.status, 0);
	assert_int_equal(stream.n_messages, 1000);
	wait_until(f, f->n_streams_closed == 1);
	assert_int_equal(f->n_sent, 1000);
}

static void test_stream_empty(void **state)
{
	struct fixture *f = *state;
	struct stream stream = { 0 };

	stream_start(f, &stream, "0");
	wait_until(f, stream.ended && f->n_streams_closed == 1);
	assert_int_equal(stream.status, 0);
	assert_int_equal(stream.n_messages, 0);
}

static void test_stream_fails(void **state)
{
	struct fixture *f = *state;
	struct stream refused = { 0 }, aborted = { 0 };

	stream_start(f, &refused, "refuse");
	stream_start(f, &aborted, "abort");
	wait_until(f, refused.ended && aborted.ended && f->n_streams_closed == 2);
	assert_int_equal(refused.status, -EBUSY);
	assert_string_equal(refused.err.msg, "too many watchers");
	assert_int_equal(aborted.status, -ENOSPC);
	assert_string_equal(aborted.err.msg, "too slow");
	assert_int_equal(aborted.n_messages, 1);
}

static void test_stream_cancelled(void **state)
{
	struct fixture *f = *state;
	struct stream silent = { 0 }, endless = { .cancel_after = 50 };

	stream_start(f, &silent, "silent");
	stream_start(f, &endless, "endless");
	wait_until(f, f->n_streams == 2 && endless.ended);
	assert_int_equal(endless.status, -ECANCELED);
	assert_int_equal(endless.n_messages, 50);
	assert_false(silent.ended);
	rpc_stream_cancel(&silent.rpc);
	rpc_stream_cancel(&silent.rpc);
	assert_false(silent.ended);
	wait_until(f, silent.ended && f->n_streams_closed == 2);
	assert_int_equal(silent.status, -ECANCELED);
	rpc_stream_cancel(&silent.rpc);
	run_for(f, 50);
	assert_int_equal(f->n_streams_closed, 2);
}

static void test_stream_cancelled_at_once(void **state)
{
	struct fixture *f = *state;
	struct stream stream = { 0 };

	stream_start(f, &stream, "endless");
	rpc_stream_cancel(&stream.rpc);
	wait_until(f, stream.ended);
	assert_int_equal(stream.status, -ECANCELED);
	assert_int_equal(stream.n_messages, 0);
}

/* A handler that makes its call a stream only after the client has gone still hears of it, once. */
static void on_late_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	++*(int *)owner;
}

static void test_stream_begun_late(void **state)
{
	static const struct rpc_stream_handler handler = { .on_closed = on_late_closed };
	struct fixture *f = *state;
	struct unary unary = { 0 };
	int n_closed = 0;

	unary_start(f, &unary, SERVICE "Get", "hold");
	wait_until(f, f->n_held == 1);
	rpc_unary_cancel(&unary.rpc);
	run_for(f, 20);
	rpc_server_stream(f->held[0], &handler, &n_closed);
	assert_false(rpc_server_call_writable(f->held[0]));
	assert_int_equal(n_closed, 0);
	wait_until(f, n_closed == 1);
	f->n_held = 0;
}

/* How often the threads that are called @name have gone to sleep so far. */
static long count_wakeups(const char *name)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	long total = 0;

	while ((entry = readdir(dir))) {
		char path[300], line[256];
		bool ours = false;
		long n;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file)) {
			if (str_starts_with(line, "Name:"))
				ours = str_equal(strtok(line + strlen("Name:"), "\t\n"), name);
			if (ours && sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
				total += n;
		}
		if (file)
			fclose(file);
	}
	closedir(dir);
	return total;
}

/* With a connection and a stream that are idle, our thread sleeps. */
static void test_idle(void **state)
{
	struct fixture *f = *state;
	struct stream stream = { 0 };
	long n_before, n_after;

	stream_start(f, &stream, "silent");
	wait_until(f, f->n_streams == 1);
	run_for(f, 300);
	n_before = count_wakeups("rpc");
	run_for(f, 1000);
	n_after = count_wakeups("rpc");
	rpc_stream_cancel(&stream.rpc);
	wait_until(f, stream.ended);
	assert_true(n_before > 0);
	assert_in_range(n_after - n_before, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_server(test_unary),
		test_with_server(test_unary_without_reply_type),
		test_with_server(test_peer),
		test_with_server(test_server_error),
		test_with_server(test_wrong_reply_type),
		test_with_server(test_headers),
		test_with_server(test_stream_bad_header),
		test_with_server(test_deadline),
		test_with_server(test_cancel_unary),
		test_with_server(test_hears_of_the_end),
		test_with_server(test_late_answers),
		test_with_server(test_unknown_method),
		test_with_server(test_200_at_once),
		test_with_server(test_stream_1000),
		test_with_server(test_stream_empty),
		test_with_server(test_stream_fails),
		test_with_server(test_stream_cancelled),
		test_with_server(test_stream_cancelled_at_once),
		test_with_server(test_stream_begun_late),
		test_with_server(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
