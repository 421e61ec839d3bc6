/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An action of several calls (STYLE R10.2): a table of named, idempotent steps that run one after
 * the other, one call to containerd under way at a time. An action may be cut anywhere and started
 * again: what is there already is success.
 *
 * struct op is the first member of the action's own struct; op_start() takes the struct over and
 * frees it at the end, after op->fini. The caller's call completes exactly once.
 */
#pragma once

#include "core/base/buf.h"
#include "drivers/ctd/client.h"
#include "drivers/ctd/ctd.h"

struct op;

enum op_result {
	OP_NEXT, /* go on with the next step (or with op->next, where that was set) */
	OP_WAIT, /* a call is under way */
	OP_END,  /* done, the rest of the steps is not needed */
};

struct op_step {
	const char *name;    /* in errors: "start the task" */
	int also_ok[2];      /* errnos that are no failure: @done sees them; 0: none */
	uint64_t timeout_ms; /* 0: CLIENT_TIMEOUT_MS */
	/* Starts a call (OP_WAIT) or decides that there is nothing to do. <0: failed, text in
	 * op->err. */
	int (*start)(struct op *op);
	/* The call ended with 0 or one of -also_ok. NULL: go on. Returns OP_NEXT, OP_END or <0 with
	 * the text in op->err. */
	int (*done)(struct op *op, int status);
};

struct op {
	struct list link; /* struct ctd.ops */
	struct ctd *ctd;
	const struct op_step *steps;
	size_t n_steps, step, next;
	size_t cleanup;   /* step to go to when one fails; 0: none. Failures from it on are passed
			     over. */
	char *namespace_; /* of the object; NULL: none */
	const char *events_namespace; /* sent in its place: where containerd publishes what we did;
					 the action's */
	char *object;                 /* in errors: "container s_t_c_root" */
	char *lease;                  /* sent along when set */
	void (*fini)(struct op *op);

	struct call sub; /* what the step waits for */
	struct rpc_unary unary;
	struct rpc_stream stream;
	struct timer deadline; /* of the stream */
	int (*on_message)(struct op *op,
			  const ProtobufCMessage *message); /* <0: stop, text in sub.err */

	struct call *call; /* the caller's */
	int status;        /* of the first step that failed, with its text: */
	struct error err;
};

/* Takes @op, zeroed but for what the action needs; @namespace_ and @object are copied. */
#define op_start(ctd, op, table, namespace_, object, call)                                         \
	op_start_steps(ctd, op, table, ARRAY_SIZE(table), namespace_, object, call)
void op_start_steps(struct ctd *ctd, struct op *op, const struct op_step *steps, size_t n_steps,
		    const char *namespace_, const char *object, struct call *call);

/* For steps. They return OP_WAIT, or -ECANCELED while the driver closes. */
int op_unary(struct op *op, const struct client_method *method, const ProtobufCMessage *request);
/* Each message goes to @on_message. */
int op_stream(struct op *op, const struct client_method *method, const ProtobufCMessage *request,
	      int (*on_message)(struct op *op, const ProtobufCMessage *message));

/* The call that the step waits for, for work that is no RPC: start it and return OP_WAIT. */
struct call *op_sub_call(struct op *op);

/* For ->done of a status that is no failure of the step: what to say if it turns out to be one.
 * Returns the errno. */
int op_explain(struct op *op, int status, struct error *err);

/* Fails the step with a text of its own, the object in front. */
int op_fail(struct op *op, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define op_reply(op, type) ((type *)(op)->unary.reply)
