/* SPDX-License-Identifier: Apache-2.0 */
#include "core/passage/passage_private.h"

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
	ROUND_EVERY_MS = 2000, /* in the long run, whatever changes: a round costs some ms */
	ROUNDS_AT_ONCE = 4,    /* before that, without a pause */
	ROUNDS_AHEAD_MS = (ROUNDS_AT_ONCE - 1) * ROUND_EVERY_MS, /* what these may be ahead */
};

bool passage_is_told(const struct space_passage *known)
{
	return known->blocked || known->shut;
}

bool passage_is_marked(const struct space_passage *known)
{
	return known->suspected || passage_is_told(known);
}

/* ---- what came of it ---- */

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
	else if (!cell && passage_is_marked(&space->backing.passage))
		passage_forget_space(engine, space);
	return cell;
}

/* Those under suspicion, then the next ones of the row that everybody is in. */
static void add_marked(struct engine *engine)
{
	struct object *object;

	if (!engine->passage->marked)
		return;
	map_for_each(object, &engine->spaces, space_node)
		if (passage_is_marked(&object->backing.passage) && has_room(engine->passage))
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
		if (object->backing.space.bridge && has_room(passage) &&
		    strv_has(&passage->named, object->backing.space.bridge))
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

	if (engine->closing || passage->busy || !engine->relisted.network)
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
		passage->marked += passage_is_marked(&object->backing.passage);
		passage->suspected += object->backing.passage.suspected != NULL;
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
	progress_made(&engine->progress);
	passage->hurry &= passage->left > 0;
	if (passage->stale)
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
		passage_note_impossible(engine, passage->wish->impossible);
		for (size_t i = 0; i < passage->wish->n_spaces; i++)
			passage_note_space(engine, &passage->wish->spaces[i]);
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
	if (passage->stale) {
		pay(engine);
		passage->left = engine->spaces.count;
	}
	passage->stale = false;
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

void passage_mark_stale(struct engine *engine)
{
	struct passage *passage = engine->passage;

	passage->changes++;
	if (!passage->stale)
		passage->since_ms = loop_now_ms(engine->loop);
	passage->stale = true;
	if (passage->busy || engine->closing || !engine->relisted.network)
		return; /* the filter, which comes after the first look, marks it stale again */
	timer_start(engine->loop, &passage->due, after_change_ms(engine), on_due);
}

void passage_mark_rules_stale(struct engine *engine, const char *bridge)
{
	struct strv *named = &engine->passage->named;

	if (bridge && named->n < SPACES_AT_ONCE && !strv_has(named, bridge))
		strv_add(named, bridge);
	passage_mark_stale(engine);
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
	passage_mark_stale(engine);
	passage->hurry = true;
	due_in(engine, 0);
}

bool passage_is_stale(const struct engine *engine)
{
	const struct passage *passage = engine->passage;

	return passage->busy || passage->stale || passage->suspected || passage->hurry;
}

bool passage_is_known(const struct engine *engine)
{
	const struct object *object;
	bool any = false;

	map_for_each(object, &engine->spaces, space_node) {
		if (!passage_cell_of(object))
			continue;
		if (!object->backing.passage.asked)
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
