/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/passage.h"

#include "core/base/log.h"
#include "core/state/engine.h"

enum {
	REST_MS = 250,         /* rules and routes come in rows: asked when one is over, */
	LATE_MS = 1500,        /* and never later than that after its first */
	AGAIN_MS = 400,        /* what was lost once, when nothing has changed since */
	REST_OF_ALL_MS = 5000, /* between two parts of all spaces, after a change */
	STILL_MS = 10 * 1000,  /* while something does not pass */
	RETRY_MS = 5000,       /* what could not be asked */
	SPACES_AT_ONCE = 16,
	FRESH_MS = 2000,       /* what somebody who looks is told may be so old */
	LOSSES_MAX = 5,        /* in a row: told, though something changes all the time */
	ROUND_EVERY_MS = 2000, /* in the long run, whatever changes: a round costs some ms */
	ROUNDS_AT_ONCE = 4,    /* before that, without a pause */
	ROUNDS_AHEAD_MS = (ROUNDS_AT_ONCE - 1) * ROUND_EVERY_MS,
};

static bool is_told(const struct space_passage *known)
{
	return known->blocked || known->shut;
}

static bool is_marked(const struct space_passage *known)
{
	return known->suspected || is_told(known);
}

/* ---- what came of it ---- */

static void set_verdict(struct engine *engine, struct object *object,
			const struct traffic_space *space)
{
	struct space_passage *known = &object->own.passage;

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
	engine_touch(engine, object);
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
	struct space_passage *known = &object->own.passage;

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

static void note_space(struct engine *engine, const struct traffic_space *space)
{
	struct object *object = engine_find(engine, space->key);
	struct space_passage *known = object ? &object->own.passage : NULL;

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

/* Nothing is known of what cannot be asked any more. */
static void forget_space(struct engine *engine, struct object *object)
{
	static const struct traffic_space nothing = { 0 };
	struct space_passage *known = &object->own.passage;

	str_replace(&known->suspected, NULL);
	known->losses = 0;
	known->asked = false;
	set_verdict(engine, object, &nothing);
}

static void note_impossible(struct engine *engine, const char *why)
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
		if (is_marked(&object->own.passage))
			forget_space(engine, object);
}

/* ---- which ---- */

static bool has_room(const struct passage *passage)
{
	return passage->wish->n_spaces < SPACES_AT_ONCE;
}

static bool is_wished(const struct traffic *wish, const struct object *space)
{
	for (size_t i = 0; i < wish->n_spaces; i++)
		if (str_equal(wish->spaces[i].key, space->key))
			return true;
	return false;
}

static bool add_space(struct engine *engine, struct object *space)
{
	const struct object *cell = passage_cell_of(space);

	if (cell && !is_wished(engine->passage->wish, space))
		passage_add_space(engine->passage->wish, space, cell);
	else if (!cell && is_marked(&space->own.passage))
		forget_space(engine, space);
	return cell;
}

/* Those in doubt, then the next ones of the row that everybody is in. */
static void add_marked(struct engine *engine)
{
	struct object *object;

	if (!engine->passage->marked)
		return;
	map_for_each(object, &engine->spaces, space_node)
		if (is_marked(&object->own.passage) && has_room(engine->passage))
			add_space(engine, object);
}

/* And those that rules of others have spoken of since. */
static void add_named(struct engine *engine)
{
	struct passage *passage = engine->passage;
	struct object *object;

	if (!passage->named.n)
		return;
	map_for_each(object, &engine->spaces, space_node)
		if (object->own.space.bridge && has_room(passage) &&
		    strv_has(&passage->named, object->own.space.bridge))
			add_space(engine, object);
	strv_fini(&passage->named);
}

/* No key comes between @cursor, which may be gone, and the one looked for. */
static struct object *next_in_row(const struct engine *engine, const char *cursor)
{
	AUTO_FREE char *behind = cursor ? xasprintf("%s\x01", cursor) : NULL;

	return map_entry(behind ? map_find_from(&engine->spaces, behind)
				: map_first(&engine->spaces),
			 struct object, space_node);
}

static void add_row(struct engine *engine)
{
	struct passage *passage = engine->passage;

	while (passage->left && has_room(passage)) {
		struct object *space = next_in_row(engine, passage->cursor);

		if (!space && !passage->cursor)
			passage->left = 0;
		if (!space) {
			str_replace(&passage->cursor, NULL);
			continue;
		}
		add_space(engine, space);
		str_replace(&passage->cursor, space->key);
		passage->left--;
	}
}

/* ---- when ---- */

static void on_due(struct timer *timer);

/* Sooner than it is due already, or not at all. */
static void due_in(struct engine *engine, uint64_t ms)
{
	struct passage *passage = engine->passage;
	uint64_t at_ms = loop_now_ms(engine->loop) + ms;

	if (engine->closing || passage->busy || !engine->looked.network)
		return;
	if (!timer_active(&passage->due) || passage->due.due_ms > at_ms)
		timer_start_at(engine->loop, &passage->due, at_ms, on_due);
}

/* What is forgotten meanwhile is counted no more. */
static void count_marked(struct engine *engine)
{
	struct passage *passage = engine->passage;
	const struct object *object;

	passage->marked = passage->suspected = 0;
	map_for_each(object, &engine->spaces, space_node) {
		passage->marked += is_marked(&object->own.passage);
		passage->suspected += object->own.passage.suspected != NULL;
	}
}

static uint64_t after_change_ms(const struct engine *engine)
{
	const struct passage *passage = engine->passage;
	uint64_t now_ms = loop_now_ms(engine->loop), at_ms = now_ms + REST_MS,
		 late_ms = passage->since_ms + LATE_MS;

	if (at_ms > late_ms)
		at_ms = late_ms > now_ms ? late_ms : now_ms;
	if (passage->paid_until_ms > at_ms + ROUNDS_AHEAD_MS)
		at_ms = passage->paid_until_ms - ROUNDS_AHEAD_MS;
	return at_ms - now_ms;
}

static void plan_next(struct engine *engine)
{
	struct passage *passage = engine->passage;

	timer_stop(&passage->due);
	count_marked(engine);
	passage->hurry &= passage->left > 0;
	if (passage->doubted)
		due_in(engine, after_change_ms(engine));
	if (passage->impossible)
		return;
	if (passage->suspected)
		due_in(engine, AGAIN_MS);
	if (passage->left)
		due_in(engine, passage->hurry ? 0 : REST_OF_ALL_MS);
	if (passage->marked)
		due_in(engine, STILL_MS);
}

static void wish_free(struct passage *passage)
{
	if (passage->wish)
		traffic_fini(passage->wish);
	free(passage->wish);
	passage->wish = NULL;
}

static void on_asked(struct call *call)
{
	struct engine *engine = container_of(call, struct passage, call)->engine;
	struct passage *passage = engine->passage;

	passage->busy = false;
	if (engine->closing) {
		wish_free(passage);
		pending_end(&engine->under_way);
		return;
	}
	if (call->status < 0) {
		log_debug("%s", call->err.msg);
	} else {
		passage->rounds++;
		note_impossible(engine, passage->wish->impossible);
		for (size_t i = 0; i < passage->wish->n_spaces; i++)
			note_space(engine, &passage->wish->spaces[i]);
	}
	wish_free(passage);
	plan_next(engine);
	if (call->status < 0)
		due_in(engine, RETRY_MS);
	pending_end(&engine->under_way);
}

/* A change costs its share of the time: so many may go ahead of it. */
static void pay(struct engine *engine)
{
	struct passage *passage = engine->passage;
	uint64_t now_ms = loop_now_ms(engine->loop);

	if (passage->paid_until_ms < now_ms)
		passage->paid_until_ms = now_ms;
	passage->paid_until_ms += ROUND_EVERY_MS;
}

static void on_due(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct passage, due)->engine;
	struct passage *passage = engine->passage;

	if (passage->busy || engine->closing)
		return;
	if (passage->doubted) {
		pay(engine);
		passage->left = engine->spaces.count;
	}
	passage->doubted = false;
	passage->asked_at = passage->changes;
	passage->round_ms = loop_now_ms(engine->loop);
	passage->wish = xnew(struct traffic);
	add_marked(engine);
	add_named(engine);
	add_row(engine);
	if (!passage->wish->n_spaces) {
		wish_free(passage);
		plan_next(engine);
		return;
	}
	passage->busy = true;
	pending_begin(&engine->under_way);
	call_init(&passage->call, engine->loop, on_asked);
	engine->network->ops->probe(engine->network, passage->wish, &passage->call);
}

