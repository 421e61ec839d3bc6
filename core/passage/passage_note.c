/* SPDX-License-Identifier: Apache-2.0 */
#include "core/passage/passage_private.h"

#include "core/base/log.h"
#include "core/state/engine.h"

/* In a row: told, though something changes all the time. */
enum { LOSSES_MAX = 5 };

static void set_verdict(struct engine *engine, struct object *object,
			const struct traffic_space *space)
{
	struct space_passage *known = &object->backing.passage;

	if (str_equal(known->blocked, space->blocked) && str_equal(known->shut, space->shut))
		return;
	if (space->blocked)
		log_warning("space %s: %s", object->key, space->blocked);
	else if (known->blocked)
		log_info("space %s: its packets pass again", object->key);
	str_replace(&known->blocked, space->blocked);
	str_replace(&known->remedy, space->remedy);
	str_replace(&known->shut, space->shut);
	str_replace(&known->shut_remedy, space->shut_remedy);
	engine_enqueue(engine, object);
}

/* Lost, twice in a row with nothing changed between; or again and again. */
static bool is_certain(const struct engine *engine, const struct space_passage *known)
{
	return known->losses >= LOSSES_MAX ||
	       (known->losses > 1 && known->at == engine->passage->asked_at);
}

static void note_loss(struct engine *engine, struct object *object,
		      const struct traffic_space *space)
{
	struct space_passage *known = &object->backing.passage;

	if (str_equal(known->blocked, space->blocked) && str_equal(known->shut, space->shut)) {
		str_replace(&known->suspected, NULL);
		known->losses = 0;
		return;
	}
	str_replace(&known->suspected, space->blocked ? space->blocked : space->shut);
	known->losses++;
	if (is_certain(engine, known)) {
		set_verdict(engine, object, space);
		str_replace(&known->suspected, NULL);
		known->losses = 0;
	}
	known->at = engine->passage->asked_at;
}

void passage_note_space(struct engine *engine, const struct traffic_space *space)
{
	struct object *object = engine_find(engine, space->key);
	struct space_passage *known = object ? &object->backing.passage : NULL;

	if (!known || !space->asked)
		return;
	engine->passage->asked++;
	known->asked = true;
	if (space->blocked || space->shut) {
		note_loss(engine, object, space);
	} else {
		str_replace(&known->suspected, NULL);
		known->losses = 0;
		set_verdict(engine, object, space);
	}
}

void passage_forget_space(struct engine *engine, struct object *object)
{
	static const struct traffic_space nothing = { 0 };
	struct space_passage *known = &object->backing.passage;

	str_replace(&known->suspected, NULL);
	known->losses = 0;
	known->asked = false;
	set_verdict(engine, object, &nothing);
}

void passage_note_impossible(struct engine *engine, const char *why)
{
	struct passage *passage = engine->passage;
	struct object *object;

	if (why && !passage->told)
		log_info("whether packets of cells come through cannot be tried: %s", why);
	passage->told |= why != NULL;
	str_replace(&passage->impossible, why);
	if (!why)
		return;
	passage->left = 0;
	map_for_each(object, &engine->spaces, space_node)
		if (passage_is_marked(&object->backing.passage))
			passage_forget_space(engine, object);
}
