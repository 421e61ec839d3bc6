/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc/wire/exchange.h"

#include <grpc/byte_buffer.h>
#include <grpc/compression.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/log.h"

enum {
	/*
	 * A peer that restarts is back within half a second; measured, together with a kick: 4 ms.
	 */
	RECONNECT_INITIAL_MS = 100,
	RECONNECT_MAX_MS = 500, /* the longest pause between two attempts */
	/* gRPC calls it minimum backoff, but it is how long one attempt to connect may take. */
	CONNECT_TIMEOUT_MS = 3000,
	SHUTDOWN_PATIENCE_MS = 200, /* it takes one, as a rule */
};

/*
 * gRPC reports failed connections as errors; we report them ourselves, once. Its last words before
 * abort() stay loud.
 */
static void on_grpc_log(gpr_log_func_args *args)
{
	if (strstr(args->message, "ASSERTION FAILED") || strstr(args->message, "assertion failed"))
		log_error("gRPC: %s at=%s:%d", args->message, args->file, args->line);
	else
		log_debug("gRPC: %s", args->message);
}

/* For programs that do not always wait for a channel it looks at its sockets by the clock. We do
 * wait, always; there is no other way to say so. */
static void stop_backup_polling(void)
{
	setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "0", 0);
}

void rpc_library_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, stop_backup_polling);
	gpr_set_log_function(on_grpc_log);
	grpc_init();
}

/* How many shutdowns are under way, in this process as gRPC itself. */
static pthread_mutex_t shutdown_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t shutdown_ended = PTHREAD_COND_INITIALIZER;
static unsigned n_shutdowns;

static void *shut_down(void *arg UNUSED)
{
	grpc_shutdown_blocking();
	pthread_mutex_lock(&shutdown_mutex);
	n_shutdowns--;
	pthread_cond_broadcast(&shutdown_ended);
	pthread_mutex_unlock(&shutdown_mutex);
	return NULL;
}

static struct timespec patience_end(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += SHUTDOWN_PATIENCE_MS * 1000000;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	return end;
}

/*
 * After a write that had to wait, gRPC keeps a thread in a poll of ten seconds that nothing wakes,
 * and its shutdown waits for it. The process that is about to end does not.
 */
void rpc_library_fini(void)
{
	struct timespec end = patience_end();
	pthread_t thread;
	int r = 0;

	pthread_mutex_lock(&shutdown_mutex);
	n_shutdowns++;
	check(pthread_create(&thread, NULL, shut_down, NULL) == 0);
	check(pthread_detach(thread) == 0);
	while (n_shutdowns > 0 && r == 0)
		r = pthread_cond_clockwait(&shutdown_ended, &shutdown_mutex, CLOCK_MONOTONIC, &end);
	pthread_mutex_unlock(&shutdown_mutex);
}

grpc_arg rpc_integer_arg(const char *key, int value)
{
	return (grpc_arg){ .type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value };
}

grpc_channel *rpc_channel_create(const char *target)
{
	grpc_arg items[] = {
		rpc_integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RPC_MESSAGE_MAX_BYTES),
		rpc_integer_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, RECONNECT_INITIAL_MS),
		rpc_integer_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, RECONNECT_MAX_MS),
		rpc_integer_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_TIMEOUT_MS),
		/* Nobody may make us unpack what is small only on the wire. */
		rpc_integer_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
				1 << GRPC_COMPRESS_NONE),
		/*
		 * gRPC may send again what the peer has certainly not taken up (without a service
		 * config it retries nothing else): a server short of memory says goodbye to whoever
		 * has no call just now. A local socket needs no resolver, proxy or sharing.
		 */
		rpc_integer_arg(GRPC_ARG_ENABLE_RETRIES, 1),
		rpc_integer_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
		rpc_integer_arg(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
		rpc_integer_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
		/* It is ours for as long as it lives, and a timer that runs for half an hour wakes
		 * a thread of gRPC every second. Nor does a local peer want its bandwidth measured.
		 */
		rpc_integer_arg(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, INT_MAX),
		rpc_integer_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
	};
	grpc_channel_args args = { ARRAY_SIZE(items), items };
	grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
	grpc_channel *channel = grpc_channel_create(target, credentials, &args);

	grpc_channel_credentials_release(credentials);
	return channel;
}

static gpr_timespec deadline_after(uint64_t timeout_ms)
{
	if (timeout_ms > INT64_MAX)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
			    gpr_time_from_millis((int64_t)timeout_ms, GPR_TIMESPAN));
}

void rpc_exchange_init(struct rpc_exchange *exchange, grpc_channel *channel,
		       grpc_completion_queue *queue, const char *method, uint64_t timeout_ms)
{
	grpc_slice name = grpc_slice_from_copied_string(method);

	*exchange = (struct rpc_exchange){ .details = grpc_empty_slice() };
	grpc_metadata_array_init(&exchange->initial_metadata);
	grpc_metadata_array_init(&exchange->trailing_metadata);
	exchange->grpc = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
						  name, NULL, deadline_after(timeout_ms), NULL);
	grpc_slice_unref(name);
}

