/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells with the annotation "kukeon.io/auto-update: registry" are given what the tags of their
 * images come to stand for.
 *
 * There is one check for each realm and image, however many containers declare it: a pull in the
 * lane (core/images/pulls.h), which asks the registry what the tag stands for and ends when that is
 * there already. Each has a time of its own in the period, which follows from its name: they are
 * spread, and no restart of kukeond brings them together or puts them off.
 *
 * What has come is tried by one cell first, then by as many again as run it well, and so on. The
 * container is restarted as by request. Its update (core/state/image_update.h) is kept in the store
 * together with that intent, so whoever dies in between, the next daemon goes on. A cell that is
 * not Ready for some seconds without a break, within a time, goes back to what it ran before, and
 * nobody tries that image any more until the tag stands for another one.
 *
 * A check costs a look at the containers that declare its image; an update one more each time that
 * twice as many have it.
 */
#pragma once

#include "core/state/engine.h"

struct image_updating {
	uint64_t every_ms;  /* between two checks of an image; 0: there are none */
	uint64_t within_ms; /* a cell has to become Ready with its new image */
};

/* Without a period, or without a driver of images, nothing is ever done. */
void image_updates_init(struct engine *engine, const struct image_updating *updating);

/* An object has been planned, and its status is as it is now. */
void image_updates_follow(struct engine *engine, struct object *object);

/* The container goes. */
void image_updates_leave(struct container *container);

/* Begins nothing more; engine.under_way says when what was begun has ended. */
void image_updates_stop(struct engine *engine);
void image_updates_fini(struct engine *engine);
