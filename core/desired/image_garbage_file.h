/* SPDX-License-Identifier: Apache-2.0 */
/* Since when nobody uses images, and the file that keeps it. For image_garbage.c. */
#pragma once

#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/driver/images.h"

/* A zeroed struct knows nothing, and without a path keeps nothing. */
struct unused_images {
	char *path;
	struct map by_key; /* struct unused_image.node */
	bool changed;      /* since it was written */
	struct buf text;   /* the worker's while it works */
};

void unused_images_fini(struct unused_images *unused);

/* On a worker's thread, while nobody else touches it. What cannot be read is nothing. */
void unused_images_load(struct unused_images *unused);

/* Whether there is something to write: then unused_images_write() does, on a worker's thread. */
bool unused_images_prepare(struct unused_images *unused);
void unused_images_write(struct unused_images *unused);

/* Wall clock; @now_ms when it was not known to be unused, or when its record is younger than that.
 */
int64_t unused_images_since(struct unused_images *unused, const char *realm,
			    const struct image_fact *fact, int64_t now_ms);

/* It is used, or gone. */
void unused_images_forget(struct unused_images *unused, const char *realm, const char *name);

/* All of realms that are not there are gone. */
void unused_images_keep_realms(struct unused_images *unused,
			       bool (*is_there)(void *ctx, const char *realm), void *ctx);

/* All of the realm but these, which are ordered by name, are gone. */
void unused_images_keep(struct unused_images *unused, const char *realm,
			const struct image_facts *facts);
