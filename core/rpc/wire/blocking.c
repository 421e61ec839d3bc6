/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc/wire/blocking.h"

#include <errno.h>
#include <grpc/support/time.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/rpc/wire/exchange.h"

enum {
	DROPPED_MAX = 3,
	ROOM_WAIT_MS = 10 * 1000, /* for a daemon that has all the connections it takes */
	TURNED_AWAY_WAIT_MS =
		300, /* for a daemon to end a connection of somebody whom it does not serve */
};

struct rpc_client {
	grpc_channel *channel;
	grpc_completion_queue *queue;
	char *target;
	bool unheard; /* the last call */
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

/* @limit_ms 0: none; else GRPC_QUEUE_TIMEOUT when it has passed. */
static grpc_event next_event_within(struct rpc_client *client, uint64_t limit_ms)
{
	gpr_timespec limit =
		limit_ms ? gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
					gpr_time_from_millis((int64_t)limit_ms, GPR_TIMESPAN))
			 : gpr_inf_future(GPR_CLOCK_MONOTONIC);

	return grpc_completion_queue_next(client->queue, limit, NULL);
}

static grpc_event next_event(struct rpc_client *client)
{
	return next_event_within(client, 0);
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

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * A connection made by hand, or -errno: gRPC buries it in a long text. When all places in the queue
 * of the socket are taken, waits so long for one (unix(7): SO_SNDTIMEO bounds connect()); then it
 * is EAGAIN.
 */
static int connect_to(const char *path, uint64_t wait_ms)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = (time_t)(wait_ms / 1000),
				.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000) };
	int fd AUTO_CLOSE = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait_ms ? 0 : SOCK_NONBLOCK), 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* The errno of connecting. 0: somebody is there after all. */
static int probe(const char *path, uint64_t wait_ms)
{
	int fd AUTO_CLOSE = connect_to(path, wait_ms);

	return fd < 0 ? -fd : 0;
}

static const char *socket_path(const char *target)
{
	if (str_starts_with(target, "unix://"))
		return target + strlen("unix://");
	return str_starts_with(target, "unix:") ? target + strlen("unix:") : target;
}

static const char *remedy(int error)
{
	switch (error) {
	case EACCES:
		return "run as root or join the group kukeon";
	case EAGAIN:
		return "too many are connecting to it";
	default:
		return "is it running?";
	}
}

/* Whether the daemon ends a connection of ours before a word is said: to root it never does, but
 * when it stops. */