void rpc_exchange_fini(struct rpc_exchange *exchange)
{
	if (!exchange->grpc)
		return;
	grpc_metadata_array_destroy(&exchange->initial_metadata);
	grpc_metadata_array_destroy(&exchange->trailing_metadata);
	grpc_byte_buffer_destroy(exchange->request);
	grpc_byte_buffer_destroy(exchange->reply);
	grpc_slice_unref(exchange->details);
	grpc_call_unref(exchange->grpc);
	exchange->grpc = NULL;
}

enum { OPEN_OPS = 4 };

static grpc_op headers_op(const struct rpc_exchange_request *request)
{
	grpc_op op = { .op = GRPC_OP_SEND_INITIAL_METADATA };

	op.data.send_initial_metadata.count = request->n_headers;
	op.data.send_initial_metadata.metadata = request->headers;
	if (request->wait_for_ready)
		op.flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY |
			   GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
	return op;
}

static grpc_op their_headers_op(struct rpc_exchange *exchange)
{
	grpc_op op = { .op = GRPC_OP_RECV_INITIAL_METADATA };

	op.data.recv_initial_metadata.recv_initial_metadata = &exchange->initial_metadata;
	return op;
}

static grpc_op send_op(struct rpc_exchange *exchange, const ProtobufCMessage *message)
{
	grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };

	grpc_byte_buffer_destroy(exchange->request);
	exchange->request = rpc_message_pack(message);
	op.data.send_message.send_message = exchange->request;
	return op;
}

/* Sends the whole request and receives the headers. */
static void fill_open_ops(struct rpc_exchange *exchange, const struct rpc_exchange_request *request,
			  grpc_op ops[OPEN_OPS])
{
	ops[0] = headers_op(request);
	ops[1] = send_op(exchange, request->message);
	ops[2] = (grpc_op){ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };
	ops[3] = their_headers_op(exchange);
}

static grpc_op receive_op(struct rpc_exchange *exchange)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	op.data.recv_message.recv_message = &exchange->reply;
	return op;
}

static grpc_op status_op(struct rpc_exchange *exchange)
{
	grpc_op op = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

	op.data.recv_status_on_client.trailing_metadata = &exchange->trailing_metadata;
	op.data.recv_status_on_client.status = &exchange->status;
	op.data.recv_status_on_client.status_details = &exchange->details;
	return op;
}

static void start_batch(struct rpc_exchange *exchange, const grpc_op *ops, size_t n_ops, void *tag)
{
	check(grpc_call_start_batch(exchange->grpc, ops, n_ops, tag, NULL) == GRPC_CALL_OK);
}

void rpc_exchange_start_unary(struct rpc_exchange *exchange,
			      const struct rpc_exchange_request *request, void *tag)
{
	grpc_op ops[OPEN_OPS + 2];

	fill_open_ops(exchange, request, ops);
	ops[OPEN_OPS] = receive_op(exchange);
	ops[OPEN_OPS + 1] = status_op(exchange);
	start_batch(exchange, ops, ARRAY_SIZE(ops), tag);
}

void rpc_exchange_start_stream(struct rpc_exchange *exchange,
			       const struct rpc_exchange_request *request, void *open_tag,
			       void *status_tag)
{
	grpc_op open[OPEN_OPS], status = status_op(exchange);

	fill_open_ops(exchange, request, open);
	start_batch(exchange, &status, 1, status_tag);
	start_batch(exchange, open, ARRAY_SIZE(open), open_tag);
}

void rpc_exchange_start_duplex(struct rpc_exchange *exchange,
			       const struct rpc_exchange_request *request, void *open_tag,
			       void *status_tag)
{
	grpc_op open[] = { headers_op(request), their_headers_op(exchange) };
	grpc_op status = status_op(exchange);

	start_batch(exchange, &status, 1, status_tag);
	start_batch(exchange, open, ARRAY_SIZE(open), open_tag);
}

void rpc_exchange_start_send(struct rpc_exchange *exchange, const ProtobufCMessage *message,
			     void *tag)
{
	grpc_op op = send_op(exchange, message);

	start_batch(exchange, &op, 1, tag);
}

void rpc_exchange_start_close(struct rpc_exchange *exchange, void *tag)
{
	grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

	start_batch(exchange, &op, 1, tag);
}

void rpc_exchange_start_receive(struct rpc_exchange *exchange, void *tag)
{
	grpc_op op = receive_op(exchange);

	grpc_byte_buffer_destroy(exchange->reply);
	exchange->reply = NULL;
	start_batch(exchange, &op, 1, tag);
}
