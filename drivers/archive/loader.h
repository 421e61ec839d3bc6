/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One archive that is being loaded. Its files go into containerd's content store one after the
 * other, as they come, under a lease of ours; what it says of itself is kept aside and looked at in
 * the end. Then names are given, and the lease goes: with what nothing refers to. Private to
 * drivers/archive.
 */
#pragma once

#include "core/base/buf.h"
#include "core/registry/archive.h"
#include "drivers/archive/archives.h"
#include "drivers/archive/unpacker.h"
#include "drivers/ctd/blob_writer.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/images/documents.h"

#define LOAD_LEASE_PREFIX "kukeon-load-"

enum {
	LOAD_FILES_MAX =
		8192,  /* of an archive, links too: hundreds of images with hundreds of layers */
	LOADS_MAX = 4, /* at once: each has a thread and some MiB */
	LOAD_STALL_MS = 60 * 1000, /* containerd takes nothing any more for that long */
};

/* A file of the archive that was stored, or a link to one. */
struct loaded_file {
	struct map_node node; /* struct loader.files, by name */
	char *name;
	char *target; /* of a link; NULL: a file */
	char *digest;
	int64_t size;
	const char *media_type; /* if it is a layer */
};

/* The file that is being read. */
struct loading_file {
	char *name;           /* NULL: none is */
	struct buf *document; /* kept here; NULL: it is stored */
	int64_t size, offset;
	char digest[sizeof("sha256:") +
		    SHA256_HEX_BYTES]; /* said by its name, or found at its end */
	const char *media_type;
	bool named; /* its name says the digest */
	bool read;  /* all of it */
	bool there; /* containerd has it */
};

struct loader {
	struct ctd_op op;
	struct archives *archives;
	struct list link; /* struct archives.loads */
	struct image_load *load;
	bool cancelled;

	/* The archive: loader_files.c. */
	struct unpacker *unpacker; /* NULL: not begun yet, or over */
	bool input_ended;
	struct unpacked *piece;
	size_t written; /* of the piece */
	struct loading_file file;
	struct map files; /* struct loaded_file.node */
	struct buf index, manifest, version;
	bool is_layout;
	struct blob_writer writer;
	bool writing, ending;
	unsigned n_refs;
	char *ref;
	struct timer stall;
	int failed;
	struct error why;

	/* What it says: loader_images.c. */
	struct work work; /* of parsing it */
	int parsed;
	struct archive_images images;
	size_t image, name, label; /* where it is with them */
	struct image_blob target;
	char *text;           /* of a manifest that was made here; NULL: none was */
	struct strv fallback; /* the name of an image that has none */
	struct image_documents documents;
	char *object;
	struct image_loaded *loaded;
	size_t n_loaded;
};

static inline struct loader *loader_of(struct op *op)
{
	return container_of(op, struct loader, op.op);
}

/* loader_files.c. The step ends when all of the archive was read and stored. */
int loader_start_files(struct op *op);
void loader_cut_files(struct loader *loader);
void loader_go_on(struct loader *loader);
void loader_files_fini(struct loader *loader);
/* The manifest that was made here, where one was. */
int loader_start_blob(struct op *op);
/* What an entry is in the end, links followed; NULL: it is not there. */
const struct loaded_file *loader_find_file(const struct loader *loader, const char *name);

/* loader_images.c, for the steps that follow. */
int loader_start_index(struct op *op);
int loader_done_index(struct op *op, int status);
int loader_start_image(struct op *op);
int loader_start_documents(struct op *op);
int loader_done_documents(struct op *op, int status);
int loader_start_label(struct op *op);
int loader_start_name(struct op *op);
int loader_start_update(struct op *op);
/* The name is given: whether the image has another, else the next image follows. */
bool loader_next_name(struct loader *loader);
void loader_images_fini(struct loader *loader);
