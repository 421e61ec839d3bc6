/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects a watch has still to tell of, and of which it has told. */
#pragma once

#include "core/base/list.h"
#include "core/base/map.h"

/* An object that changed, or one that the reader has been told of. */
struct mark {
	struct map_node node; /* by key */
	struct list link;     /* of those that changed: oldest first */
	char *key;
	uint64_t version; /* engine.version when it changed first of what waits */
	bool seen;        /* while the containers of a cell are given: it is still there */
};

/* NULL when there is none. */
struct mark *mark_find(const struct map *map, const char *key);

/* The one of the key, made when there is none; it is in no list then. */
struct mark *mark_add(struct map *map, const char *key);

/* Takes it out of the map and of its list. */
void mark_free(struct map *map, struct mark *mark);
void marks_free(struct map *map);
