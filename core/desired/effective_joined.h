/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that have documents of their own become part of their cell. */
#pragma once

#include "core/desired/effective.h"

/* Adds the container documents below the cell. */
void effective_join_containers(const struct engine *engine, const struct object *object,
			       Api__Cell *cell);
