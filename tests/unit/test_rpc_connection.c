/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that are absent, come back, or do not behave. */
#include "tests/unit/rpc_fixture.h"

#include <dirent.h>
#include <grpc/byte_buffer.h>
#include <grpc/compression.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "core/rpc/wire/exchange.h"

/* ---- absent ---- */

static void test_down(void **state)
{
	struct fixture *f = *state;

	/* None waits for a connection: that would never end. */
	f->channel = rpc_channel_new(f->rpc, f->target);
	for (int i = 0; i < 10; i++) {
		struct unary unary = { 0 };

		assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), -ECONNREFUSED);
		assert_non_null(strstr(unary.call.err.msg, f->path));
	}
}

/* Without waiting: the calls fail until the kick takes effect. */
static void test_back(void **state)
{
	struct fixture *f = *state;
	uint64_t begin_ms;
	int status;

	f->channel = rpc_channel_new(f->rpc, f->target);
	for (int i = 0; i < 20; i++) {
		struct unary unary = { 0 };

		assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), -ECONNREFUSED);
		run_for(f, 50);
	}
	server_start(f, 0);
	begin_ms = loop_now_ms(&f->loop);
	rpc_channel_kick(f->channel);
	do {
		struct unary unary = { 0 };

		status = unary_run(f, &unary, SERVICE "Get", "web");
		run_for(f, 2);
	} while (status == -ECONNREFUSED && loop_now_ms(&f->loop) - begin_ms < 5000);
	assert_int_equal(status, 0);
}

static void test_wait_for_ready(void **state)
{
	struct fixture *f = *state;
	struct stream stream = { .rpc.wait_for_ready = true }, impatient = { 0 };
	uint64_t begin_ms;

	f->channel = rpc_channel_new(f->rpc, f->target);
	stream_start(f, &stream, "3");
	stream_start(f, &impatient, "3");
	wait_until(f, impatient.ended);
	assert_int_equal(impatient.status, -ECONNREFUSED);
	run_for(f, 700);
	assert_false(stream.ended);
	server_start(f, 0);
	begin_ms = loop_now_ms(&f->loop);
	rpc_channel_kick(f->channel);
	wait_until(f, stream.ended);
	assert_int_equal(stream.status, 0);
	assert_true(loop_now_ms(&f->loop) - begin_ms < 5000);
}

/* The channel outlives its server; a stream tells of the loss. */
static void test_restart(void **state)
{
	struct fixture *f = *state;
	struct stream stream = { 0 }, again = { .rpc.wait_for_ready = true };

	stream_start(f, &stream, "silent");
	wait_until(f, f->n_streams == 1);
	server_stop(f, 0);
	wait_until(f, stream.ended && f->server_closed);
	assert_true(stream.status < 0);
	server_start(f, 0);
	stream_start(f, &again, "3");
	rpc_channel_kick(f->channel);
	wait_until(f, again.ended);
	assert_int_equal(again.status, 0);
}

/* ---- hostile ---- */

static int connect_raw(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool is_at_end(int fd)
{
	char bytes[4096];
	ssize_t n;

	do
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno != EAGAIN;
}

static void test_garbage(void **state)
{
	static const char http1[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char preface[] =
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	struct fixture *f = *state;
	struct stream stream = { 0 };
	struct unary unary = { 0 };
	unsigned char noise[512];
	int fds[3];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char)(i * 167 + 13);
	stream_start(f, &stream, "500");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = connect_raw(f);
	assert_true(send(fds[0], http1, sizeof(http1) - 1, MSG_NOSIGNAL) > 0);
	assert_true(send(fds[1], preface, sizeof(preface) - 1, MSG_NOSIGNAL) > 0);
	assert_true(send(fds[2], noise, sizeof(noise), MSG_NOSIGNAL) > 0);
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), 0);
	wait_until(f, stream.ended);
	assert_int_equal(stream.status, 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		for (int tries = 0; tries < 100 && !is_at_end(fds[i]); tries++)
			run_for(f, 10);
		assert_true(is_at_end(fds[i]));
		close(fds[i]);
	}
}

/* Field 1 of a GetRequest is a message; here it is a number. */
static void test_bad_request(void **state)
{
	Api__StateCount wrong = API__STATE_COUNT__INIT;
	struct unary unary = { .rpc.request = &wrong.base };
	struct fixture *f = *state;

	wrong.has_kind = true;
	wrong.kind = API__KIND__KIND_CELL;
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", NULL), -EINVAL);
	assert_non_null(strstr(unary.call.err.msg, "not a valid kukeon.v1beta1.GetRequest"));
	assert_int_equal(f->n_requests, 0);
}

