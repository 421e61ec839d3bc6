/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns a kind has in a table, and what stands in them. */
#pragma once

#include "cli/show/object.h"
#include "cli/show/table.h"

/* Beside those that a table always has. */
enum { COLUMNS_WIDE = 1 << 0, COLUMNS_LABELS = 1 << 1 };

/* Adds the headers of @kind to an empty table. */
void columns_begin(enum kind kind, unsigned further, struct table *table);

/* Adds one row. */
void columns_add(const struct object *object, unsigned further, time_t now, struct table *table);
