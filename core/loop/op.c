/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/op.h"

#include <errno.h>

void ops_init(struct ops *ops, struct loop *loop)
{
	*ops = (struct ops){ .loop = loop };
	list_init(&ops->in_order);
}

void ops_close(struct ops *ops, void (*closed)(void *ctx), void *ctx)
{
	ops->closing = true;
	pending_await(&ops->under_way, closed, ctx);
}

static void run_step(struct op *op);

static void start_first(struct ops *ops)
{
	if (!list_empty(&ops->in_order))
		run_step(list_entry(ops->in_order.next, struct op, link));
}

static void end(struct op *op, int status)
{
	struct ops *ops = op->ops;
	bool in_order = list_linked(&op->link);

	list_remove(&op->link);
	call_complete(op->call, status, &op->err);
	op->finish(op, status);
	if (in_order)
		start_first(ops);
	pending_end(&ops->under_way);
}

static void on_step_done(struct call *call)
{
	struct op *op = container_of(call, struct op, step);

	if (call->status < 0) {
		op->err = call->err;
		error_wrap(&op->err, call->status, "cannot %s", op->steps->name);
		end(op, call->status);
		return;
	}
	op->steps++;
	if (op->steps->name)
		run_step(op);
	else
		end(op, 0);
}

static void run_blocking(struct work *work)
{
	struct op *op = container_of(work, struct op, work);

	op->status = op->steps->blocking(op, &op->err);
}

static void on_blocking_done(struct work *work)
{
	struct op *op = container_of(work, struct op, work);

	call_complete(&op->step, op->status, &op->err);
}

static void run_step(struct op *op)
{
	call_init(&op->step, op->ops->loop, on_step_done);
	op->err = (struct error){ 0 };
	if (op->ops->closing)
		call_complete(&op->step, error_set(&op->err, -ECANCELED, "shutting down"),
			      &op->err);
	else if (op->steps->apart)
		loop_work_apart(op->ops->loop, &op->work, run_blocking, on_blocking_done);
	else if (op->steps->blocking)
		loop_work(op->ops->loop, &op->work, run_blocking, on_blocking_done);
	else
		op->steps->start(op);
}

static void prepare(struct op *op, struct ops *ops, const struct step *steps,
		    void (*finish)(struct op *, int), struct call *call)
{
	op->ops = ops;
	op->steps = steps;
	op->finish = finish;
	op->call = call;
	pending_begin(&ops->under_way);
}

void op_start(struct op *op, struct ops *ops, const struct step *steps,
	      void (*finish)(struct op *, int), struct call *call)
{
	prepare(op, ops, steps, finish, call);
	run_step(op);
}

void op_start_in_order(struct op *op, struct ops *ops, const struct step *steps,
		       void (*finish)(struct op *, int), struct call *call)
{
	bool first = list_empty(&ops->in_order);

	prepare(op, ops, steps, finish, call);
	list_append(&ops->in_order, &op->link);
	if (first)
		run_step(op);
}
