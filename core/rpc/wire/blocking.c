/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc/wire/blocking.h"

#include <errno.h>
#include <grpc/support/time.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/str.h"
#include "core/rpc/wire/exchange.h"

struct rpc_client {
	grpc_channel *channel;
	grpc_completion_queue *queue;
	char *target;
};

struct rpc_client *rpc_client_open(const char *target)
{
	struct rpc_client *client = xnew(struct rpc_client);

	rpc_library_init();
	client->channel = rpc_channel_create(target);
	client->queue = grpc_completion_queue_create_for_next(NULL);
	client->target = xstrdup(target);
	return client;
}

static grpc_event next_event(struct rpc_client *client)
{
	return grpc_completion_queue_next(client->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
}

void rpc_client_close(struct rpc_client *client)
{
	if (!client)
		return;
	grpc_channel_destroy(client->channel);
	grpc_completion_queue_shutdown(client->queue);
	while (next_event(client).type != GRPC_QUEUE_SHUTDOWN)
		;
	grpc_completion_queue_destroy(client->queue);
	rpc_library_fini();
	free(client->target);
	free(client);
}

/* ---- how a call ended ---- */

/*
 * The errno of connecting by hand: gRPC buries it in a long text. 0: somebody is there after all.
 */
static int probe(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd AUTO_CLOSE = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static const char *socket_path(const char *target)
{
	if (str_starts_with(target, "unix://"))
		return target + strlen("unix://");
	return str_starts_with(target, "unix:") ? target + strlen("unix:") : target;
}

/* The peer's own "unavailable" (it is stopping, or containerd is away) keeps the peer's words. */
static int unavailable(const struct rpc_client *client, const struct rpc_exchange *exchange,
		       struct error *err)
{
	const char *path = socket_path(client->target);
	int error = probe(path);

	if (error == 0)
		return rpc_status_error(exchange->status, exchange->details, client->target, err);
	return error_set(
		err, -ECONNREFUSED, "cannot reach kukeond at %s: %s; %s", path, strerror(error),
		error == EACCES ? "run as root or join the group kukeon" : "is it running?");
}

static int end_status(const struct rpc_client *client, const struct rpc_exchange *exchange,
		      struct error *err)
{
	if (exchange->status == GRPC_STATUS_UNAVAILABLE)
		return unavailable(client, exchange, err);
	return rpc_status_error(exchange->status, exchange->details, client->target, err);
}

static int unpack(struct rpc_exchange *exchange, const ProtobufCMessageDescriptor *type,
		  ProtobufCMessage **ret_message, struct error *err)
{
	if (!exchange->reply)
		return error_set(err, -EIO, "kukeond answered without a message");
	if (rpc_message_unpack(exchange->reply, type, ret_message, err) < 0)
		return error_wrap(err, -EIO, "the answer of kukeond");
	return 0;
}

/* ---- calls ---- */

int rpc_client_call(struct rpc_client *client, const char *method, const ProtobufCMessage *request,
		    const ProtobufCMessageDescriptor *reply_type, uint64_t timeout_ms,
		    ProtobufCMessage **ret_reply, struct error *err)
{
	struct rpc_exchange_request wire = { .message = request };
	struct rpc_exchange exchange;
	int r;

	rpc_exchange_init(&exchange, client->channel, client->queue, method, timeout_ms);
	rpc_exchange_start_unary(&exchange, &wire, &exchange);
	check(next_event(client).tag == &exchange);
	r = end_status(client, &exchange, err);
	if (r == 0 && reply_type)
		r = unpack(&exchange, reply_type, ret_reply, err);
	rpc_exchange_fini(&exchange);
	return r;
}

struct reader {
	struct rpc_exchange exchange;
	const struct rpc_client_stream_options *options;
	int status; /* of our own; the peer's counts while it is 0 and the reader has not stopped */
	bool stopped;
};

/* One message to the reader; asks for the next one. */
static bool deliver(struct reader *reader, struct error *err)
{
	ProtobufCMessage *message;

	if (!reader->exchange.reply || reader->stopped)
		return false;
	reader->status = unpack(&reader->exchange, reader->options->reply_type, &message, err);
	reader->stopped = reader->status < 0;
	if (!reader->stopped) {
		reader->stopped = !reader->options->on_message(message, reader->options->ctx);
		protobuf_c_message_free_unpacked(message, NULL);
	}
	if (reader->stopped)
		grpc_call_cancel(reader->exchange.grpc, NULL);
	return !reader->stopped;
}

int rpc_client_stream(struct rpc_client *client, const struct rpc_client_stream_options *options,
		      struct error *err)
{
	struct reader reader = { .options = options };
	struct rpc_exchange *exchange = &reader.exchange;
	struct rpc_exchange_request wire = { .message = options->request };
	uint64_t timeout_ms = options->timeout_ms ? options->timeout_ms : RPC_NO_TIMEOUT;
	int n_pending = 3;
	char open_tag, status_tag, message_tag;

	rpc_exchange_init(exchange, client->channel, client->queue, options->method, timeout_ms);
	rpc_exchange_start_stream(exchange, &wire, &open_tag, &status_tag);
	rpc_exchange_start_receive(exchange, &message_tag);
	while (n_pending > 0) {
		grpc_event event = next_event(client);

		if (event.tag == &message_tag && deliver(&reader, err))
			rpc_exchange_start_receive(exchange, &message_tag);
		else
			n_pending--;
	}
	if (!reader.stopped)
		reader.status = end_status(client, exchange, err);
	rpc_exchange_fini(exchange);
	return reader.status;
}
