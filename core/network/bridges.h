/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridges that cells are attached to, by name: the kernel says something of every link of the
 * host, and most are none of ours.
 */
#pragma once

#include "core/base/map.h"

struct engine;

/* A bridge that somebody uses. */
struct bridge {
	struct map_node node; /* struct engine.bridges, by name */
	char *name;
	unsigned users;
};

/* One user, a cell or a join, is on the bridge of this name from now on; NULL: on none. */
void bridges_use(struct engine *engine, struct bridge **user, const char *name);

/* Whether anybody uses it: a bridge is nobody's until a cell is attached to it. */
bool bridges_has(const struct engine *engine, const char *name);
