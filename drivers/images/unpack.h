/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns an image's layers into snapshots, one after the other, as their blobs come.
 *
 * It works under a lease, so that containerd's garbage collection leaves half an image alone, and
 * so that a crash in the middle leaves nothing for ever: the lease expires. Two that come to the
 * same layer share the work.
 */
#pragma once

#include "drivers/images/images.h"

/* Names of what an unpacking makes, so that what a crash left can be told: a lease of this prefix,
 * where none is given, and "<prefix><lease> <chain id>" for the snapshot that a layer is unpacked
 * into; behind a lease that was given stands a "." and something that no other has. */
#define UNPACK_LEASE_PREFIX "kukeon-unpack-"
#define UNPACK_SNAPSHOT_PREFIX "extract-"

struct unpack_op;

/* Embedded in its owner. */
struct unpack {
	/* in; not copied, valid until the end */
	const char *namespace_, *object; /* "image nginx", for errors */
	const struct image_manifest *manifest;
	const struct image_config *config; /* with an id for each layer */
	const char *lease; /* under which it works, and which stays; NULL: one of its own */
	/* Whether a layer's blob is there. NULL: all are. What is not there is waited for. */
	bool (*is_there)(struct unpack *unpack, size_t layer);
	/* A layer is being unpacked now, or is @done; NULL: nobody asks. Those below are done. */
	void (*on_layer)(struct unpack *unpack, size_t layer, bool done);

	struct unpack_op *state; /* NULL: not running */
};

/* In the end the snapshots live as long as the image's config does. */
void unpack_start(struct images *images, struct unpack *unpack, struct call *call);

/* More blobs are there. */
void unpack_go_on(struct unpack *unpack);

/* Its call ends with -ECANCELED, later. */
void unpack_cancel(struct unpack *unpack);
