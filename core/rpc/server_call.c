/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call on the server. gRPC's part of it ends with the close notice (the client has everything,
 * or is gone) once no batch is under way; ours when the handler has answered. Whichever comes last
 * frees the memory, so a unary handler may answer long after its client, or even the server, has
 * gone.
 */
#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include "core/rpc/server.h"

#define TOO_LARGE "the answer is larger than 64 MiB: ask for less at a time, or watch"
#define TOO_MANY_STREAMS "too many streams on one connection: end some, or open one more connection"

enum server_call_state {
	SERVER_CALL_READING,   /* the request is on its way */
	SERVER_CALL_HANDLED,   /* the handler has it and owes an answer */
	SERVER_CALL_STREAMING, /* the handler sends messages */
	SERVER_CALL_ENDING,    /* the stream is over, its last message still under way */
	SERVER_CALL_ANSWERED,  /* nobody but gRPC has business with it any more */
};

struct rpc_server_call {
	struct rpc_server *server; /* NULL: released by gRPC, a unary handler has yet to answer */
	struct loop *loop;
	struct list link;
	grpc_call *grpc;
	int fd; /* of its connection, while gRPC has the call */
	struct rpc_peer peer;
	const struct rpc_method *method;
	enum server_call_state state;

	struct rpc_tag on_close, on_request, on_received, on_sent, on_answered;
	unsigned n_pending; /* tags that are out */
	int cancelled;      /* written by gRPC; the close notice itself says all we need */
	atomic_bool gone;   /* the close notice came */
	bool headers_sent, sending;
	bool counted;               /* one of its connection's streams */
	bool refused;               /* one too many of them; its owner has yet to hear */
	grpc_byte_buffer *message;  /* the request, then what is being sent */
	grpc_byte_buffer *received; /* of a stream of requests: the next one */
	bool receiving, received_all;

	const struct rpc_stream_handler *handler; /* NULL: no stream, or on_closed has run */
	void *owner;
	struct deferred closed;
	grpc_status_code status; /* how a stream that is ENDING ends */
	struct error err;
};

/* ---- batches and life ---- */

static void start_batch(struct rpc_server_call *call, const grpc_op *ops, size_t n_ops,
			struct rpc_tag *tag)
{
	call->n_pending++;
	check(grpc_call_start_batch(call->grpc, ops, n_ops, tag, NULL) == GRPC_CALL_OK);
}

static void drop_message(struct rpc_server_call *call)
{
	grpc_byte_buffer_destroy(call->message); /* NULL is allowed */
	call->message = NULL;
}

/* gRPC is done with the call. */
static void release(struct rpc_server_call *call)
{
	struct rpc_server *server = call->server;

	grpc_call_unref(call->grpc);
	call->grpc = NULL;
	drop_message(call);
	grpc_byte_buffer_destroy(call->received);
	call->server = NULL;
	list_remove(&call->link);
	server_call_released(server);
}

/* To be called last: @call may be gone afterwards. */
static void settle(struct rpc_server_call *call)
{
	bool answered = call->state == SERVER_CALL_ANSWERED && !call->handler;

	if (call->server && (!call->gone || call->n_pending > 0))
		return;
	if (call->server)
		release(call);
	if (answered)
		free(call);
}

static void tag_returned(struct rpc_server_call *call)
{
	call->n_pending--;
	settle(call);
}

static void add_headers(struct rpc_server_call *call, grpc_op *ops, size_t *n_ops)
{
	if (call->headers_sent)
		return;
	call->headers_sent = true;
	ops[(*n_ops)++] = (grpc_op){ .op = GRPC_OP_SEND_INITIAL_METADATA };
}

static void add_message(struct rpc_server_call *call, const ProtobufCMessage *message, grpc_op *ops,
			size_t *n_ops)
{
	drop_message(call);
	call->message = rpc_message_pack(message);
	ops[*n_ops] = (grpc_op){ .op = GRPC_OP_SEND_MESSAGE };
	ops[(*n_ops)++].data.send_message.send_message = call->message;
}

/* The last batch of every call that is still there; @reply NULL: none, only the status. */
static void answer(struct rpc_server_call *call, const ProtobufCMessage *reply,
		   grpc_status_code status, const char *text)
{
	grpc_slice details = grpc_slice_from_copied_string(text);
	grpc_op ops[3];
	size_t n_ops = 0;

	call->state = SERVER_CALL_ANSWERED;
	add_headers(call, ops, &n_ops);
	if (reply)
		add_message(call, reply, ops, &n_ops);
	ops[n_ops] = (grpc_op){ .op = GRPC_OP_SEND_STATUS_FROM_SERVER };
	ops[n_ops].data.send_status_from_server.status = status;
	ops[n_ops++].data.send_status_from_server.status_details = &details;
	start_batch(call, ops, n_ops, &call->on_answered);
	grpc_slice_unref(details);
}

