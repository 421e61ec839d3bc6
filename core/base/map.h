/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An intrusive map ordered by string key (bytewise), so that plans, logs and tests see the same
 * order every run. A head says its element: "struct map objects; (struct object.node)". A zeroed
 * head is an empty map. The key belongs to the element and must not change while it is in the map.
 * Lookup, insertion and removal are O(log n) expected.
 */
#pragma once

#include "core/base/util.h"

struct map_node {
	const char *key;
	struct map_node *left, *right, *parent;
	uint64_t priority;
};

struct map {
	struct map_node *root;
	size_t count;
};

struct map_node *map_find(const struct map *map, const char *key);

/* The first node whose key is >= @key; NULL when there is none. */
struct map_node *map_find_from(const struct map *map, const char *key);

/* False, and nothing is changed, when the key is there already. */
bool map_insert(struct map *map, struct map_node *node, const char *key);

void map_remove(struct map *map, struct map_node *node);
struct map_node *map_first(const struct map *map);
struct map_node *map_next(const struct map_node *node);

#define map_entry(ptr, type, member) ((ptr) ? container_of(ptr, type, member) : (type *)NULL)

/* Removal of the current element inside the loop is allowed. */
#define map_for_each(item, map, member)                                                            \
	for (struct map_node *item##_it = map_first(map),                                          \
			     *item##_next = item##_it ? map_next(item##_it) : NULL;                \
	     item##_it && ((item) = container_of(item##_it, __typeof__(*(item)), member), true);   \
	     item##_it = item##_next, item##_next = item##_it ? map_next(item##_it) : NULL)
