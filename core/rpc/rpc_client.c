/* SPDX-License-Identifier: Apache-2.0 */
/* Channels and unary calls. */
#include <errno.h>
#include <grpc/slice.h>

#include "core/rpc/bridge.h"

/* ---- what unary call and stream share ---- */

static int add_header(struct client_request *request, const struct rpc_header *header,
		      struct error *err)
{
	grpc_metadata *metadata = &request->headers[request->wire.n_headers];
	grpc_slice key = grpc_slice_from_copied_string(header->name);
	grpc_slice value = grpc_slice_from_copied_string(header->value);

	if (!grpc_header_key_is_legal(key) || !grpc_header_nonbin_value_is_legal(value)) {
		grpc_slice_unref(key);
		grpc_slice_unref(value);
		return error_set(err, -EINVAL, "header %s cannot have the value \"%s\"",
				 header->name, header->value);
	}
	metadata->key = key;
	metadata->value = value;
	request->wire.n_headers++;
	return 0;
}

int client_request_init(struct client_request *request,
			const struct rpc_header headers[RPC_HEADERS_MAX], struct error *err)
{
	*request = (struct client_request){ 0 };
	request->wire.headers = request->headers;
	for (size_t i = 0; i < RPC_HEADERS_MAX && headers[i].name; i++) {
		int r = add_header(request, &headers[i], err);

		if (r < 0) {
			client_request_fini(request);
			return r;
		}
	}
	return 0;
}

void client_request_fini(struct client_request *request)
{
	for (size_t i = 0; i < request->wire.n_headers; i++) {
		grpc_slice_unref(request->headers[i].key);
		grpc_slice_unref(request->headers[i].value);
	}
	request->wire.n_headers = 0;
}

void client_call_init(struct client_call *call, struct rpc_channel *channel, const char *method,
		      uint64_t timeout_ms)
{
	check(channel->grpc && !channel->rpc->closing);
	call->channel = channel;
	list_append(&channel->calls, &call->link);
	channel->rpc->n_calls++;
	rpc_exchange_init(&call->exchange, channel->grpc, channel->rpc->queue, method, timeout_ms);
}

static void channel_release(struct rpc_channel *channel)
{
	if (channel->grpc || !list_empty(&channel->calls))
		return;
	free(channel->target);
	free(channel);
}

void client_call_fini(struct client_call *call)
{
	struct rpc_channel *channel = call->channel;

	rpc_exchange_fini(&call->exchange);
	list_remove(&call->link);
	channel->rpc->n_calls--;
	channel_release(channel);
}

int client_call_status(const struct client_call *call, struct error *err)
{
	return rpc_status_error(call->exchange.status, call->exchange.details,
				call->channel->target, err);
}

int client_call_unpack(struct client_call *call, const ProtobufCMessageDescriptor *type,
		       ProtobufCMessage **ret_reply, struct error *err)
{
	if (rpc_message_unpack(call->exchange.reply, type, ret_reply, err) < 0)
		return error_wrap(err, -EIO, "the answer of %s", call->channel->target);
	return 0;
}

/* ---- channels ---- */

struct rpc_channel *rpc_channel_new(struct rpc *rpc, const char *target)
{
	struct rpc_channel *channel = xnew(struct rpc_channel);

	check(!rpc->closing);
	channel->rpc = rpc;
	channel->target = xstrdup(target);
	channel->grpc = rpc_channel_create(target);
	list_init(&channel->calls);
	rpc->n_channels++;
	return channel;
}

void rpc_channel_free(struct rpc_channel *channel)
{
	struct client_call *call;

	if (!channel)
		return;
	list_for_each(call, &channel->calls, link)
		grpc_call_cancel(call->exchange.grpc, NULL);
	grpc_channel_destroy(channel->grpc);
	channel->grpc = NULL;
	channel->rpc->n_channels--;
	channel_release(channel);
}

void rpc_channel_kick(struct rpc_channel *channel)
{
	grpc_channel_reset_connect_backoff(channel->grpc);
}

/* ---- unary calls ---- */

struct unary_state {
	struct client_call base;
	struct rpc_tag tag;
	struct rpc_unary *unary;
	const ProtobufCMessageDescriptor *reply_type;
	struct call *call;
};

static int take_reply(struct unary_state *state, ProtobufCMessage **ret_reply, struct error *err)
{
	struct client_call *base = &state->base;
	int r = client_call_status(base, err);

	if (r < 0 || !state->reply_type)
		return r;
	if (!base->exchange.reply)
		return error_set(err, -EIO, "%s answered without a message", base->channel->target);
	return client_call_unpack(base, state->reply_type, ret_reply, err);
}

static void on_unary_ended(struct rpc_tag *tag, bool ok UNUSED)
{
	struct unary_state *state = container_of(tag, struct unary_state, tag);
	struct call *call = state->call;
	struct error err = { 0 };
	int r;

	state->unary->state = NULL;
	r = take_reply(state, &state->unary->reply, &err);
	client_call_fini(&state->base);
	free(state);
	call_complete(call, r, &err);
}

void rpc_unary_start(struct rpc_channel *channel, struct rpc_unary *unary, struct call *call)
{
	struct client_request request;
	struct unary_state *state;
	struct error err;
	int r;

	check(!unary->state && !unary->reply);
	r = client_request_init(&request, unary->headers, &err);
	if (r < 0) {
		call_complete(call, r, &err);
		return;
	}
	request.wire.message = unary->request;
	state = xnew(struct unary_state);
	state->tag.fn = on_unary_ended;
	state->unary = unary;
	state->reply_type = unary->reply_type;
	state->call = call;
	unary->state = state;
	client_call_init(&state->base, channel, unary->method, unary->timeout_ms);
	rpc_exchange_start_unary(&state->base.exchange, &request.wire, &state->tag);
	client_request_fini(&request);
}

void rpc_unary_cancel(struct rpc_unary *unary)
{
	struct unary_state *state = unary->state;

	if (state)
		grpc_call_cancel(state->base.exchange.grpc, NULL);
}

void rpc_unary_fini(struct rpc_unary *unary)
{
	if (!unary)
		return;
	check(!unary->state);
	if (unary->reply)
		protobuf_c_message_free_unpacked(unary->reply, NULL);
	unary->reply = NULL;
}
