/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/op.h"

#include <errno.h>

static void run_step(struct op *op);

static void start_first_space_op(struct cni *cni)
{
	if (!list_empty(&cni->space_ops))
		run_step(list_entry(cni->space_ops.next, struct op, link));
}

static void end(struct op *op, int status)
{
	struct cni *cni = op->cni;
	bool in_order = list_linked(&op->link);

	list_remove(&op->link);
	call_complete(op->call, status, &op->err);
	op->finish(op, status);
	if (in_order)
		start_first_space_op(cni);
	cni_op_ended(cni);
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
	call_init(&op->step, op->cni->loop, on_step_done);
	op->err = (struct error){ 0 };
	if (op->cni->closing)
		call_complete(&op->step, error_set(&op->err, -ECANCELED, "shutting down"),
			      &op->err);
	else if (op->steps->apart)
		loop_work_apart(op->cni->loop, &op->work, run_blocking, on_blocking_done);
	else if (op->steps->blocking)
		loop_work(op->cni->loop, &op->work, run_blocking, on_blocking_done);
	else
		op->steps->start(op);
}

static void prepare(struct op *op, struct cni *cni, const struct step *steps,
		    void (*finish)(struct op *, int), struct call *call)
{
	op->cni = cni;
	op->steps = steps;
	op->finish = finish;
	op->call = call;
	cni->n_ops++;
}

void op_start(struct op *op, struct cni *cni, const struct step *steps,
	      void (*finish)(struct op *, int), struct call *call)
{
	prepare(op, cni, steps, finish, call);
	run_step(op);
}

void op_start_in_order(struct op *op, struct cni *cni, const struct step *steps,
		       void (*finish)(struct op *, int), struct call *call)
{
	bool first = list_empty(&cni->space_ops);

	prepare(op, cni, steps, finish, call);
	list_append(&cni->space_ops, &op->link);
	if (first)
		run_step(op);
}
