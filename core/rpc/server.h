/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to core/rpc: the listening half (server.c), how connections come in (accept.c), the life
 * of one call (server_call.c).
 */
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
	/*
	 * Connections at once; more wait in the socket's backlog.
	 */
	SERVER_CONNECTIONS_MAX = 512,
	CONNECTION_CALLS_MAX = 256, /* calls of one connection; more wait in the client */
	CONNECTION_STREAMS_MAX =
		64, /* of these, streams that the server sends; one more is refused */
};

/* What we know of the connection that a descriptor of gRPC's stands for. */
struct connection {
	bool known;
	ino_t inode; /* tells whether the descriptor is still this connection */
	struct rpc_peer peer;
	unsigned n_streams;
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

	/* accept.c */
	struct listener *listener;
	unsigned n_listeners;           /* also those whose handle is still closing */
	struct timer accept_pause;      /* active: a limit was reached */
	struct list greetings;          /* struct greeting.link */
	unsigned n_greetings;           /* also those whose handle is still closing */
	struct connection *connections; /* by descriptor number */
	size_t n_connections;           /* room */
	unsigned n_handed_over;         /* to gRPC; an upper bound of what it still has */

	struct list calls; /* struct rpc_server_call.link */
	unsigned n_calls;

	bool closing, cancelled, shut_down;
	struct timer grace;
	struct rpc_tag shutdown_tag;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

int server_accept_open(struct rpc_server *server, struct error *err);
void server_accept_start(struct rpc_server *server);
void server_accept_close(struct rpc_server *server);

/* NULL when @fd is no connection of ours. Valid until the next connection. */
struct connection *server_connection(struct rpc_server *server, int fd);

/* Something that the server's end waits for has ended. */
void server_maybe_closed(struct rpc_server *server);

/* Takes @grpc over. @fd: a known connection. */
void server_call_begin(struct rpc_server *server, grpc_call *grpc, const struct rpc_method *method,
		       int fd);

/* Ends a call that no handler has seen with @code and @text. */
void server_call_refuse(struct rpc_server *server, grpc_call *grpc, int code, const char *text);

/* A call's last batch came back and it has left server->calls. */
void server_call_released(struct rpc_server *server);