static bool is_turned_away(const char *path)
{
	struct pollfd poll_fd = { .fd = -1, .events = POLLIN };
	char first;
	int fd AUTO_CLOSE = -1;

	if (geteuid() == 0)
		return false;
	fd = connect_to(path, 0);
	poll_fd.fd = fd;
	return fd >= 0 && poll(&poll_fd, 1, TURNED_AWAY_WAIT_MS) == 1 &&
	       recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

/* The peer's own "unavailable" (it is stopping, or containerd is away) keeps the peer's words. */
static int unavailable(const struct rpc_client *client, const struct rpc_exchange *exchange,
		       struct error *err)
{
	const char *path = socket_path(client->target);
	int error = probe(path, 0);

	if (error == 0 && is_turned_away(path))
		return error_set(err, -EACCES, "kukeond at %s does not speak to user %u; %s", path,
				 (unsigned)geteuid(), remedy(EACCES));
	if (error == 0)
		return rpc_status_error(exchange->status, exchange->details, client->target, err);
	return error_set(err, -ECONNREFUSED, "cannot reach kukeond at %s: %s; %s", path,
			 strerror(error), remedy(error));
}

static int end_status(const struct rpc_client *client, const struct rpc_exchange *exchange,
		      struct error *err)
{
	if (exchange->status == GRPC_STATUS_UNAVAILABLE)
		return unavailable(client, exchange, err);
	return rpc_status_error(exchange->status, exchange->details, client->target, err);
}

/* gRPC could not connect at all: what was asked has not been heard by anybody. */
static bool is_unheard(const struct rpc_exchange *exchange)
{
	static const char words[] = "failed to connect";

	return exchange->status == GRPC_STATUS_UNAVAILABLE &&
	       GRPC_SLICE_LENGTH(exchange->details) >= strlen(words) &&
	       memcmp(GRPC_SLICE_START_PTR(exchange->details), words, strlen(words)) == 0;
}

/* Why a call was repeated. */
struct repeats {
	bool crowded;     /* too many others are connecting: gRPC gives up at once then */
	unsigned dropped; /* how often the connection ended before a word was said */
};

static void connect_anew(struct rpc_client *client)
{
	grpc_channel_destroy(client->channel);
	client->channel = rpc_channel_create(client->target);
}

/* Waits for a place in the queue. */
static bool finds_room(const char *path, uint64_t *timeout_ms)
{
	uint64_t wait_ms = *timeout_ms < ROOM_WAIT_MS ? *timeout_ms : ROOM_WAIT_MS;
	uint64_t began_ms = clock_ms(), took_ms;

	if (probe(path, wait_ms) != 0)
		return false;
	took_ms = clock_ms() - began_ms + 1;
	if (*timeout_ms != RPC_NO_TIMEOUT)
		*timeout_ms -= took_ms < *timeout_ms ? took_ms : *timeout_ms;
	return *timeout_ms > 0;
}

/*
 * Nobody was reached: too many others are connecting, or the daemon took us for one of those that
 * connect and say nothing, of which the oldest go. The next call begins as if none had failed.
 * False: it ended for another reason, or nothing is left of *@timeout_ms.
 */
static bool is_to_be_repeated(struct rpc_client *client, const struct rpc_exchange *exchange,
			      uint64_t *timeout_ms, struct repeats *repeats)
{
	const char *path = socket_path(client->target);
	int error;

	if (!is_unheard(exchange))
		return false;
	error = probe(path, 0);
	repeats->crowded |= error == EAGAIN;
	if (repeats->crowded ? !finds_room(path, timeout_ms)
			     : error != 0 || ++repeats->dropped > DROPPED_MAX)
		return false;
	connect_anew(client);
	return true;
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
	struct repeats repeats = { 0 };
	int r;

	for (;;) {
		rpc_exchange_init(&exchange, client->channel, client->queue, method, timeout_ms);
		rpc_exchange_start_unary(&exchange, &wire, &exchange);
		check(next_event(client).tag == &exchange);
		if (!is_to_be_repeated(client, &exchange, &timeout_ms, &repeats))
			break;
		rpc_exchange_fini(&exchange);
	}
	client->unheard = is_unheard(&exchange);
	r = end_status(client, &exchange, err);
	if (r == 0 && reply_type)
		r = unpack(&exchange, reply_type, ret_reply, err);
	rpc_exchange_fini(&exchange);
	return r;
}

bool rpc_client_was_heard(const struct rpc_client *client)
{
	return !client->unheard;
}

struct reader {
	struct rpc_exchange exchange;
	const struct rpc_client_stream_options *options;
	int status; /* of our own; the peer's counts while it is 0 and the reader has not stopped */
	bool stopped, any; /* any: a message has come, or one after the first has been asked for */
	bool sent_all;
};

/* One message to the reader; asks for the next one. */
static bool deliver(struct reader *reader, struct error *err)
{
	ProtobufCMessage *message;

	if (!reader->exchange.reply || reader->stopped)
		return false;
	reader->any = true;
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

static uint64_t quiet_ms(const struct reader *reader)
{
	const struct rpc_client_stream_options *options = reader->options;

	return options->quiet_ms && !reader->stopped ? options->quiet_ms(options->ctx) : 0;
}

static void stop_quiet(struct reader *reader)
{
	reader->stopped = true;
	reader->options->on_quiet(reader->options->ctx);
	grpc_call_cancel(reader->exchange.grpc, NULL);
}

/* What follows the message that has left. False: nothing is under way. */
static bool send_next(struct reader *reader, void *tag)
{
	const ProtobufCMessage *message = NULL;

	if (reader->stopped || reader->sent_all)
		return false;
	reader->any = true;
	reader->stopped = !reader->options->next(reader->options->ctx, &message);
	reader->sent_all = !message;
	if (reader->stopped)
		grpc_call_cancel(reader->exchange.grpc, NULL);
	else if (message)
		rpc_exchange_start_send(&reader->exchange, message, tag);
	else
		rpc_exchange_start_close(&reader->exchange, tag);
	return !reader->stopped;
}

enum stream_tag { TAG_OPEN, TAG_STATUS, TAG_MESSAGE, TAG_SENT, TAG_COUNT };

/* Returns how many tags are out. */
static int open_stream(struct rpc_client *client, struct reader *reader, uint64_t timeout_ms,
		       char tags[TAG_COUNT])
{
	const struct rpc_client_stream_options *options = reader->options;
	struct rpc_exchange_request wire = { .message = options->request };
	struct rpc_exchange *exchange = &reader->exchange;

	rpc_exchange_init(exchange, client->channel, client->queue, options->method, timeout_ms);
	if (options->feed)
		rpc_feed_open(options->feed, exchange, &tags[TAG_SENT]);
	if (options->next || options->feed) {
		rpc_exchange_start_duplex(exchange, &wire, &tags[TAG_OPEN], &tags[TAG_STATUS]);
		rpc_exchange_start_send(exchange, options->request, &tags[TAG_SENT]);
	} else {
		rpc_exchange_start_stream(exchange, &wire, &tags[TAG_OPEN], &tags[TAG_STATUS]);
	}
	rpc_exchange_start_receive(exchange, &tags[TAG_MESSAGE]);
	return options->next || options->feed ? TAG_COUNT : TAG_COUNT - 1;
}

/* Until the stream has ended. */
static void read_stream(struct rpc_client *client, struct reader *reader, uint64_t timeout_ms,
			struct error *err)
{
	struct rpc_feed *feed = reader->options->feed;
	char tags[TAG_COUNT];
	int n_pending = open_stream(client, reader, timeout_ms, tags);

	while (n_pending > 0) {
		grpc_event event = next_event_within(client, quiet_ms(reader));

		if (event.type == GRPC_QUEUE_TIMEOUT)
			stop_quiet(reader);
		else if (event.tag == &tags[TAG_MESSAGE] && deliver(reader, err))
			rpc_exchange_start_receive(&reader->exchange, event.tag);
		else if (feed && event.tag == &tags[TAG_SENT])
			n_pending -= rpc_feed_sent(feed, event.success);
		else if (feed && event.tag == &tags[TAG_STATUS])
			n_pending -= rpc_feed_shut(feed);
		else if (event.tag != &tags[TAG_SENT] || !event.success ||
			 !send_next(reader, event.tag))
			n_pending--;
	}
}

int rpc_client_stream(struct rpc_client *client, const struct rpc_client_stream_options *options,
		      struct error *err)
{
	struct reader reader = { .options = options };
	struct rpc_exchange *exchange = &reader.exchange;
	uint64_t timeout_ms = options->timeout_ms ? options->timeout_ms : RPC_NO_TIMEOUT;
	struct repeats repeats = { 0 };

	for (;;) {
		read_stream(client, &reader, timeout_ms, err);
		if (reader.stopped || reader.any ||
		    !is_to_be_repeated(client, exchange, &timeout_ms, &repeats))
			break;
		rpc_exchange_fini(exchange);
	}
	if (options->feed)
		rpc_feed_end(options->feed);
	if (!reader.stopped)
		reader.status = end_status(client, exchange, err);
	rpc_exchange_fini(exchange);
	return reader.status;
}
