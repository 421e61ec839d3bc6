/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about images that nobody uses share. Private to them. */
#pragma once

#include "core/desired/image_garbage.h"
#include "core/desired/image_garbage_file.h"
#include "core/images/image_users.h"

/* What image_garbage_init() makes. One look is one walk over the realms, by their names. */
struct garbage {
	struct engine *engine;
	struct image_limits limits;
	struct engine_watcher watcher;
	struct timer timer;
	struct unused_images unused;
	struct work work; /* on the file */
	bool loaded, busy, stopped;
	bool again;       /* something changed, or could not be seen: look again after the rest */
	uint64_t seen_ms; /* loop time: when the last look ended */
	int64_t due_ms;   /* wall clock: when the next image is; 0: none */

	/* of the realm that is looked at */
	char *realm, *namespace_;
	struct image_facts facts;
	struct image_users users;
	struct call call;
	size_t at; /* the image that goes */
	struct strv removed;
	uint64_t removed_bytes;
};

/* The one that is unused for longest of those that may go; facts.n: none. What is used counts from
 * anew. */
size_t garbage_find_oldest(struct garbage *g);
