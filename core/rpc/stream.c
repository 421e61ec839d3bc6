/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call with a stream of replies, and perhaps of requests: four tags are out at most (the headers,
 * the next message of each side, the status); the stream has ended when all of them are back.
 */
#include <errno.h>

#include "core/rpc/bridge.h"

struct stream_state {
	struct client_call base;
	struct rpc_tag on_open, on_message, on_status, on_sent;
	unsigned n_pending;
	struct rpc_stream *stream;
	bool sending;          /* a message is under way, or the end of them */
	bool finish, finished; /* no message follows; that was sent */
	bool cancelled; /* by the owner, or by us because of @err: nothing is delivered any more */
	int status;     /* of our own; 0: the peer's counts */
	struct error err;
	struct deferred failed; /* when the call could not even begin */
};

static void cancel(struct stream_state *state)
{
	if (state->cancelled)
		return;
	state->cancelled = true;
	grpc_call_cancel(state->base.exchange.grpc, NULL);
}

static void end_stream(struct stream_state *state, int status, const struct error *err)
{
	struct rpc_stream *stream = state->stream;

	stream->state = NULL;
	stream->on_end(stream, status, status < 0 ? err : NULL);
	free(state);
}

static void tag_returned(struct stream_state *state)
{
	int status = state->status;

	if (--state->n_pending > 0)
		return;
	if (status == 0)
		status = client_call_status(&state->base, &state->err);
	client_call_fini(&state->base);
	end_stream(state, status, &state->err);
}

static void receive(struct stream_state *state)
{
	state->n_pending++;
	rpc_exchange_start_receive(&state->base.exchange, &state->on_message);
}

static void deliver(struct stream_state *state)
{
	ProtobufCMessage *message;

	state->status =
		client_call_unpack(&state->base, state->stream->reply_type, &message, &state->err);
	if (state->status < 0) {
		cancel(state);
		return;
	}
	state->stream->on_message(state->stream, message);
	protobuf_c_message_free_unpacked(message, NULL);
}

static void on_open(struct rpc_tag *tag, bool ok UNUSED)
{
	tag_returned(container_of(tag, struct stream_state, on_open));
}

static void on_status(struct rpc_tag *tag, bool ok UNUSED)
{
	tag_returned(container_of(tag, struct stream_state, on_status));
}

static void on_message(struct rpc_tag *tag, bool ok UNUSED)
{
	struct stream_state *state = container_of(tag, struct stream_state, on_message);

	if (state->base.exchange.reply && !state->cancelled)
		deliver(state);
	if (state->base.exchange.reply && !state->cancelled)
		receive(state);
	tag_returned(state);
}

/* ---- what is sent ---- */

static void finish(struct stream_state *state)
{
	state->finished = state->sending = true;
	state->n_pending++;
	rpc_exchange_start_close(&state->base.exchange, &state->on_sent);
}

static void send_message(struct stream_state *state, const ProtobufCMessage *message)
{
	state->sending = true;
	state->n_pending++;
	rpc_exchange_start_send(&state->base.exchange, message, &state->on_sent);
}

static void on_sent(struct rpc_tag *tag, bool ok)
{
	struct stream_state *state = container_of(tag, struct stream_state, on_sent);
	bool goes_on = ok && !state->cancelled && !state->finished;

	state->sending = state->finished;
	if (goes_on && state->finish)
		finish(state);
	else if (goes_on)
		state->stream->on_sent(state->stream);
	tag_returned(state);
}

bool rpc_stream_writable(const struct rpc_stream *stream)
{
	const struct stream_state *state = stream->state;

	return state && !state->cancelled && !state->sending && !state->finish;
}

void rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	check(rpc_stream_writable(stream));
	send_message(stream->state, message);
}

void rpc_stream_finish(struct rpc_stream *stream)
{
	struct stream_state *state = stream->state;

	if (!state || state->cancelled || state->finish)
		return;
	state->finish = true;
	if (!state->sending)
		finish(state);
}

/* ---- life ---- */

static void start(struct stream_state *state, const struct client_request *request)
{
	struct rpc_exchange *exchange = &state->base.exchange;

	state->n_pending = 2;
	if (state->stream->on_sent) {
		rpc_exchange_start_duplex(exchange, &request->wire, &state->on_open,
					  &state->on_status);
		send_message(state, request->wire.message);
	} else {
		state->finish = state->finished = true;
		rpc_exchange_start_stream(exchange, &request->wire, &state->on_open,
					  &state->on_status);
	}
	receive(state);
}

static void on_failed(struct deferred *deferred)
{
	struct stream_state *state = container_of(deferred, struct stream_state, failed);

	end_stream(state, state->status, &state->err);
}

void rpc_stream_start(struct rpc_channel *channel, struct rpc_stream *stream)
{
	struct stream_state *state = xnew(struct stream_state);
	struct client_request request;

	check(!stream->state);
	stream->state = state;
	state->stream = stream;
	state->on_open.fn = on_open;
	state->on_message.fn = on_message;
	state->on_status.fn = on_status;
	state->on_sent.fn = on_sent;
	state->status = client_request_init(&request, stream->headers, &state->err);
	if (state->status < 0) {
		state->cancelled = true;
		loop_defer(channel->rpc->loop, &state->failed, on_failed);
		return;
	}
	request.wire.message = stream->request;
	request.wire.wait_for_ready = stream->wait_for_ready;
	client_call_init(&state->base, channel, stream->method, RPC_NO_TIMEOUT);
	start(state, &request);
	client_request_fini(&request);
}

void rpc_stream_cancel(struct rpc_stream *stream)
{
	if (stream->state)
		cancel(stream->state);
}
