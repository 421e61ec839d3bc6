/* SPDX-License-Identifier: Apache-2.0 */
/* Which cells have an address of a space: counted as they come and go. */
#pragma once

#include "core/state/engine.h"

/* The cell has an address now, or has none any more: counted in its space, and listed there. */
void addresses_count(struct engine *engine, struct object *cell);

/* The same of one of its joins, in the space that it joins. */
void addresses_count_join(struct engine *engine, struct join *join);
