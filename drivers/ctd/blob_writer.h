/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes one blob into containerd's content store as it comes:
 * containerd.services.content.v1.Content/Write. What was written stays there below its ref when the
 * stream breaks, and is gone on from.
 */
#pragma once

#include "drivers/ctd/client.h"

enum {
	BLOB_MESSAGE_MAX_BYTES = 512 * 1024, /* measured: larger ones are no faster */
	BLOB_WINDOW_BYTES = 4 * 1024 * 1024, /* may be sent without an answer */
};

/* Embedded in its owner. */
struct blob_writer {
	/* in, not copied: valid until the end */
	const char *ref;    /* of the ingest; a name of ours */
	/* "sha256:..."; NULL: it is not known yet, and set before the last byte is written. containerd
	 * then adds what it has already (existed) to no lease. */
	const char *digest;
	int64_t size;
	/* More may be written: blob_writer_room(). The first time @offset says from where. */
	void (*on_room)(struct blob_writer *writer);
	/*
	 * Once, last. 0: the blob is there, whole and with its digest. -EBADMSG: it is another one,
	 * and its ingest is to be aborted. Else as rpc_unary_start() has it: what was written may
	 * be gone on from.
	 */
	void (*on_end)(struct blob_writer *writer, int status, const struct error *err);

	/* out */
	int64_t offset; /* what was written, or is on its way */
	bool existed;   /* at the end: containerd had it already */

	/* its own */
	struct rpc_stream stream;
	int64_t answered; /* up to here containerd has it */
	bool opened, committing, committed, wrong;
};

void blob_writer_open(struct blob_writer *writer, struct rpc_channel *channel,
		      const struct client_scope *scope);

/* How much may be written now; 0: on_room follows, or the end. */
size_t blob_writer_room(const struct blob_writer *writer);

/* @len: 1 to room. With the last byte it is committed. */
void blob_writer_write(struct blob_writer *writer, const void *data, size_t len);

/* on_end follows with -ECANCELED, never from inside. */
void blob_writer_cancel(struct blob_writer *writer);
