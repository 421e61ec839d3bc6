/* SPDX-License-Identifier: Apache-2.0 */
#include "core/filter_wish.h"

#include "core/engine.h"
#include "core/ports.h"

/* The store tells of every cell that runs. One that it does not know may have ports that a manifest
 * tells of: those are waited for. */
static bool all_declared(const struct engine *engine)
{
	const struct object *object;

	map_for_each(object, &engine->objects, node)
		if (object->kind == KIND_CELL && object->cell.attached && !object->spec)
			return false;
	return true;
}

bool filter_wish_is_known(const struct engine *engine)
{
	return engine->looked.network &&
	       (engine->desired.complete || engine->desired.problem.code || all_declared(engine));
}

static bool has_network(const struct object *object)
{
	return object->kind == KIND_SPACE && object->own.exists;
}

static void add_space(struct filter_wish *wish, const struct object *object)
{
	const struct space_fact *fact = &object->own.space;

	wish->spaces = xrealloc(wish->spaces, (wish->n_spaces + 1) * sizeof(*wish->spaces));
	wish->spaces[wish->n_spaces++] = (struct filter_space){
		.key = xstrdup(object->key),
		.bridge = xstrdup(fact->bridge ? fact->bridge : ""),
		.subnet = xstrdup(fact->subnet ? fact->subnet : ""),
	};
}

void filter_wish_make(const struct engine *engine, struct filter_wish *ret)
{
	const struct object *object;

	*ret = (struct filter_wish){ 0 };
	map_for_each(object, &engine->objects, node)
		if (has_network(object))
			add_space(ret, object);
	ports_fill(engine, ret);
}
