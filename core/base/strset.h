/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, each once, in the order in which they came; one is found among thousands without
 * comparing all. */
#pragma once

#include "core/base/map.h"

/* A zeroed struct is empty. */
struct strset {
	const char **items;
	size_t n;
	struct map by_text; /* struct strset_item.node in strset.c */
};

void strset_fini(struct strset *set);

/* False: it is there already. */
bool strset_add(struct strset *set, const char *s);
bool strset_has(const struct strset *set, const char *s);
