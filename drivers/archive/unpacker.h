/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a tar, plain or compressed by gzip or zstd, that comes in pieces: on a thread of its own,
 * by libarchive. What goes in and what comes out waits in queues with a bound, so that neither side
 * runs ahead of the other, and nothing is written anywhere.
 *
 * Strangers make archives. They are read as far as some bounds go (struct unpacker_limits); names
 * and links stay within the archive, and what is neither a file nor a link is passed over.
 */
#pragma once

#include "core/base/str.h"
#include "core/loop/loop.h"

enum {
	UNPACKER_IN_BYTES = 1 << 20,      /* given and not read yet */
	UNPACKER_OUT_BYTES = 2 << 20,     /* read and not taken yet */
	UNPACKER_PIECE_BYTES = 256 << 10, /* one piece of a file */
};

/* What an archive may have at most. */
struct unpacker_limits {
	size_t entries;
	uint64_t bytes; /* all files together */
	/* It may unpack to so much, and from there on to so many times what came. */
	uint64_t ratio_from_bytes;
	unsigned ratio;
};

extern const struct unpacker_limits unpacker_usual_limits;

enum unpacked_kind {
	UNPACKED_FILE, /* begins */
	UNPACKED_DATA,
	UNPACKED_LINK,
};

struct unpacked {
	struct list link;
	enum unpacked_kind kind;
	char *name;    /* of a file or a link: entry_name() */
	char *target;  /* of a link: another entry */
	uint64_t size; /* of a file */
	size_t len;    /* of data; never 0 */
	bool last;     /* nothing follows of this file; an empty one is last where it begins */
	char digest[sizeof("sha256:") + SHA256_HEX_BYTES]; /* with the last piece: of the file */
	char data[];
};

void unpacked_free(struct unpacked *piece);

struct unpacker;

/* Both run on the loop, never from inside a function below; @ctx comes along. */
struct unpacker_listener {
	void (*on_room)(void *ctx);  /* more may be given */
	void (*on_piece)(void *ctx); /* unpacker_next() has something, or the end was reached */
	void *ctx;
};

struct unpacker *unpacker_open(struct loop *loop, const struct unpacker_limits *limits,
			       const struct unpacker_listener *listener);

/* How much may be given; 0: on_room follows, or the end. */
size_t unpacker_room(struct unpacker *unpacker);
void unpacker_give(struct unpacker *unpacker, const void *data, size_t len); /* copied */
void unpacker_end_input(struct unpacker *unpacker);

/* The next piece, to be freed; NULL: none now, or no more. */
struct unpacked *unpacker_next(struct unpacker *unpacker);

/* Bytes of files that were read. */
uint64_t unpacker_bytes(struct unpacker *unpacker);

/* True when all pieces were taken and no more follows: *@ret_status is 0, -EBADMSG for what is no
 * archive or one that is refused, -EFBIG over a bound; with words. */
bool unpacker_ended(struct unpacker *unpacker, int *ret_status, struct error *ret_err);

/* Whatever it is at. @closed runs later, when its thread has ended. */
void unpacker_close(struct unpacker *unpacker, void (*closed)(void *ctx), void *ctx);
