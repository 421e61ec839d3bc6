/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the tree below the run path: what stands in it, and what of it cannot be read. Blocking,
 * touches nothing of the engine: for the start, and for a worker. Private to the store.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/list.h"

enum stored_what {
	STORED_TEXT,
	STORED_UNREADABLE, /* a cell's or container's file is there, or may be: @err */
	STORED_UNLISTED,   /* a layer's file, or a directory: of what is below not all is given */
	STORED_NOTHING,    /* a directory of ours without the file that says what it is */
};

struct stored {
	struct list link;
	enum stored_what what;
	char *key;  /* of the object or container; "" for the run path itself */
	char *path; /* of the file or directory */
	struct buf text;
	struct error err;
};

/* The file is there and is no document: another look does not help. */
bool stored_is_damaged(const struct stored *stored);

void stored_free(struct stored *stored);

/* Takes @stored. */
typedef void (*stored_fn)(void *ctx, struct stored *stored);

/* Everything; the documents of containers come before that of their cell. */
void store_read_all(const char *run_path, stored_fn give, void *ctx);

/* One object: its file, a cell's containers, and with @below all that is below it. */
void store_read_object(const char *run_path, const char *key, bool below, stored_fn give,
		       void *ctx);