static void test_large_messages(void **state)
{
	struct fixture *f = *state;
	struct unary fits = { 0 }, too_large = { 0 };
	char *text = xcalloc(1, RPC_REQUEST_MAX_BYTES + 1);

	memset(text, 'x', RPC_REQUEST_MAX_BYTES);
	assert_int_equal(unary_run(f, &too_large, SERVICE "Get", text), -ENOSPC);
	text[RPC_REQUEST_MAX_BYTES - 64] = '\0';
	assert_int_equal(unary_run(f, &fits, SERVICE "Get", text), 0);
	assert_int_equal(f->n_requests, 1);
	free(text);
}

/* Empty submessages: two bytes each on the wire, more than a hundred in memory. */
static void test_inflating_message(void **state UNUSED)
{
	enum { N = 7 << 20 };
	grpc_slice slice = grpc_slice_malloc(2 * (size_t)N);
	grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
	ProtobufCMessage *message = NULL;
	struct error err;

	for (size_t i = 0; i < N; i++) {
		GRPC_SLICE_START_PTR(slice)[2 * i] = 0x0a; /* GetReply.objects */
		GRPC_SLICE_START_PTR(slice)[2 * i + 1] = 0;
	}
	assert_int_equal(rpc_message_unpack(buffer, &api__get_response__descriptor, &message, &err),
			 -EBADMSG);
	assert_null(message);
	grpc_slice_unref(slice);
	grpc_byte_buffer_destroy(buffer);
}

static void test_many_slices(void **state UNUSED)
{
	/* VersionReply { version: "abc" } in pieces */
	grpc_slice slices[] = { grpc_slice_from_static_buffer("\x0a", 1),
				grpc_slice_from_static_buffer("\x03"
							      "a",
							      2),
				grpc_slice_from_static_buffer("bc", 2) };
	grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(slices, ARRAY_SIZE(slices));
	ProtobufCMessage *message = NULL;
	struct error err;

	assert_int_equal(
		rpc_message_unpack(buffer, &api__version_response__descriptor, &message, &err), 0);
	assert_string_equal(((Api__VersionResponse *)message)->version, "abc");
	protobuf_c_message_free_unpacked(message, NULL);
	grpc_byte_buffer_destroy(buffer);
}

/* A client with a queue of its own, so that it can be told to misbehave. */
struct raw_client {
	grpc_channel *channel;
	grpc_completion_queue *queue;
	struct rpc_exchange exchange;
	Api__GetRequest request;
	Api__Selector selector;
};

static struct rpc_exchange_request raw_open(struct raw_client *raw, struct fixture *f,
					    const char *method, char *command,
					    grpc_compression_algorithm compression)
{
	grpc_arg arg = rpc_integer_arg(GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, compression);
	grpc_channel_args args = { 1, &arg };
	grpc_channel_credentials *credentials = grpc_insecure_credentials_create();

	raw->channel = grpc_channel_create(f->target, credentials, &args);
	grpc_channel_credentials_release(credentials);
	raw->queue = grpc_completion_queue_create_for_next(NULL);
	raw->selector = (Api__Selector)API__SELECTOR__INIT;
	raw->request = (Api__GetRequest)API__GET_REQUEST__INIT;
	raw->selector.name = command;
	raw->request.selector = &raw->selector;
	rpc_exchange_init(&raw->exchange, raw->channel, raw->queue, method, RPC_NO_TIMEOUT);
	return (struct rpc_exchange_request){ .message = &raw->request.base };
}

/* Runs both sides until @n tags of the raw client are back. */
static void raw_wait(struct raw_client *raw, struct fixture *f, int n)
{
	for (int tries = 0; n > 0 && tries < 1000; tries++) {
		if (grpc_completion_queue_next(raw->queue, gpr_time_0(GPR_CLOCK_REALTIME), NULL)
			    .type == GRPC_OP_COMPLETE)
			n--;
		run_for(f, 5);
	}
	assert_int_equal(n, 0);
}

