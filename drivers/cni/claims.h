/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the things are that records and conflists name. */
#pragma once

#include "core/base/map.h"

/* What one record or conflist tells: a name, and the key of the object that it belongs to. */
struct claim {
	struct map_node node; /* by name */
	char *name, *owner;
};

/* NULL: nobody's. */
const char *claims_owner(const struct map *claims, const char *name);

/* The first one who says so has it; an empty name or NULL is nothing. */
void claims_add(struct map *claims, const char *name, const char *owner);
void claims_fini(struct map *claims);
