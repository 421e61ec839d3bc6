/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening half: accepts, remembers who is at the other end, hands the descriptor to gRPC,
 * takes calls, shuts down.
 *
 * gRPC never sees the listening socket: only the one who accepts can ask SO_PEERCRED. A call says
 * "fd:N" about its peer; gRPC closes a descriptor only after the last call on it, so N cannot mean
 * another peer while a call lives.
 */
#include "core/rpc/server.h"

#include <errno.h>
#include <grpc/compression.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/base/log.h"

enum {
	ACCEPT_BATCH = 16,          /* connections per turn of the loop */
	ACCEPT_PAUSE_MS = 100,      /* without descriptors: level-triggered polling would spin */
	CONNECTION_CALLS_MAX = 256, /* calls of one connection; more wait in the client */
	METHOD_SHOWN_BYTES = 128,   /* of an unknown method's name */
};

/* ---- connections ---- */

static void remember_peer(struct rpc_server *server, int fd, const struct ucred *credentials)
{
	size_t index = (size_t)fd;

	if (index >= server->n_peers) {
		size_t n = index + 64;

		server->peers = xrealloc(server->peers, n * sizeof(*server->peers));
		while (server->n_peers < n) /* nobody; never root by accident */
			server->peers[server->n_peers++] = (struct rpc_peer){ .uid = (uid_t)-1 };
	}
	server->peers[index] =
		(struct rpc_peer){ .uid = credentials->uid, .pid = credentials->pid };
}

static void add_connection(struct rpc_server *server, int fd)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0) {
		log_debug("connection refused: cannot tell who is there: %s", strerror(errno));
		close(fd);
		return;
	}
	remember_peer(server, fd, &credentials);
	grpc_server_add_channel_from_fd(server->grpc, fd, server->credentials);
}

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_accept_pause_over(struct timer *timer)
{
	struct rpc_server *server = container_of(timer, struct rpc_server, accept_pause);

	uv_poll_start(&server->poll, UV_READABLE, on_connection);
}

static void pause_accepting(struct rpc_server *server, int error)
{
	log_debug("connections wait: %s", strerror(error));
	uv_poll_stop(&server->poll);
	timer_start(server->rpc->loop, &server->accept_pause, ACCEPT_PAUSE_MS,
		    on_accept_pause_over);
}

static void on_connection(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct rpc_server *server = container_of(poll, struct rpc_server, poll);

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(server->options.listen_fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			add_connection(server, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			pause_accepting(server, errno);
			return;
		}
	}
}

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

static bool find_peer(const struct rpc_server *server, grpc_call *grpc, struct rpc_peer *ret_peer)
{
	char *name = grpc_call_get_peer(grpc);
	int fd = -1;
	bool known = sscanf(name, "fd:%d", &fd) == 1 && fd >= 0 && (size_t)fd < server->n_peers;

	gpr_free(name);
	if (known)
		*ret_peer = server->peers[fd];
	return known;
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
	struct rpc_peer peer;

	if (server->closing)
		server_call_refuse(server, grpc, -ECONNREFUSED, "the daemon is shutting down");
	else if (server->n_calls >= SERVER_CALLS_MAX)
		server_call_refuse(server, grpc, -ENOSPC,
				   "too many calls at once; try again later");
	else if (!find_peer(server, grpc, &peer))
		server_call_refuse(server, grpc, -EPERM, "cannot tell who is calling");
	else if (!method)
		refuse_unknown_method(server, grpc, name);
	else
		server_call_begin(server, grpc, method, &peer);
}

static void maybe_closed(struct rpc_server *server);

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
		maybe_closed(server);
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
static void maybe_closed(struct rpc_server *server)
{
	void (*closed)(void *ctx) = server->closed;
	void *ctx = server->closed_ctx;

	if (!server->closing || server->n_requests > 0 || server->n_calls > 0)
		return;
	cancel_calls(server);
	if (!server->shut_down || !server->poll_closed)
		return;
	check(list_empty(&server->calls));
	grpc_server_destroy(server->grpc);
	grpc_server_credentials_release(server->credentials);
	server->rpc->n_servers--;
	free(server->peers);
	free(server);
	if (closed)
		closed(ctx);
}

void server_call_released(struct rpc_server *server)
{
	server->n_calls--;
	maybe_closed(server);
}

static void on_shut_down(struct rpc_tag *tag, bool ok UNUSED)
{
	struct rpc_server *server = container_of(tag, struct rpc_server, shutdown_tag);

	server->shut_down = true;
	maybe_closed(server);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct rpc_server *server = container_of((uv_poll_t *)handle, struct rpc_server, poll);

	server->poll_closed = true;
	maybe_closed(server);
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
	timer_stop(&server->accept_pause);
	uv_close((uv_handle_t *)&server->poll, on_poll_closed);
	close(server->options.listen_fd);
	server->shutdown_tag.fn = on_shut_down;
	grpc_server_shutdown_and_notify(server->grpc, server->rpc->queue, &server->shutdown_tag);
	timer_start(server->rpc->loop, &server->grace, grace_ms, on_grace_over);
}

/* ---- start ---- */

static void start_grpc(struct rpc_server *server)
{
	grpc_arg items[] = {
		rpc_integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RPC_MESSAGE_MAX_BYTES),
		rpc_integer_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, CONNECTION_CALLS_MAX),
		/* Nobody may make us unpack what is small only on the wire. */
		rpc_integer_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
				1 << GRPC_COMPRESS_NONE),
		rpc_integer_arg(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
				(int)server->options.idle_timeout_ms),
	};
	grpc_channel_args args = { ARRAY_SIZE(items), items };

	if (server->options.idle_timeout_ms == 0)
		args.num_args--;
	server->credentials = grpc_insecure_server_credentials_create();
	server->grpc = grpc_server_create(&args, NULL);
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
	int r = uv_poll_init(&rpc->loop->uv, &server->poll, options->listen_fd);

	check(!rpc->closing);
	if (r < 0) {
		free(server);
		return error_set(err, r, "cannot wait for connections: %s", uv_strerror(r));
	}
	server->rpc = rpc;
	server->options = *options;
	list_init(&server->calls);
	rpc->n_servers++;
	start_grpc(server);
	uv_poll_start(&server->poll, UV_READABLE, on_connection);
	*ret_server = server;
	return 0;
}
