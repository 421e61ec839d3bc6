/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A method of a driver that takes several calls is an op: a table of named, idempotent steps, run
 * in order until one fails. An op may be cut anywhere and started again: what is there already is
 * success.
 */
#pragma once

#include "core/base/list.h"
#include "core/loop/call.h"
#include "core/loop/pending.h"

struct op;

/* Those of one driver. */
struct ops {
	struct loop *loop;
	bool closing; /* no step begins any more; those that would end with -ECANCELED */
	struct pending under_way; /* ops, and whatever else the driver's end waits for */
	struct list in_order;     /* struct op.link: the first one runs */

	/* For a driver with errors of its own. What is said of a step whose call has failed; @err
	 * may be NULL. Returns the errno. NULL: "cannot <name>: ", and the call's words. */
	int (*explain)(struct op *op, int status, struct error *err);
	/* A step's call has ended, and @step.done has seen it; NULL: nothing is to be done then. */
	void (*ended)(struct op *op, int status);
};

enum op_result {
	OP_NEXT, /* go on with the next step (or with op->next, where that was set) */
	OP_WAIT, /* op->step is under way */
	OP_END,  /* done, the rest of the steps is not needed */
};

/* Is started, or blocks. */
struct step {
	const char *name; /* "read the network's configuration" */
	int (*blocking)(
		struct op *op,
		struct error *err); /* on a worker: reads the op, keeps off the driver's state */
	/* On the loop: begins what completes op->step, later or at once (OP_WAIT), or decides that
	 * there is nothing to do. <0: failed, whole text in op->err. */
	int (*start)(struct op *op);
	bool apart;     /* it looks into what others name, or waits long: on a thread of its own */
	int also_ok[2]; /* errnos that are no failure: @done sees them; 0: none */
	uint64_t timeout_ms; /* of the calls that @start makes; 0: the usual one */
	/* op->step has ended with 0 or one of -also_ok. NULL: go on. Returns OP_NEXT, OP_END or <0
	 * with the whole text in op->err. */
	int (*done)(struct op *op, int status);
};

/* Embedded at the beginning of each method's own struct. */
struct op {
	struct list link; /* struct ops.in_order */
	struct ops *ops;
	struct call *call;        /* of the caller */
	const struct step *steps; /* ends with a zeroed one */
	size_t at, next;
	size_t cleanup; /* step to go to when one fails; 0: none. Failures from it on are passed
			   over. */
	bool over;      /* no further step */
	void (*finish)(struct op *op, int status); /* hands results over on 0, frees the op */
	struct call step;                          /* what the step waits for */
	struct work work;
	int worked;
	struct error work_err;
	int status; /* of the first step that failed, with its text: */
	struct error err;
};

void ops_init(struct ops *ops, struct loop *loop);

/* Begins no step any more; @closed runs once all have ended. */
void ops_close(struct ops *ops, void (*closed)(void *ctx), void *ctx);

/* Runs the steps, then op->finish() and the caller's call. */
void op_start(struct op *op, struct ops *ops, const struct step *steps,
	      void (*finish)(struct op *, int), struct call *call);

/* The same, after every op started so before it has ended. */
void op_start_in_order(struct op *op, struct ops *ops, const struct step *steps,
		       void (*finish)(struct op *, int), struct call *call);

/* The step at which it is. */
static inline const struct step *op_step(const struct op *op)
{
	return &op->steps[op->at];
}

/* Whether it cleans up after a step that failed, whose text must stay. */
static inline bool op_cleans_up(const struct op *op)
{
	return op->cleanup && op->at >= op->cleanup;
}
