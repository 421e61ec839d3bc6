/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC on the loop: one thread sits in grpc_completion_queue_next for client and server and hands
 * what completes to the loop through a mutex-guarded list and a uv_async (DESIGN 5). All functions
 * and callbacks run on the loop's thread.
 *
 * Messages are protobuf-c structs in both directions; nobody above this file sees gRPC.
 */
#pragma once

#include <stdatomic.h>

#include <google/protobuf-c/protobuf-c.h>
#include <sys/types.h>

#include "core/loop/call.h"

/* ---- the bridge ---- */

struct rpc;

int rpc_open(struct rpc **ret_rpc, struct loop *loop, struct error *err);

/*
 * Ends every call still under way (their done callbacks run with -ECANCELED before @closed does),
 * shuts gRPC down in the order it demands, joins the thread. Server and channels must have been
 * closed or freed by then. @closed runs once.
 */
void rpc_close(struct rpc *rpc, void (*closed)(void *ctx), void *ctx);

/* ---- client ---- */

struct rpc_channel;

/* @target e.g. "unix:/run/containerd/containerd.sock". Connects when the first call needs it, and
 * again by itself. */
struct rpc_channel *rpc_channel_new(struct rpc *rpc, const char *target);

/* Cancels its calls (done runs with -ECANCELED, later); the channel itself is gone for the caller.
 * NULL is allowed. */
void rpc_channel_free(struct rpc_channel *channel);

/* Something says that the peer is back: try to connect now instead of at the end of the backoff. */
void rpc_channel_kick(struct rpc_channel *channel);

enum { RPC_HEADERS_MAX = 4 };

struct rpc_header {
	const char *name, *value;
};

/* One unary call, embedded in its owner. */
struct rpc_unary {
	/* in, read only inside rpc_unary_start() */
	const char *method;                         /* "/package.Service/Method" */
	struct rpc_header headers[RPC_HEADERS_MAX]; /* up to the first NULL name */
	const ProtobufCMessage *request;
	const ProtobufCMessageDescriptor *reply_type; /* NULL: the reply is not wanted */
	uint64_t timeout_ms;

	/* out, valid in done: NULL on failure. Freed by rpc_unary_fini(). */
	ProtobufCMessage *reply;

	void *state; /* the bridge's */
};

/*
 * Starts the call; @call->done runs exactly once. Status: 0, or the gRPC status as an errno:
 * NOT_FOUND -ENOENT, ALREADY_EXISTS -EEXIST, FAILED_PRECONDITION -EBUSY, INVALID_ARGUMENT -EINVAL,
 * UNIMPLEMENTED -ENOSYS, UNAVAILABLE -ECONNREFUSED, DEADLINE_EXCEEDED -ETIMEDOUT, CANCELLED
 * -ECANCELED, RESOURCE_EXHAUSTED -ENOSPC, PERMISSION_DENIED -EACCES, UNAUTHENTICATED -EPERM,
 * everything else -EIO. The text is the peer's.
 */
void rpc_unary_start(struct rpc_channel *channel, struct rpc_unary *unary, struct call *call);
void rpc_unary_cancel(struct rpc_unary *unary);
void rpc_unary_fini(struct rpc_unary *unary);

/* One call with a stream of replies, embedded in its owner. With @on_sent a stream of requests too:
 * the first one, then those of rpc_stream_send(). */
struct rpc_stream {
	const char *method;
	struct rpc_header headers[RPC_HEADERS_MAX];
	const ProtobufCMessage *request;
	const ProtobufCMessageDescriptor *reply_type;
	bool wait_for_ready; /* sit through an outage instead of failing at once */

	/* The message has left, the next one may be sent; not after rpc_stream_finish(), nor when
	 * it cannot leave any more: then the end follows. */
	void (*on_sent)(struct rpc_stream *stream);

	/* Once per message; the message is the bridge's and gone afterwards. */
	void (*on_message)(struct rpc_stream *stream, const ProtobufCMessage *message);
	/* Once, last, whatever happens (also after rpc_stream_cancel()). Statuses as in
	 * rpc_unary_start(), 0: peer ended. */
	void (*on_end)(struct rpc_stream *stream, int status, const struct error *err);

	void *state; /* the bridge's; NULL when not running */
};

void rpc_stream_start(struct rpc_channel *channel, struct rpc_stream *stream);
void rpc_stream_cancel(struct rpc_stream *stream);

/* One message may be under way, the first one too; sending while it is not writable is a bug. The
 * message is packed before this returns. */
bool rpc_stream_writable(const struct rpc_stream *stream);
void rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message);

