/* SPDX-License-Identifier: Apache-2.0 */
/* An unpacking: unpack.c has the steps' order, and what they wait for; unpack_layer.c the steps of
 * one layer. */
#pragma once

#include "api/containerd.pb-c.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/images/unpack.h"

struct unpack_op {
	struct ctd_op op;
	struct list link; /* struct images.unpacking */
	struct images *images;
	struct unpack *unpack;
	size_t layer; /* the one being unpacked */
	size_t held;  /* so many of the layers are kept by our lease */
	unsigned rounds;
	char *claimed;      /* the chain id that it is at; nobody else in this namespace is */
	struct list parked; /* struct unpack_op.parked_link: they wait until it is not any more */
	struct list parked_link;
	bool waits; /* for a blob */
	bool cancelled;
	char *extract_key; /* its snapshot before it is committed; NULL: there is none of ours */
	Ctd__MountsReply *mounts;
};

static inline struct unpack_op *unpack_of(struct op *op)
{
	return container_of(op, struct unpack_op, op.op);
}

static inline const struct strv *diff_ids_of(struct op *op)
{
	return &unpack_of(op)->unpack->config->diff_ids;
}

static inline size_t count_layers(struct op *op)
{
	return diff_ids_of(op)->n;
}

/* Name of the snapshot with this layer applied. */
static inline char *layer_chain_id(struct op *op)
{
	return image_chain_id(diff_ids_of(op), unpack_of(op)->layer + 1);
}

/* That of the layer below. */
static inline char *parent_chain_id(struct op *op)
{
	return unpack_of(op)->layer ? image_chain_id(diff_ids_of(op), unpack_of(op)->layer) : NULL;
}

void unpack_tell(struct op *op, bool done);
void unpack_free_mounts(struct unpack_op *own);

/* unpack_layer.c */
int unpack_start_prepare(struct op *op);
int unpack_done_prepare(struct op *op, int status);
int unpack_start_apply(struct op *op);
int unpack_done_apply(struct op *op, int status);
int unpack_start_commit(struct op *op);
int unpack_start_pin(struct op *op);
int unpack_start_abort(struct op *op);
