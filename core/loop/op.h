/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A method of a driver that takes several calls is an op: a table of named steps, run in order until
 * one fails.
 */
#pragma once

#include "core/base/list.h"
#include "core/loop/call.h"
#include "core/loop/pending.h"

/* Those of one driver. */
struct ops {
	struct loop *loop;
	bool closing;             /* no step begins any more; those that would end with -ECANCELED */
	struct pending under_way; /* ops, and whatever else the driver's end waits for */
	struct list in_order;     /* struct op.link: the first one runs */
};

struct op;

/* A step is one of the two kinds. */
struct step {
	const char *name; /* "read the network's configuration": completes "cannot ..." */
	int (*blocking)(
		struct op *op,
		struct error *err);   /* on a worker: reads the op, keeps off the driver's state */
	void (*start)(struct op *op); /* on the loop: completes op->step, later or at once */
	bool apart; /* it looks into what others name, or waits long: on a thread of its own */
};

/* Embedded at the beginning of each method's own struct. */
struct op {
	struct list link; /* struct ops.in_order */
	struct ops *ops;
	struct call *call;                         /* of the caller */
	const struct step *steps;                  /* ends with a zeroed one */
	void (*finish)(struct op *op, int status); /* hands results over on 0, frees the op */
	struct call step;
	struct work work;
	int status;
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
