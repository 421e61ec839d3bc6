/* SPDX-License-Identifier: Apache-2.0 */
/* What an image says it is made of: index, manifest and config, read from containerd's content. */
#pragma once

#include "core/base/buf.h"
#include "drivers/images/images.h"

struct documents_op;

/* Embedded in its owner. */
struct image_documents {
	/* in; not copied, valid until the end */
	const char *namespace_, *object; /* "image nginx", for errors */
	struct image_blob target;        /* what the image's name stands for */
	/* Sees to it that a document is there, then ends the call. NULL: what is there is there,
	 * and of an index the best that is. A failure of the call ends it all, in its words. */
	void (*fetch)(struct image_documents *documents, const struct image_blob *blob,
		      bool is_config, struct call *call);

	/* out; free with image_documents_fini() */
	struct strv path; /* digests: of the target, what that leads to, the manifest */
	struct image_manifest manifest;
	struct image_config config; /* has an id for each layer */
	struct buf config_text;
	bool invalid; /* with a status: no image can be made of what is there */
	bool unfit;   /* with a status: none that runs here */

	struct documents_op *state; /* NULL: not running */
};

/* What is in stays. */
void image_documents_fini(struct image_documents *documents);

void image_documents_read(struct images *images, struct image_documents *documents,
			  struct call *call);

/* Its call ends with -ECANCELED, later; what fetch() began is the owner's to cut. */
void image_documents_cancel(struct image_documents *documents);