/* No message will follow: the peer ends the call, as a rule. When one is under way, after it. */
void rpc_stream_finish(struct rpc_stream *stream);

/* ---- server ---- */

struct rpc_server;
struct rpc_server_call;

struct rpc_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

struct rpc_method {
	const char *name; /* "/kukeon.v1beta1.Kukeon/Get" */
	const ProtobufCMessageDescriptor *request_type;

	/*
	 * The request arrived; it belongs to the bridge and is gone when this returns. A unary
	 * method answers once with rpc_server_reply() or rpc_server_fail(), now or later, also when
	 * client or server are gone meanwhile. A streaming one calls rpc_server_send() while
	 * rpc_server_call_writable() and ends with rpc_server_fail() or rpc_server_end(). Of a
	 * stream of requests this is the first; rpc_server_receive() asks for the others.
	 */
	void (*on_request)(struct rpc_server_call *call, const ProtobufCMessage *request,
			   void *ctx);
};

/* Methods that a streaming handler sets on its call. */
struct rpc_stream_handler {
	void (*on_writable)(struct rpc_server_call *call, void *owner); /* the last send has left */

	/*
	 * Of a stream of requests: the message that rpc_server_receive() asked for; it is gone when
	 * this returns. NULL: the client sends no more, or has gone, and on_closed follows: what
	 * has to be whole says itself where it ends.
	 */
	void (*on_message)(struct rpc_server_call *call, const ProtobufCMessage *message,
			   void *owner);

	/*
	 * Gone: forget the call. Runs exactly once, whoever ended it, also after rpc_server_end()
	 * and _fail() (later, never from inside); nothing may be said to the call any more.
	 */
	void (*on_closed)(struct rpc_server_call *call, void *owner);
};

struct rpc_server_options {
	int listen_fd; /* a bound, listening unix socket; an open server closes it */
	const struct rpc_method *methods; /* not copied: a static table */
	size_t n_methods;
	void *ctx; /* handed to every on_request */
	/* Whether the peer at the other end of @fd is spoken to; asked once for each connection.
	 * NULL: everybody is. */
	bool (*admits)(int fd, const struct rpc_peer *peer, void *ctx);
	unsigned idle_timeout_ms; /* connections without a call are closed after that */
};

int rpc_server_open(struct rpc_server **ret_server, struct rpc *rpc,
		    const struct rpc_server_options *options, struct error *err);

/* Listens at @fd instead, which it closes in the end; also when this fails. */
int rpc_server_listen(struct rpc_server *server, int fd, struct error *err);

/* Stops accepting, gives running calls @grace_ms, cancels the rest; @closed runs once, last. */
void rpc_server_close(struct rpc_server *server, uint64_t grace_ms, void (*closed)(void *ctx),
		      void *ctx);

struct rpc_peer rpc_server_call_peer(const struct rpc_server_call *call);

/* True from when nobody waits for the answer any more: the deadline has passed, the call was
 * cancelled, or the client is gone. May be read on any thread, until the call is answered. */
const atomic_bool *rpc_server_call_gone(const struct rpc_server_call *call);

/* For a unary call that is answered later: @on_gone runs once on the loop, later, when that has
 * come true, unless the call was answered before. It is still to be answered. */
void rpc_server_when_gone(struct rpc_server_call *call, void (*on_gone)(void *owner), void *owner);
void rpc_server_reply(struct rpc_server_call *call, const ProtobufCMessage *reply);

/* Ends the call with the gRPC status that stands for @code (the table above read backwards) and the
 * text of @err. */
void rpc_server_fail(struct rpc_server_call *call, int code, const struct error *err);

/*
 * Makes the call a stream, writable at once. @handler is not copied: a static table. One stream too
 * many on its connection is ended with RESOURCE_EXHAUSTED instead: it is never writable, and closes
 * as any other.
 */
void rpc_server_stream(struct rpc_server_call *call, const struct rpc_stream_handler *handler,
		       void *owner);

/* One message may be under way; sending while not writable is a bug. The message is packed before
 * this returns. */
bool rpc_server_call_writable(const struct rpc_server_call *call);
void rpc_server_send(struct rpc_server_call *call, const ProtobufCMessage *message);

/*
 * Asks for the client's next message: on_message gets it, later, unless the call ends before. Until
 * it is asked for, the client waits: no more than one message of each call is taken from gRPC.
 * Asking while one was asked for, or after the last, is a bug. A message that is no request of the
 * method ends the call with INVALID_ARGUMENT.
 */
void rpc_server_receive(struct rpc_server_call *call);
void rpc_server_end(struct rpc_server_call *call);
