/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/op.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/base/log.h"

static void finish(struct op *op)
{
	struct ctd *ctd = op->ctd;

	call_complete(op->call, op->status, &op->err);
	list_remove(&op->link);
	if (list_empty(&ctd->ops))
		events_rest(&ctd->events);
	if (op->fini)
		op->fini(op);
	free(op->namespace_);
	free(op->object);
	free(op->lease);
	free(op);
	pending_end(&ctd->under_way);
}

static bool is_cleanup(const struct op *op)
{
	return op->cleanup && op->step >= op->cleanup;
}

/* A step ended: where to go on. */
static void conclude(struct op *op, int result)
{
	if (result == OP_END) {
		op->next = op->n_steps;
	} else if (result < 0 && is_cleanup(op)) {
		log_debug("cleaning up failed step=\"%s\" object=\"%s\"", op->steps[op->step].name,
			  op->object);
	} else if (result < 0) {
		op->status = result;
		op->next = op->cleanup ? op->cleanup : op->n_steps;
	}
}

static void run(struct op *op)
{
	while (op->next < op->n_steps) {
		int result;

		op->step = op->next++;
		result = op->steps[op->step].start(op);
		if (result == OP_WAIT)
			return;
		conclude(op, result);
	}
	finish(op);
}

int op_explain(struct op *op, int status, struct error *err)
{
	const struct op_step *step = &op->steps[op->step];
	struct client_attempt attempt = {
		.socket = op->ctd->socket,
		.step = step->name,
		.object = op->object,
		.namespace_ = op->namespace_,
		.timeout_ms = step->timeout_ms ? step->timeout_ms : CLIENT_TIMEOUT_MS,
	};

	return client_explain(&attempt, status, op->sub.err.msg, err);
}

static void on_sub_done(struct call *sub)
{
	struct op *op = container_of(sub, struct op, sub);
	const struct op_step *step = &op->steps[op->step];
	int status = sub->status;

	if (status == -ETIMEDOUT)
		events_probe(&op->ctd->events);
	else if (status == 0)
		events_answered(&op->ctd->events);
	if (status == 0 || status == -step->also_ok[0] || status == -step->also_ok[1])
		status = step->done ? step->done(op, status) : OP_NEXT;
	else /* what fails in the cleanup must not hide the text of what failed first */
		status = op_explain(op, status, is_cleanup(op) ? NULL : &op->err);
	rpc_unary_fini(&op->unary);
	conclude(op, status);
	run(op);
}

void op_start_steps(struct ctd *ctd, struct op *op, const struct op_step *steps, size_t n_steps,
		    const char *namespace_, const char *object, struct call *call)
{
	op->ctd = ctd;
	op->steps = steps;
	op->n_steps = n_steps;
	op->namespace_ = xstrdup_maybe(namespace_);
	op->object = xstrdup(object);
	op->call = call;
	list_append(&ctd->ops, &op->link);
	pending_begin(&ctd->under_way);
	events_work(&ctd->events);
	run(op);
}

struct call *op_sub_call(struct op *op)
{
	op->unary = (struct rpc_unary){ 0 };
	call_init(&op->sub, op->ctd->loop, on_sub_done);
	return &op->sub;
}

static struct client_scope scope_of(const struct op *op)
{
	return (struct client_scope){
		.namespace_ = op->namespace_ ? op->namespace_ : op->events_namespace,
		.lease = op->lease,
		.timeout_ms = op->steps[op->step].timeout_ms,
	};
}

int op_unary(struct op *op, const struct client_method *method, const ProtobufCMessage *request)
{
	struct client_scope scope = scope_of(op);

	if (op->ctd->closing)
		return op_fail(op, -ECANCELED, "kukeond is stopping");
	op_sub_call(op);
	client_unary(op->ctd->channel, method, &scope, request, &op->unary, &op->sub);
	return OP_WAIT;
}

/* ---- streams: gRPC's deadline is for unary calls, so a timer cuts them ---- */

static void stop_stream(struct op *op, int status)
{
	op->sub.status = status;
	rpc_stream_cancel(&op->stream);
}

static void on_stream_deadline(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, deadline);

	stop_stream(op, -ETIMEDOUT);
}

static void on_stream_message(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	struct op *op = container_of(stream, struct op, stream);
	int r;

	if (op->sub.status < 0)
		return;
	r = op->on_message(op, message);
	if (r < 0)
		stop_stream(op, r);
}

static void on_stream_end(struct rpc_stream *stream, int status, const struct error *err)
{
	struct op *op = container_of(stream, struct op, stream);

	timer_stop(&op->deadline);
	if (op->sub.status < 0) {
		struct error own = op->sub.err;

		call_complete(&op->sub, op->sub.status, &own);
	} else {
		call_complete(&op->sub, status, err);
	}
}

int op_stream(struct op *op, const struct client_method *method, const ProtobufCMessage *request,
	      int (*on_message)(struct op *op, const ProtobufCMessage *message))
{
	struct client_scope scope = scope_of(op);

	if (op->ctd->closing)
		return op_fail(op, -ECANCELED, "kukeond is stopping");
	op->stream =
		(struct rpc_stream){ .on_message = on_stream_message, .on_end = on_stream_end };
	op->on_message = on_message;
	op_sub_call(op);
	timer_start(op->ctd->loop, &op->deadline,
		    scope.timeout_ms ? scope.timeout_ms : CLIENT_TIMEOUT_MS, on_stream_deadline);
	client_stream(op->ctd->channel, method, &scope, request, &op->stream);
	return OP_WAIT;
}

int op_fail(struct op *op, int code, const char *fmt, ...)
{
	char msg[ERROR_MSG_MAX_BYTES / 2];
	va_list args;

	va_start(args, fmt);
	str_vprint(msg, sizeof(msg), fmt, args);
	va_end(args);
	if (!is_cleanup(op))
		error_set(&op->err, code, "%s: %s", op->object, msg);
	return code;
}