static void raw_close(struct raw_client *raw)
{
	rpc_exchange_fini(&raw->exchange);
	grpc_channel_destroy(raw->channel);
	grpc_completion_queue_shutdown(raw->queue);
	while (grpc_completion_queue_next(raw->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL)
		       .type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(raw->queue);
}

static void test_compressed_request(void **state)
{
	struct fixture *f = *state;
	char zeros[LARGE_BYTES];
	struct rpc_exchange_request request;
	struct raw_client raw;

	memset(zeros, '0', sizeof(zeros));
	zeros[sizeof(zeros) - 1] = '\0';
	request = raw_open(&raw, f, SERVICE "Get", zeros, GRPC_COMPRESS_GZIP);
	rpc_exchange_start_unary(&raw.exchange, &request, &raw);
	raw_wait(&raw, f, 1);
	assert_int_equal(raw.exchange.status, GRPC_STATUS_UNIMPLEMENTED);
	assert_int_equal(f->n_requests, 0);
	raw_close(&raw);
}

/* A client that never reads: the server stops sending, and hears when the client goes. */
static void test_never_reads(void **state)
{
	enum {
		SENT_MAX = 256
	}; /* 64 KiB each: flow control of gRPC and the socket hold a few MiB at most */
	struct fixture *f = *state;
	struct raw_client raw;
	struct rpc_exchange_request request;
	struct unary unary = { 0 };
	int n_sent = -1;

	request = raw_open(&raw, f, SERVICE "Watch", (char *)"large", GRPC_COMPRESS_NONE);
	rpc_exchange_start_stream(&raw.exchange, &request, &raw, &raw);
	raw_wait(&raw, f, 1);
	while (n_sent != f->n_sent) { /* until it has come to rest */
		n_sent = f->n_sent;
		assert_true(n_sent <= SENT_MAX);
		run_for(f, 300);
	}
	assert_true(n_sent > 0);
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), 0);
	grpc_call_cancel(raw.exchange.grpc, NULL);
	raw_wait(&raw, f, 1);
	wait_until(f, f->n_streams_closed == 1);
	raw_close(&raw);
}

/* ---- descriptors ---- */

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void connect_once(struct fixture *f, int i)
{
	struct unary unary = { 0 };
	int fd = -1;

	if (i % 10 == 0)
		fd = connect_raw(f);
	f->channel = rpc_channel_new(f->rpc, f->target);
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), 0);
	rpc_channel_free(f->channel);
	f->channel = NULL;
	if (fd >= 0)
		close(fd);
}

static void test_descriptors(void **state)
{
	struct fixture *f = *state;
	int n_before;

	rpc_channel_free(f->channel);
	connect_once(f, 0);
	run_for(f, 100);
	n_before = count_fds();
	for (int i = 0; i < 200; i++)
		connect_once(f, i);
	for (int tries = 0; tries < 200 && count_fds() > n_before; tries++)
		run_for(f, 10);
	assert_int_equal(count_fds(), n_before);
}

static void test_idle_timeout(void **state)
{
	struct fixture *f = *state;
	int fd;

	server_start(f, 300);
	fd = connect_raw(f);
	run_for(f, 50);
	assert_false(is_at_end(fd));
	for (int tries = 0; tries < 200 && !is_at_end(fd); tries++)
		run_for(f, 10);
	assert_true(is_at_end(fd));
	close(fd);
}

/*
 * With no descriptor left the server pauses instead of spinning, and goes on when there are some
 * again.
 */
static void test_no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, tight;
	struct unary unary = { 0 };
	struct rusage before, after;
	int fd = connect_raw(f);

	getrlimit(RLIMIT_NOFILE, &limit);
	tight = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &tight);
	getrusage(RUSAGE_SELF, &before);
	run_for(f, 500);
	getrusage(RUSAGE_SELF, &after);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_true((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
			    after.ru_utime.tv_usec - before.ru_utime.tv_usec <
		    200000);
	assert_int_equal(unary_run(f, &unary, SERVICE "Get", "web"), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_without_server(test_down),           test_without_server(test_back),
		test_without_server(test_wait_for_ready), test_with_server(test_restart),
		test_with_server(test_garbage),           test_with_server(test_bad_request),
		test_with_server(test_large_messages),    cmocka_unit_test(test_inflating_message),
		cmocka_unit_test(test_many_slices),       test_with_server(test_compressed_request),
		test_with_server(test_never_reads),       test_with_server(test_descriptors),
		test_without_server(test_idle_timeout),   test_with_server(test_no_descriptors),
	};

	/* gRPC stays: its own end may take ten seconds here (rpc_library_fini()). */
	rpc_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