void passage_doubt(struct engine *engine)
{
	struct passage *passage = engine->passage;

	passage->changes++;
	if (!passage->doubted)
		passage->since_ms = loop_now_ms(engine->loop);
	passage->doubted = true;
	if (passage->busy || engine->closing || !engine->looked.network)
		return; /* the filter, which comes after the first look, doubts it again */
	timer_start(engine->loop, &passage->due, after_change_ms(engine), on_due);
}

void passage_doubt_rules(struct engine *engine, const char *bridge)
{
	struct strv *named = &engine->passage->named;

	if (bridge && named->n < SPACES_AT_ONCE && !strv_has(named, bridge))
		strv_add(named, bridge);
	passage_doubt(engine);
}

void passage_refresh(struct engine *engine)
{
	struct passage *passage = engine->passage;

	if (passage->impossible || loop_now_ms(engine->loop) < passage->round_ms + FRESH_MS)
		return;
	if (passage->left < SPACES_AT_ONCE)
		passage->left = SPACES_AT_ONCE;
	due_in(engine, 0);
}

void passage_ask(struct engine *engine)
{
	struct passage *passage = engine->passage;

	passage->paid_until_ms = 0;
	passage_doubt(engine);
	passage->hurry = true;
	due_in(engine, 0);
}

bool passage_is_doubted(const struct engine *engine)
{
	const struct passage *passage = engine->passage;

	return passage->busy || passage->doubted || passage->suspected || passage->hurry;
}

bool passage_is_known(const struct engine *engine)
{
	const struct object *object;
	bool any = false;

	map_for_each(object, &engine->spaces, space_node) {
		if (!passage_cell_of(object))
			continue;
		if (!object->own.passage.asked)
			return false;
		any = true;
	}
	return any;
}

/* ---- life ---- */

void passage_init(struct engine *engine)
{
	engine->passage = xnew(struct passage);
	engine->passage->engine = engine;
}

void passage_stop(struct engine *engine)
{
	timer_stop(&engine->passage->due);
}

void passage_fini(struct engine *engine)
{
	check(!engine->passage->busy);
	passage_stop(engine);
	wish_free(engine->passage);
	strv_fini(&engine->passage->named);
	free(engine->passage->cursor);
	free(engine->passage->impossible);
	free(take_ptr(engine->passage));
}
