/* SPDX-License-Identifier: Apache-2.0 */
/* Whose an image is: which cells of its realm declare it or run it. */
#pragma once

#include "core/base/buf.h"
#include "core/driver/images.h"
#include "core/state/engine.h"

/* Which cells use each of some images. */
struct image_users {
	struct strv *of; /* by the image's place: keys of cells; they declare or run it */
	size_t n;
};

/*
 * A cell uses what its containers declare, and the image that a container was made from where that
 * is not what the declared name stands for (any more). Costs a look at each container of the realm
 * and a search among the images.
 */
void image_users_find(const struct engine *engine, const struct object *realm,
		      const struct image_facts *facts, struct image_users *ret_users);
void image_users_fini(struct image_users *users);

/* "cells main/lab/a/web and main/lab/a/db"; of many the first ones. */
void image_users_add_text(const struct strv *cells, struct buf *out);

/* Why nobody can say now what the realm uses; NULL: it is known. */
const char *image_users_unknown(const struct engine *engine, const struct object *realm);
