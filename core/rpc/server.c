/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening half: takes calls, shuts down; how connections come in is accept.c's business.
 *
 * What a peer can make us hold is bounded: connections, calls, streams and the size of a message by
 * the limits in server.h and below; the bytes that wait inside gRPC by a quota, above which it
 * takes less from everybody and then ends idle connections and the largest calls; one connection's
 * unread bytes by fixed windows.
 */
#include "core/rpc/server.h"

#include <errno.h>
#include <grpc/compression.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdio.h>

enum {
	METADATA_MAX_BYTES = 8 << 10, /* a call's headers together */
	/*
	 * Of all connections, inside gRPC. Three of the largest requests; gRPC judges the size of a
	 * message only when it has all of it, so this is what a larger one can take.
	 */
	QUOTA_BYTES = 12 << 20,
	METHOD_SHOWN_BYTES = 128, /* of an unknown method's name */
};

/* ---- calls ---- */

static void request_call(struct server_request *request)
{
	struct rpc_server *server = request->server;
	grpc_completion_queue *queue = server->rpc->queue;

	grpc_call_details_init(&request->details);
	grpc_metadata_array_init(&request->metadata);
	server->n_requests++;
	check(grpc_server_request_call(server->grpc, &request->grpc, &request->details,
				       &request->metadata, queue, queue,
				       &request->tag) == GRPC_CALL_OK);
}

/* The descriptor of a call's connection; -1 when gRPC's name for its peer is none of ours. */
static int find_connection(struct rpc_server *server, grpc_call *grpc)
{
	char *name = grpc_call_get_peer(grpc);
	int fd = -1;
	bool known = sscanf(name, "fd:%d", &fd) == 1 && server_connection(server, fd);

	gpr_free(name);
	return known ? fd : -1;
}

static const struct rpc_method *find_method(const struct rpc_server *server, grpc_slice name)
{
	for (size_t i = 0; i < server->options.n_methods; i++)
		if (grpc_slice_str_cmp(name, server->options.methods[i].name) == 0)
			return &server->options.methods[i];
	return NULL;
}

static void refuse_unknown_method(struct rpc_server *server, grpc_call *grpc, grpc_slice name)
{
	char text[METHOD_SHOWN_BYTES + 64];
	size_t len = GRPC_SLICE_LENGTH(name);

	snprintf(text, sizeof(text),
		 "unknown method %.*s: are client and daemon of the same version?",
		 (int)(len < METHOD_SHOWN_BYTES ? len : METHOD_SHOWN_BYTES),
		 (const char *)GRPC_SLICE_START_PTR(name));
	server_call_refuse(server, grpc, -ENOSYS, text);
}

static void take_call(struct rpc_server *server, grpc_call *grpc, grpc_slice name)
{
	const struct rpc_method *method = find_method(server, name);
	int fd = find_connection(server, grpc);

	if (server->closing)
		server_call_refuse(server, grpc, -ECONNREFUSED, "the daemon is shutting down");
	else if (server->n_calls >= SERVER_CALLS_MAX)
		server_call_refuse(server, grpc, -ENOSPC,
				   "too many calls at once; try again later");
	else if (fd < 0)
		server_call_refuse(server, grpc, -EPERM, "cannot tell who is calling");
	else if (!method)
		refuse_unknown_method(server, grpc, name);
	else
		server_call_begin(server, grpc, method, fd);
}

static void on_call(struct rpc_tag *tag, bool ok)
{
	struct server_request *request = container_of(tag, struct server_request, tag);
	struct rpc_server *server = request->server;
	grpc_call_details details = request->details;

	server->n_requests--;
	grpc_metadata_array_destroy(&request->metadata);
	if (ok)
		take_call(server, request->grpc, details.method);
	grpc_call_details_destroy(&details);
	if (!server->closing)
		request_call(request);
	else
		server_maybe_closed(server);
}

/* ---- shutdown ---- */

static void cancel_calls(struct rpc_server *server)
{
	if (server->cancelled)
		return;
	server->cancelled = true;
	timer_stop(&server->grace);
	grpc_server_cancel_all_calls(server->grpc);
}

/*
 * Without calls the grace is over: gRPC would wait for every idle peer to acknowledge its goodbye,
 * and a stopped one never does.
 */
