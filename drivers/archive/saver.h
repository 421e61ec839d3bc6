/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that are being saved: what each is made of first, then the blobs of all in the order of
 * their digests, each once, then what says which is which. Of an image for several machines only
 * what is for this one. Private to drivers/archive.
 */
#pragma once

#include "core/base/map.h"
#include "drivers/archive/archives.h"
#include "drivers/archive/tar_writer.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/images/documents.h"

enum { SAVE_READ_BYTES = 512 << 10 }; /* of a blob at once */

/* A blob that some image is made of. */
struct saved_blob {
	struct map_node node; /* struct saver.blobs, by digest */
	char *digest;
	int64_t size; /* -1: not known, it is a document */
};

struct saved_image {
	char *name;
	struct image_blob target;
	char *config;
	struct strv layers; /* digests */
};

struct saver {
	struct ctd_op op;
	struct archives *archives;
	struct list link; /* struct archives.saves */
	struct image_save *save;
	bool cancelled;

	struct saved_image *images; /* by name */
	size_t n_images, image;
	struct image_documents documents;
	struct map blobs; /* struct saved_blob.node */

	struct saved_blob *blob; /* that is being written */
	int64_t offset, read_from;
	bool reads;          /* the step does, it does not wait */
	struct buf document; /* of a blob whose size is not known */
	struct buf out;      /* not taken yet */
	struct tar_writer *tar;
	bool waits, finished;
};

static inline struct saver *saver_of(struct op *op)
{
	return container_of(op, struct saver, op.op);
}

void saver_cancel(struct saver *saver);

/* saver_index.c: what an archive says of its images. Pure. */
void saver_add_index(const struct saved_image *images, size_t n, struct buf *out);
void saver_add_manifest(const struct saved_image *images, size_t n, struct buf *out);
