/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about images that are looked after share. Private to them. */
#pragma once

#include "core/updates/image_updates.h"

struct image_updates {
	struct engine *engine;
	struct image_updating updating;
	struct map checks; /* struct image_check.node */
	struct map due;    /* struct image_check.due_node: the next one comes first */
	struct timer timer;
	bool stopped;
};

/* An image of a realm that containers of such cells declare. */
struct image_check {
	struct map_node node, due_node;
	struct image_updates *updates;
	char *key;     /* "<realm> <name as containerd has it>" */
	char *due_key; /* "<time> <key>" */
	char *realm, *image;
	struct list containers; /* struct container.update.link; never empty */
	uint64_t due_ms;        /* loop time */
	struct pull_watcher watcher;
	char *digest;     /* what the tag stands for, as far as is known; NULL: nothing */
	struct strv kept; /* digests that ran before updates that went well: their names go in the
			     end */
	unsigned n_tries; /* containers that have not proven their new image yet */
	struct deferred roll;
};

/* It is looked, on the next turn, who of its containers is to have the image that its tag stands
 * for. */
void updates_roll_later(struct image_check *check);

/* How the updates of a cell go; what has to be done about them. */
void updates_judge(struct image_updates *updates, struct object *cell);

/* Its check knows whether it tries an image. */
void updates_count(struct container *container);
