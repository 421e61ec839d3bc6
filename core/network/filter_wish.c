/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/filter_wish.h"

#include "core/network/network_egress.h"
#include "core/network/network_ports.h"
#include "core/state/engine.h"

/* The store tells of every cell that runs, and of its space. Of one that it does not know a
 * manifest may tell: a cell may have ports, a space may have a policy. */
static bool all_declared(const struct engine *engine, enum kind kind)
{
	const struct object *object;

	map_for_each(object, &engine->objects, node)
		if (object->kind == kind && !object->spec &&
		    (kind == KIND_SPACE ? object->backing.exists : object->cell.attached))
			return false;
	return true;
}

/* Ports and policies of what the store cannot tell of are in the filter already. */
static bool any_unread(const struct engine *engine)
{
	const struct object *object;

	map_for_each(object, &engine->objects, node)
		if (object->unread &&
		    (object->kind == KIND_SPACE ? object->backing.exists : object->cell.attached))
			return true;
	return false;
}

/* While the manifests cannot be read ports can do without those that they tell of, policies cannot:
 * until then the filter stays as it is. */
bool filter_wish_is_known(const struct engine *engine)
{
	return engine->relisted.network && !any_unread(engine) &&
	       (engine->desired.complete ||
		(all_declared(engine, KIND_SPACE) &&
		 (engine->desired.problem.code || all_declared(engine, KIND_CELL))));
}

/* One that is just being made has no bridge that anybody knows; no cell starts in it yet. */
static bool has_network(const struct object *object)
{
	return object->kind == KIND_SPACE && object->backing.exists && object->backing.space.bridge;
}

static void add_space(const struct engine *engine, struct filter_wish *wish,
		      const struct object *object)
{
	const struct space_fact *fact = &object->backing.space;

	wish->spaces = xrealloc(wish->spaces, (wish->n_spaces + 1) * sizeof(*wish->spaces));
	wish->spaces[wish->n_spaces++] = (struct filter_space){
		.key = xstrdup(object->key),
		.bridge = xstrdup(fact->bridge ? fact->bridge : ""),
		.subnet = xstrdup(fact->subnet ? fact->subnet : ""),
		.subnet6 = xstrdup_maybe(fact->subnet6),
	};
	if (object_denies_egress(object))
		egress_fill(engine, object, &wish->spaces[wish->n_spaces - 1]);
}

static void add_guest(struct filter_wish *wish, const char *bridge, const char *ip)
{
	if (str_empty(ip) || str_empty(bridge))
		return;
	wish->guests = xrealloc(wish->guests, (wish->n_guests + 1) * sizeof(*wish->guests));
	wish->guests[wish->n_guests++] =
		(struct filter_guest){ .bridge = xstrdup(bridge), .ip = xstrdup(ip) };
}

/* What a cell may not do from its own space it may not do from another's. */
static void add_guests(struct filter_wish *wish, const struct object *cell)
{
	struct join *join;

	if (!object_denies_egress(cell->parent->parent))
		return;
	list_for_each(join, &cell->cell.joins, link) {
		add_guest(wish, join->bridge, join->ip);
		add_guest(wish, join->bridge, join->ip6);
	}
}

void filter_wish_make(const struct engine *engine, struct filter_wish *ret)
{
	const struct object *object;

	*ret = (struct filter_wish){ 0 };
	map_for_each(object, &engine->objects, node)
		if (has_network(object))
			add_space(engine, ret, object);
		else if (object->kind == KIND_CELL && !list_empty(&object->cell.joins))
			add_guests(ret, object);
	ports_fill(engine, ret);
}
