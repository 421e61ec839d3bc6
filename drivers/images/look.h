/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an image is there, for this machine: its documents, its blobs, its snapshot. Reads only.
 * A look takes a call for each document, one for its blobs and one for its snapshot.
 */
#pragma once

#include "drivers/images/documents.h"

struct look_op;

/* Embedded in its owner. */
struct image_look {
	/* in; not copied, valid until the end */
	const char *namespace_, *object;
	struct image_blob target;

	/* out; free with image_look_fini() */
	struct image_documents documents; /* what of them is there */
	bool read;                        /* all of them, and they can be used */
	bool whole;                       /* and all of its blobs are there */
	bool unpacked;                    /* its snapshot is */
	uint64_t size;                    /* of its blobs that are there */

	struct look_op *state; /* NULL: not running */
};

void image_look_fini(struct image_look *look);

/* That something is missing is no failure. */
void image_look_at(struct images *images, struct image_look *look, struct call *call);
