/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/ctd_op.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void finish(struct op *op, int status UNUSED)
{
	struct ctd_op *own = to_ctd_op(op);
	struct ctd *ctd = ctd_of(op);

	list_remove(&own->link);
	if (list_empty(&ctd->active))
		events_rest(&ctd->events);
	if (own->fini)
		own->fini(op);
	free(own->namespace_);
	free(own->object);
	free(own->lease);
	free(own);
}

int ctd_explain(struct op *op, int status, struct error *err)
{
	const struct step *step = op_step(op);
	const struct ctd_op *own = to_ctd_op(op);
	struct client_attempt attempt = {
		.socket = ctd_of(op)->socket,
		.step = step->name,
		.object = own->object,
		.namespace_ = own->namespace_,
		.timeout_ms = step->timeout_ms ? step->timeout_ms : CLIENT_TIMEOUT_MS,
	};

	if (own->whole && err)
		*err = op->step.err;
	if (own->whole)
		return status;
	return client_explain(&attempt, status, op->step.err.msg, err);
}

void ctd_ended(struct op *op, int status)
{
	if (status == -ETIMEDOUT)
		events_probe(&ctd_of(op)->events);
	else if (status == 0)
		events_answered(&ctd_of(op)->events);
	rpc_unary_fini(&to_ctd_op(op)->unary);
	to_ctd_op(op)->whole = false;
}

struct call *ctd_sub(struct op *op)
{
	to_ctd_op(op)->whole = true;
	return &op->step;
}

void ctd_op_start(struct ctd *ctd, struct ctd_op *op, const struct step *steps,
		  const char *namespace_, const char *object, struct call *call)
{
	op->namespace_ = xstrdup_maybe(namespace_);
	op->object = xstrdup(object);
	list_append(&ctd->active, &op->link);
	events_work(&ctd->events);
	op_start(&op->op, &ctd->ops, steps, finish, call);
}

static struct client_scope scope_of(const struct op *op)
{
	const struct ctd_op *own = to_ctd_op(op);

	return (struct client_scope){
		.namespace_ = own->namespace_ ? own->namespace_ : own->events_namespace,
		.lease = own->lease,
		.timeout_ms = op_step(op)->timeout_ms,
	};
}

int ctd_unary(struct op *op, const struct client_method *method, const ProtobufCMessage *request)
{
	struct client_scope scope = scope_of(op);
	struct rpc_unary *unary = &to_ctd_op(op)->unary;

	*unary = (struct rpc_unary){ 0 };
	client_unary(ctd_of(op)->channel, method, &scope, request, unary, &op->step);
	return OP_WAIT;
}

/* ---- streams: gRPC's deadline is for unary calls, so a timer cuts them ---- */

static void stop_stream(struct ctd_op *own, int status)
{
	own->op.step.status = status;
	rpc_stream_cancel(&own->stream);
}

static void on_stream_deadline(struct timer *timer)
{
	stop_stream(container_of(timer, struct ctd_op, deadline), -ETIMEDOUT);
}

static void on_stream_message(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	struct ctd_op *own = container_of(stream, struct ctd_op, stream);
	int r;

	if (own->op.step.status < 0)
		return;
	r = own->on_message(&own->op, message);
	if (r < 0)
		stop_stream(own, r);
}

static void on_stream_end(struct rpc_stream *stream, int status, const struct error *err)
{
	struct ctd_op *own = container_of(stream, struct ctd_op, stream);
	struct call *step = &own->op.step;

	timer_stop(&own->deadline);
	if (step->status < 0) {
		struct error why = step->err;

		call_complete(step, step->status, &why);
	} else {
		call_complete(step, status, err);
	}
}

int ctd_stream(struct op *op, const struct client_method *method, const ProtobufCMessage *request,
	       int (*on_message)(struct op *op, const ProtobufCMessage *message))
{
	struct client_scope scope = scope_of(op);
	struct ctd_op *own = to_ctd_op(op);

	own->unary = (struct rpc_unary){ 0 };
	own->stream =
		(struct rpc_stream){ .on_message = on_stream_message, .on_end = on_stream_end };
	own->on_message = on_message;
	timer_start(op->ops->loop, &own->deadline,
		    scope.timeout_ms ? scope.timeout_ms : CLIENT_TIMEOUT_MS, on_stream_deadline);
	client_stream(ctd_of(op)->channel, method, &scope, request, &own->stream);
	return OP_WAIT;
}

int ctd_fail(struct op *op, int code, const char *fmt, ...)
{
	char msg[ERROR_MSG_MAX_BYTES / 2];
	va_list args;

	va_start(args, fmt);
	str_vprint(msg, sizeof(msg), fmt, args);
	va_end(args);
	if (!op_cleans_up(op))
		error_set(&op->err, code, "%s: %s", to_ctd_op(op)->object, msg);
	return code;
}