/* ---- what gRPC tells ---- */

static bool count_stream(struct rpc_server_call *call)
{
	struct connection *connection = server_connection(call->server, call->fd);

	check(connection); /* as long as gRPC has one of its calls */
	call->counted = connection->n_streams < CONNECTION_STREAMS_MAX;
	connection->n_streams += call->counted;
	return call->counted;
}

/* The last word to a stream's owner, exactly once. */
static void tell_closed(struct rpc_server_call *call)
{
	const struct rpc_stream_handler *handler = call->handler;

	if (call->counted)
		server_connection(call->server, call->fd)->n_streams--;
	call->counted = false;
	call->handler = NULL;
	call->state = SERVER_CALL_ANSWERED;
	handler->on_closed(call, call->owner);
}

static void on_close(struct rpc_tag *tag, bool ok UNUSED)
{
	struct rpc_server_call *call = container_of(tag, struct rpc_server_call, on_close);

	call->gone = true;
	if (call->handler)
		tell_closed(call);
	tag_returned(call);
}

static void on_answered(struct rpc_tag *tag, bool ok UNUSED)
{
	tag_returned(container_of(tag, struct rpc_server_call, on_answered));
}

static void on_sent(struct rpc_tag *tag, bool ok)
{
	struct rpc_server_call *call = container_of(tag, struct rpc_server_call, on_sent);

	call->sending = false;
	drop_message(call);
	if (call->state == SERVER_CALL_ENDING)
		answer(call, NULL, call->status, call->err.msg);
	else if (call->state == SERVER_CALL_STREAMING && ok)
		call->handler->on_writable(call, call->owner);
	tag_returned(call);
}

/* @ret_request: free with protobuf_c_message_free_unpacked(). */
static int read_request(const struct rpc_server_call *call, grpc_byte_buffer *message,
			ProtobufCMessage **ret_request, struct error *err)
{
	ProtobufCMessage *request;
	int r = rpc_message_unpack(message, call->method->request_type, &request, err);

	if (r == 0)
		r = rpc_message_check_text(request, err);
	else
		request = NULL;
	if (r < 0) {
		protobuf_c_message_free_unpacked(request, NULL);
		return error_wrap(err, r, "the request");
	}
	*ret_request = request;
	return 0;
}

static void handle_request(struct rpc_server_call *call)
{
	ProtobufCMessage *request;
	struct error err;

	if (call->server->closing) { /* the call came before, what it asks only now */
		answer(call, NULL, GRPC_STATUS_UNAVAILABLE, "the daemon is shutting down");
		return;
	}
	if (!call->message) {
		answer(call, NULL, GRPC_STATUS_INVALID_ARGUMENT, "the request has no message");
		return;
	}
	if (read_request(call, call->message, &request, &err) < 0) {
		answer(call, NULL, GRPC_STATUS_INVALID_ARGUMENT, err.msg);
		return;
	}
	drop_message(call);
	call->state = SERVER_CALL_HANDLED;
	call->method->on_request(call, request, call->server->options.ctx);
	protobuf_c_message_free_unpacked(request, NULL);
}

static void on_request(struct rpc_tag *tag, bool ok UNUSED)
{
	struct rpc_server_call *call = container_of(tag, struct rpc_server_call, on_request);

	if (call->gone)
		call->state = SERVER_CALL_ANSWERED;
	else
		handle_request(call);
	tag_returned(call);
}

/* ---- a stream of requests ---- */

/* The client's next message, or the end of them, for whoever still wants it. */
static void deliver(struct rpc_server_call *call)
{
	ProtobufCMessage *message = NULL;
	struct error err;

	if (call->state != SERVER_CALL_STREAMING || call->gone)
		return;
	if (!call->received)
		call->received_all = true;
	else if (read_request(call, call->received, &message, &err) < 0)
		return rpc_server_fail(call, -EINVAL, &err);
	grpc_byte_buffer_destroy(call->received);
	call->received = NULL;
	call->handler->on_message(call, message, call->owner);
	protobuf_c_message_free_unpacked(message, NULL);
}

static void on_received(struct rpc_tag *tag, bool ok UNUSED)
{
	struct rpc_server_call *call = container_of(tag, struct rpc_server_call, on_received);

	call->receiving = false;
	deliver(call);
	tag_returned(call);
}

void rpc_server_receive(struct rpc_server_call *call)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	check(!call->receiving && !call->received_all);
	if (call->state != SERVER_CALL_STREAMING || call->gone)
		return;
	call->receiving = true;
	op.data.recv_message.recv_message = &call->received;
	start_batch(call, &op, 1, &call->on_received);
}

