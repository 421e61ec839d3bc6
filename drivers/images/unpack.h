/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that turn an image's layers into snapshots, one layer at a time. For resolve.c, which has
 * the table. */
#pragma once

#include "api/containerd.pb-c.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/oci/image.h"

/* Names of what an unpacking makes, so that what a crash left can be told: a lease of this prefix,
 * and "<prefix><lease> <chain id>" for the snapshot that a layer is unpacked into. */
#define UNPACK_LEASE_PREFIX "kukeon-unpack-"
#define UNPACK_SNAPSHOT_PREFIX "extract-"

/* A layer of some GiB on a slow disk. */
enum { UNPACK_TIMEOUT_MS = 15 * 60 * 1000 };

struct images;

struct image_op {
	struct ctd_op op;
	struct images *images;
	struct list link;    /* struct images.resolving */
	struct list waiters; /* struct waiter.link: further calls for the same image */
	char *name, *key;
	char *digest;           /* what the name points to; NULL while not known */
	char **ret_digest;      /* the first caller's */
	struct image_blob blob; /* what is read now; in the end the config */
	unsigned depth;
	struct buf document;
	struct work work; /* of parsing it */
	int parsed;
	struct error parse_err;
	struct image_manifest manifest;
	struct image_config config;
	char *chain_id; /* of all layers */

	size_t layer;       /* the one being unpacked */
	char *claimed;      /* the chain id that it is at; nobody else in this namespace is */
	struct list parked; /* struct image_op.parked_link: they wait until it is not any more */
	struct list parked_link;
	char *extract_key; /* its snapshot before it is committed; NULL: there is none of ours */
	Ctd__MountsReply *mounts;
};

static inline struct image_op *image_op_of(struct op *op)
{
	return container_of(op, struct image_op, op.op);
}

int unpack_start_lease(struct op *op);
int unpack_done_lease(struct op *op, int status);
/* Waits while another is at the same layer, else claims it. */
int unpack_start_claim(struct op *op);
/* It is not at the layer any more: those that waited look again. */
void unpack_let_go(struct image_op *image);
int unpack_start_stat(struct op *op);
int unpack_start_prepare(struct op *op);
int unpack_done_prepare(struct op *op, int status);
int unpack_start_apply(struct op *op);
int unpack_done_apply(struct op *op, int status);
int unpack_start_commit(struct op *op);
int unpack_start_pin(struct op *op);
int unpack_start_abort(struct op *op);
int unpack_start_release(struct op *op);
