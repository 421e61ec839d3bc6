/* SPDX-License-Identifier: Apache-2.0 */
#include "core/doctor/doctor.h"

#include "core/network/joins.h"

static enum standing orphan(char *why, char **ret_message)
{
	*ret_message = why;
	return STANDING_ORPHAN;
}

static enum standing owned(const struct object *object, char *owner, char **ret_owner,
			   char **ret_message, bool wanted)
{
	*ret_owner = owner ? owner : xstrdup(object->key);
	if (wanted)
		return STANDING_OWNED;
	*ret_message = xstrdup("its owner is being taken down");
	return STANDING_GOING;
}

static bool is_changing(const struct object *cell)
{
	return cell->cell.network.busy || (cell->cell.intent && !cell->cell.attached);
}

/* What it has may not be on record yet. */
static bool is_unsettled(const struct object *cell)
{
	return is_changing(cell) || (cell->cell.pinned && !cell->cell.attached);
}

/* Between its making and the record of what was made, it is of one of those that are being attached
 * or detached. */
static enum standing judge_unnamed(struct engine *engine, const struct host_thing *thing,
				   char **ret_owner, char **ret_message)
{
	AUTO_FREE char *prefix = xasprintf("%s/", thing->owner);
	struct map_node *node = map_find_from(&engine->objects, prefix);
	const struct object *cell = engine_find(engine, thing->owner);

	if (cell && cell->kind == KIND_CELL && is_unsettled(cell))
		return owned(cell, NULL, ret_owner, ret_message, true);
	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		const struct object *object = map_entry(node, struct object, node);

		if (object->kind == KIND_CELL && is_changing(object))
			return owned(object, NULL, ret_owner, ret_message, true);
	}
	if (joins_are_changing(engine, thing->owner))
		return owned(engine_find(engine, thing->owner), NULL, ret_owner, ret_message, true);
	return orphan(xstrdup(thing->why), ret_message);
}

static enum standing judge_container(struct engine *engine, const struct host_thing *thing,
				     const struct object *cell, char **ret_owner,
				     char **ret_message)
{
	AUTO_FREE char *realm = xstrndup(cell->key, strcspn(cell->key, "/"));
	const struct container *c = engine_find_container(engine, realm, thing->id);

	if (!c)
		return orphan(xasprintf("cell %s has no container of this id", cell->key),
			      ret_message);
	return owned(cell, xasprintf("%s/%s", c->object->key, c->name), ret_owner, ret_message,
		     c->spec || cell->wanted);
}

static enum standing judge_missing(const struct host_thing *thing, char **ret_message)
{
	return orphan(
		xasprintf("there is no %s %s", kind_name(key_kind(thing->owner)), thing->owner),
		ret_message);
}

enum standing doctor_judge(struct engine *engine, const struct host_thing *thing, char **ret_owner,
			   char **ret_message)
{
	const struct object *object;

	*ret_owner = *ret_message = NULL;
	if (thing->in_use) {
		*ret_owner = xstrdup("kukeond");
		return STANDING_OWNED;
	}
	if (!thing->owner)
		return orphan(xstrdup(thing->why ? thing->why : ""), ret_message);
	object = engine_find(engine, thing->owner);
	if (!object)
		return judge_missing(thing, ret_message);
	if (thing->unnamed)
		return judge_unnamed(engine, thing, ret_owner, ret_message);
	if (thing->id)
		return judge_container(engine, thing, object, ret_owner, ret_message);
	return owned(object, NULL, ret_owner, ret_message, object->wanted);
}
