/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An op whose steps call containerd, one call under way at a time. What fails is said in words of
 * its own (client.h): what was tried, with what, and what may help.
 *
 * struct ctd_op is the first member of the action's own struct; ctd_op_start() takes the struct
 * over and frees it at the end, after ctd_op.fini.
 */
#pragma once

#include "core/base/buf.h"
#include "core/loop/op.h"
#include "drivers/ctd/client.h"
#include "drivers/ctd/ctd.h"

struct ctd_op {
	struct op op;
	struct list link;             /* struct ctd.active */
	char *namespace_;             /* of the object; NULL: none */
	const char *events_namespace; /* sent in its place: where containerd publishes what we did;
					 the action's */
	char *object;                 /* in errors: "container s_t_c_root" */
	char *lease;                  /* sent along when set */
	bool whole; /* the step is an op of its own, whose words say everything: ctd_sub() */
	void (*fini)(struct op *op);

	struct rpc_unary unary;
	struct rpc_stream stream;
	struct timer deadline; /* of the stream */
	int (*on_message)(struct op *op,
			  const ProtobufCMessage *message); /* <0: stop, text in op->step.err */
};

static inline struct ctd_op *to_ctd_op(const struct op *op)
{
	return container_of(op, struct ctd_op, op);
}

static inline struct ctd *ctd_of(const struct op *op)
{
	return container_of(op->ops, struct ctd, ops);
}

/* Takes @op, zeroed but for what the action needs; @namespace_ and @object are copied. */
void ctd_op_start(struct ctd *ctd, struct ctd_op *op, const struct step *steps,
		  const char *namespace_, const char *object, struct call *call);

/* For steps. They return OP_WAIT, or -ECANCELED while the driver closes. */
int ctd_unary(struct op *op, const struct client_method *method, const ProtobufCMessage *request);
/* Each message goes to @on_message. */
int ctd_stream(struct op *op, const struct client_method *method, const ProtobufCMessage *request,
	       int (*on_message)(struct op *op, const ProtobufCMessage *message));

/* What a step that is an op of its own ends: its words are taken as they are. */
struct call *ctd_sub(struct op *op);

/* For step.done of a status that is no failure of the step: what to say if it turns out to be one.
 * Returns the errno. @err may be NULL. */
int ctd_explain(struct op *op, int status, struct error *err);

/* For struct ops.ended: the reply is freed, and what the answer says of the connection noted. */
void ctd_ended(struct op *op, int status);

/* Fails the step with a text of its own, the object in front. */
int ctd_fail(struct op *op, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define ctd_reply(op, type) ((type *)to_ctd_op(op)->unary.reply)
