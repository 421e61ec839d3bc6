/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that no cell of their realm uses any more are taken away when they are over a limit: for
 * too long, or while all of a realm together have too many bytes; the one that is unused for
 * longest goes first. Only those whose record carries our label, never while it is not known what
 * the realm uses, and none that was used within the last hour.
 *
 * How long an image is unused counts from the first look that found it so, and is kept in a file: a
 * file that is lost makes it younger, not older. A look lists the images of all realms. It follows
 * a start and what changed, soon and not too often, and comes again when the next image is due:
 * nothing wakes a daemon whose images nobody changes and that are all used.
 */
#pragma once

#include "core/state/engine.h"

/* 0: there is no such limit. */
struct image_limits {
	uint64_t max_bytes; /* of all of ours in a realm; what images share counts for each */
	uint64_t max_ms;    /* without use */
};

/* Without limits, or without a driver of images, nothing is ever done. */
void image_garbage_init(struct engine *engine, const struct image_limits *limits);

/* The store has said what was there before. */
void image_garbage_start(struct engine *engine);

/* Images came or went, by whatever hand. */
void image_garbage_hint(struct engine *engine);

/* Begins nothing more; engine.under_way says when what was begun has ended. */
void image_garbage_stop(struct engine *engine);
void image_garbage_fini(struct engine *engine);
