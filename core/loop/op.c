/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/op.h"

#include <errno.h>

#include "core/base/log.h"

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

static void run(struct op *op);

static void start_first(struct ops *ops)
{
	if (!list_empty(&ops->in_order))
		run(list_entry(ops->in_order.next, struct op, link));
}

static void end(struct op *op)
{
	struct ops *ops = op->ops;
	bool in_order = list_linked(&op->link);

	list_remove(&op->link);
	call_complete(op->call, op->status, &op->err);
	op->finish(op, op->status);
	if (in_order)
		start_first(ops);
	pending_end(&ops->under_way);
}

/* A step ended: where to go on. */
static void conclude(struct op *op, int result)
{
	if (result == OP_END) {
		op->over = true;
	} else if (result < 0 && op_cleans_up(op)) {
		log_debug("cleaning up failed step=\"%s\"", op_step(op)->name);
	} else if (result < 0) {
		op->status = result;
		op->next = op->cleanup;
		op->over = !op->cleanup;
	}
}

static int ask(struct op *op, bool done, int status)
{
	const struct step *step = op_step(op);
	struct error first = op->err;
	int result = done ? step->done(op, status) : step->start(op);

	if (op_cleans_up(op)) /* what failed first is what is told */
		op->err = first;
	return result;
}

/* What fails in the cleanup must not hide the text of what failed first. */
static int explain(struct op *op, int status)
{
	struct error *err = op_cleans_up(op) ? NULL : &op->err;

	if (op->ops->explain)
		return op->ops->explain(op, status, err);
	if (err)
		*err = op->step.err;
	return error_wrap(err, status, "cannot %s", op_step(op)->name);
}

static void on_step_done(struct call *call)
{
	struct op *op = container_of(call, struct op, step);
	const struct step *step = op_step(op);
	int status = call->status, result = OP_NEXT;

	if (status < 0 && status != -step->also_ok[0] && status != -step->also_ok[1])
		result = explain(op, status);
	else if (step->done)
		result = ask(op, true, status);
	if (op->ops->ended)
		op->ops->ended(op, status);
	conclude(op, result);
	run(op);
}

static void run_blocking(struct work *work)
{
	struct op *op = container_of(work, struct op, work);

	op->worked = op_step(op)->blocking(op, &op->work_err);
}

static void on_blocking_done(struct work *work)
{
	struct op *op = container_of(work, struct op, work);

	call_complete(&op->step, op->worked, &op->work_err);
}

static int begin_step(struct op *op)
{
	const struct step *step = op_step(op);

	call_init(&op->step, op->ops->loop, on_step_done);
	op->work_err = (struct error){ 0 };
	if (op->status == 0)
		op->err = (struct error){ 0 };
	if (op->ops->closing)
		call_complete(&op->step, error_set(&op->work_err, -ECANCELED, "shutting down"),
			      &op->work_err);
	else if (step->start)
		return ask(op, false, 0);
	else if (step->apart)
		loop_work_apart(op->ops->loop, &op->work, run_blocking, on_blocking_done);
	else
		loop_work(op->ops->loop, &op->work, run_blocking, on_blocking_done);
	return OP_WAIT;
}

static void run(struct op *op)
{
	while (!op->over && op->steps[op->next].name) {
		int result;

		op->at = op->next++;
		result = begin_step(op);
		if (result == OP_WAIT)
			return;
		conclude(op, result);
	}
	end(op);
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
	run(op);
}

void op_start_in_order(struct op *op, struct ops *ops, const struct step *steps,
		       void (*finish)(struct op *, int), struct call *call)
{
	bool first = list_empty(&ops->in_order);

	prepare(op, ops, steps, finish, call);
	list_append(&ops->in_order, &op->link);
	if (first)
		run(op);
}
