/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns a kind has in a table, and what stands in them. */
#pragma once

#include "cli/object.h"
#include "cli/table.h"

/* Adds the headers of @kind to an empty table. */
void columns_begin(enum kind kind, bool wide, struct table *table);

/* Adds one row. */
void columns_add(const struct object *object, bool wide, time_t now, struct table *table);