void server_maybe_closed(struct rpc_server *server)
{
	void (*closed)(void *ctx) = server->closed;
	void *ctx = server->closed_ctx;

	if (!server->closing || server->n_requests > 0 || server->n_calls > 0)
		return;
	cancel_calls(server);
	if (!server->shut_down || server->n_listeners > 0 || server->n_greetings > 0)
		return;
	check(list_empty(&server->calls));
	grpc_server_destroy(server->grpc);
	grpc_server_credentials_release(server->credentials);
	server->rpc->n_servers--;
	free(server->connections);
	free(server);
	if (closed)
		closed(ctx);
}

void server_call_released(struct rpc_server *server)
{
	server->n_calls--;
	server_maybe_closed(server);
}

static void on_shut_down(struct rpc_tag *tag, bool ok UNUSED)
{
	struct rpc_server *server = container_of(tag, struct rpc_server, shutdown_tag);

	server->shut_down = true;
	server_maybe_closed(server);
}

static void on_grace_over(struct timer *timer)
{
	cancel_calls(container_of(timer, struct rpc_server, grace));
}

void rpc_server_close(struct rpc_server *server, uint64_t grace_ms, void (*closed)(void *ctx),
		      void *ctx)
{
	check(!server->closing);
	server->closing = true;
	server->closed = closed;
	server->closed_ctx = ctx;
	server_accept_close(server);
	server->shutdown_tag.fn = on_shut_down;
	grpc_server_shutdown_and_notify(server->grpc, server->rpc->queue, &server->shutdown_tag);
	timer_start(server->rpc->loop, &server->grace, grace_ms, on_grace_over);
}

/* ---- start ---- */

static grpc_server *create_grpc(const struct rpc_server *server)
{
	grpc_resource_quota *quota = grpc_resource_quota_create("kukeond");
	grpc_arg items[] = {
		{ .type = GRPC_ARG_POINTER,
		  .key = (char *)GRPC_ARG_RESOURCE_QUOTA,
		  .value.pointer = { quota, grpc_resource_quota_arg_vtable() } },
		rpc_integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RPC_REQUEST_MAX_BYTES),
		rpc_integer_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, CONNECTION_CALLS_MAX),
		rpc_integer_arg(GRPC_ARG_MAX_METADATA_SIZE, METADATA_MAX_BYTES),
		/*
		 * Without strikes gRPC stops reading from who does not take the answers to his
		 * pings; with them it keeps a goodbye for each ping until he does.
		 */
		rpc_integer_arg(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0),
		/* A local socket's window need not grow with what a peer claims to take. */
		rpc_integer_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
		/* Nobody may make us unpack what is small only on the wire. */
		rpc_integer_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
				1 << GRPC_COMPRESS_NONE),
		rpc_integer_arg(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
				(int)server->options.idle_timeout_ms),
	};
	grpc_channel_args args = { ARRAY_SIZE(items), items };
	grpc_server *grpc;

	if (server->options.idle_timeout_ms == 0)
		args.num_args--;
	grpc_resource_quota_resize(quota, QUOTA_BYTES);
	grpc = grpc_server_create(&args, NULL);
	grpc_resource_quota_unref(quota);
	return grpc;
}

static void start_grpc(struct rpc_server *server)
{
	server->credentials = grpc_insecure_server_credentials_create();
	server->grpc = create_grpc(server);
	grpc_server_register_completion_queue(server->grpc, server->rpc->queue, NULL);
	grpc_server_start(server->grpc);
	for (size_t i = 0; i < SERVER_REQUESTS; i++) {
		server->requests[i].server = server;
		server->requests[i].tag.fn = on_call;
		request_call(&server->requests[i]);
	}
}

int rpc_server_open(struct rpc_server **ret_server, struct rpc *rpc,
		    const struct rpc_server_options *options, struct error *err)
{
	struct rpc_server *server = xnew(struct rpc_server);
	int r;

	check(!rpc->closing);
	server->rpc = rpc;
	server->options = *options;
	r = server_accept_open(server, err);
	if (r < 0) {
		free(server);
		return r;
	}
	list_init(&server->calls);
	rpc->n_servers++;
	start_grpc(server);
	server_accept_start(server);
	*ret_server = server;
	return 0;
}