/* ---- begin ---- */

static struct rpc_server_call *call_new(struct rpc_server *server, grpc_call *grpc)
{
	struct rpc_server_call *call = xnew(struct rpc_server_call);
	grpc_op op = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

	call->server = server;
	call->loop = server->rpc->loop;
	call->grpc = grpc;
	call->on_close.fn = on_close;
	call->on_request.fn = on_request;
	call->on_received.fn = on_received;
	call->on_sent.fn = on_sent;
	call->on_answered.fn = on_answered;
	list_append(&server->calls, &call->link);
	server->n_calls++;
	op.data.recv_close_on_server.cancelled = &call->cancelled;
	start_batch(call, &op, 1, &call->on_close);
	return call;
}

void server_call_begin(struct rpc_server *server, grpc_call *grpc, const struct rpc_method *method,
		       int fd)
{
	struct rpc_server_call *call = call_new(server, grpc);
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	call->method = method;
	call->fd = fd;
	call->peer = server_connection(server, fd)->peer;
	op.data.recv_message.recv_message = &call->message;
	start_batch(call, &op, 1, &call->on_request);
}

void server_call_refuse(struct rpc_server *server, grpc_call *grpc, int code, const char *text)
{
	answer(call_new(server, grpc), NULL, rpc_status_from_errno(code), text);
}

/* ---- what the handler says ---- */

struct rpc_peer rpc_server_call_peer(const struct rpc_server_call *call)
{
	return call->peer;
}

const atomic_bool *rpc_server_call_gone(const struct rpc_server_call *call)
{
	return &call->gone;
}

/*
 * Ends a call that its handler owns; also when the client has gone, and when a message is still
 * under way.
 */
static void finish(struct rpc_server_call *call, const ProtobufCMessage *reply,
		   grpc_status_code status, const char *text)
{
	check(call->state == SERVER_CALL_HANDLED || call->state == SERVER_CALL_STREAMING);
	if (call->gone) {
		call->state = SERVER_CALL_ANSWERED;
		settle(call);
	} else if (call->sending) {
		call->state = SERVER_CALL_ENDING;
		call->status = status;
		error_set(&call->err, 0, "%s", text);
	} else {
		answer(call, reply, status, text);
	}
}

void rpc_server_reply(struct rpc_server_call *call, const ProtobufCMessage *reply)
{
	check(call->state == SERVER_CALL_HANDLED);
	if (protobuf_c_message_get_packed_size(reply) > RPC_MESSAGE_MAX_BYTES)
		finish(call, NULL, GRPC_STATUS_RESOURCE_EXHAUSTED, TOO_LARGE);
	else
		finish(call, reply, GRPC_STATUS_OK, "");
}

void rpc_server_fail(struct rpc_server_call *call, int code, const struct error *err)
{
	check(code < 0);
	if (call->refused)
		return;
	finish(call, NULL, rpc_status_from_errno(code),
	       err && err->msg[0] ? err->msg : strerror(-code));
}

void rpc_server_end(struct rpc_server_call *call)
{
	if (call->refused)
		return;
	check(call->state == SERVER_CALL_STREAMING);
	finish(call, NULL, GRPC_STATUS_OK, "");
}

static void on_closed_late(struct deferred *deferred)
{
	struct rpc_server_call *call = container_of(deferred, struct rpc_server_call, closed);

	tell_closed(call);
	settle(call);
}

void rpc_server_stream(struct rpc_server_call *call, const struct rpc_stream_handler *handler,
		       void *owner)
{
	check(call->state == SERVER_CALL_HANDLED);
	call->state = SERVER_CALL_STREAMING;
	call->handler = handler;
	call->owner = owner;
	if (call->gone) { /* while the handler was busy; the notice has passed already */
		loop_defer(call->loop, &call->closed, on_closed_late);
	} else if (!count_stream(call)) {
		finish(call, NULL, GRPC_STATUS_RESOURCE_EXHAUSTED, TOO_MANY_STREAMS);
		call->refused = true;
	}
}

bool rpc_server_call_writable(const struct rpc_server_call *call)
{
	return call->state == SERVER_CALL_STREAMING && !call->sending && !call->gone;
}

void rpc_server_send(struct rpc_server_call *call, const ProtobufCMessage *message)
{
	grpc_op ops[2];
	size_t n_ops = 0;

	check(rpc_server_call_writable(call));
	call->sending = true;
	add_headers(call, ops, &n_ops);
	add_message(call, message, ops, &n_ops);
	start_batch(call, ops, n_ops, &call->on_sent);
}
