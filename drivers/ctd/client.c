/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/client.h"

static void set_headers(struct rpc_header headers[RPC_HEADERS_MAX],
			const struct client_scope *scope)
{
	size_t n = 0;

	memset(headers, 0, sizeof(headers[0]) * RPC_HEADERS_MAX);
	if (scope->namespace_)
		headers[n++] = (struct rpc_header){ "containerd-namespace", scope->namespace_ };
	if (scope->lease)
		headers[n++] = (struct rpc_header){ "containerd-lease", scope->lease };
}

void client_unary(struct rpc_channel *channel, const struct client_method *method,
		  const struct client_scope *scope, const ProtobufCMessage *request,
		  struct rpc_unary *unary, struct call *call)
{
	*unary = (struct rpc_unary){
		.method = method->name,
		.request = request,
		.reply_type = method->reply_type,
		.timeout_ms = scope->timeout_ms ? scope->timeout_ms : CLIENT_TIMEOUT_MS,
	};
	set_headers(unary->headers, scope);
	rpc_unary_start(channel, unary, call);
}

void client_stream(struct rpc_channel *channel, const struct client_method *method,
		   const struct client_scope *scope, const ProtobufCMessage *request,
		   struct rpc_stream *stream)
{
	stream->method = method->name;
	stream->request = request;
	stream->reply_type = method->reply_type;
	stream->state = NULL;
	set_headers(stream->headers, scope);
	rpc_stream_start(channel, stream);
}
