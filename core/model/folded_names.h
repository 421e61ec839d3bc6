/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of cells by what a resolver makes of them, which does not tell upper case from lower: in
 * one space, two cells whose names, or those of their stacks, differ in case only are rivals. They
 * are found among thousands without a look at the others. Pure.
 */
#pragma once

#include "core/base/map.h"

/* In a map of such (struct folded_name.node), or in none: zeroed then. */
struct folded_name {
	struct map_node node;
	char *text;
};

/* False, and nothing is changed, when a cell of this very key is there already. */
bool folded_names_add(struct map *names, struct folded_name *name, const char *cell_key);

/* Also of one that is in no map. */
void folded_names_remove(struct map *names, struct folded_name *name);

/* True: it is the one that was looked for. */
typedef bool (*folded_name_fn)(struct folded_name *rival, void *ctx);

/* The first rival of a cell of this key, which need not be there itself, that @fn takes; @fn NULL:
 * any. NULL when there is none. */
struct folded_name *folded_names_find(const struct map *names, const char *cell_key,
				      folded_name_fn fn, void *ctx);
