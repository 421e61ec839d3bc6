/* SPDX-License-Identifier: Apache-2.0 */
/* Private to core/rpc: the listening half (server.c) and the life of one call (server_call.c). */
#pragma once

#include "core/rpc/bridge.h"

enum {
	/*
	 * How many calls gRPC may hand us at once before we asked for more; each costs a few
	 * hundred bytes.
	 */
	SERVER_REQUESTS = 8,
	/*
	 * Calls alive at once; one more is refused. Bounds what clients that never finish can hold.
	 */
	SERVER_CALLS_MAX = 1024,
};

/* One grpc_server_request_call() under way. */
struct server_request {
	struct rpc_tag tag;
	struct rpc_server *server;
	grpc_call *grpc;
	grpc_call_details details;
	grpc_metadata_array metadata;
};

struct rpc_server {
	struct rpc *rpc;
	grpc_server *grpc;
	grpc_server_credentials *credentials;
	struct rpc_server_options options;
	struct server_request requests[SERVER_REQUESTS];
	unsigned n_requests; /* under way */

	uv_poll_t poll;
	struct timer accept_pause; /* active: no descriptors were left */
	struct rpc_peer *peers;    /* by descriptor number */
	size_t n_peers;

	struct list calls; /* struct rpc_server_call.link */
	unsigned n_calls;

	bool closing, cancelled, shut_down, poll_closed;
	struct timer grace;
	struct rpc_tag shutdown_tag;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* Takes @grpc over. @method NULL: not known, the call is refused. */
void server_call_begin(struct rpc_server *server, grpc_call *grpc, const struct rpc_method *method,
		       const struct rpc_peer *peer);

/* Ends a call that no handler has seen with @code and @text. */
void server_call_refuse(struct rpc_server *server, grpc_call *grpc, int code, const char *text);

/* A call's last batch came back and it has left server->calls. */
void server_call_released(struct rpc_server *server);
