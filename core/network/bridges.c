/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/bridges.h"

#include "core/network/ways.h"
#include "core/passage/passage.h"
#include "core/state/engine.h"

static struct bridge *find(const struct engine *engine, const char *name)
{
	return map_entry(map_find(&engine->bridges, name), struct bridge, node);
}

static struct bridge *get(struct engine *engine, const char *name)
{
	struct bridge *bridge = find(engine, name);

	if (bridge)
		return bridge;
	bridge = xnew(struct bridge);
	bridge->name = xstrdup(name);
	map_insert(&engine->bridges, &bridge->node, bridge->name);
	passage_mark_stale(engine);
	ways_mark_switches_stale(engine); /* it has come with the switches that links have here */
	return bridge;
}

static void leave(struct engine *engine, struct bridge *bridge)
{
	if (--bridge->users)
		return;
	map_remove(&engine->bridges, &bridge->node);
	free(bridge->name);
	free(bridge);
}

void bridges_use(struct engine *engine, struct bridge **user, const char *name)
{
	struct bridge *before = *user;

	if (before && str_equal(before->name, name))
		return;
	*user = name ? get(engine, name) : NULL;
	if (*user)
		(*user)->users++;
	if (before)
		leave(engine, before);
}

bool bridges_has(const struct engine *engine, const char *name)
{
	return find(engine, name) != NULL;
}
