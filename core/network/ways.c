/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/ways.h"

#include "core/base/log.h"
#include "core/network/bridges.h"
#include "core/network/joins.h"
#include "core/state/engine.h"
#include "core/status/record.h"

enum {
	REST_MS = 100,               /* a burst of changes is looked at once */
	RETRY_MS = 1000,             /* after a look that failed */
	AGAIN_MS = 5000,             /* while something is in the way */
	FIGHT_WITHIN_MS = 10 * 1000, /* turned off again after that is no fight */
	FIGHTS_AT_ONCE = 5,          /* turned on again without a pause; then after RETRY_MS */
};

/* ---- what is asked ---- */

static bool has_network(const struct object *object)
{
	return object->backing.exists && object->backing.space.bridge;
}

static void add_range(struct ranges *ranges, const char *text, size_t tag)
{
	unsigned prefix;
	struct ip ip;

	if (text && ip_parse_range(text, &ip, &prefix))
		ranges_add(ranges, &ip, prefix, tag);
}

static void add_space(struct engine *engine, const struct object *object)
{
	struct ways *ways = engine->ways;
	const struct space_fact *fact = &object->backing.space;
	struct host_ways *wish = ways->wish;

	add_range(&ways->ranges, fact->subnet, wish->n_spaces);
	add_range(&ways->ranges, fact->subnet6, wish->n_spaces);
	wish->spaces[wish->n_spaces++] =
		(struct ways_space){ .key = xstrdup(object->key),
				     .bridge = xstrdup(fact->bridge),
				     .subnet = xstrdup(fact->subnet ? fact->subnet : ""),
				     .subnet6 = xstrdup_maybe(fact->subnet6),
				     .used = bridges_has(engine, fact->bridge) };
}

static void make_wish(struct engine *engine)
{
	struct ways *ways = engine->ways;
	const struct object *object;
	size_t n = 0;

	ranges_fini(&ways->ranges);
	ways->wish = xnew(struct host_ways);
	ways->wish->keep = ways->fix || !ways->leaves;
	ways->wish->bridges_doubted = ways->fix || ways->bridges_doubted;
	ways->fix = ways->bridges_doubted = false;
	map_for_each(object, &engine->spaces, space_node)
		n += has_network(object);
	ways->wish->spaces = xcalloc(n + 1, sizeof(*ways->wish->spaces));
	map_for_each(object, &engine->spaces, space_node)
		if (has_network(object))
			add_space(engine, object);
	ranges_settle(&ways->ranges);
}

static void wish_free(struct ways *ways)
{
	if (ways->wish)
		host_ways_fini(ways->wish);
	free(ways->wish);
	ways->wish = NULL;
}

/* ---- what came of it ---- */

/* Those that were not placed in it, or may not be any more. */
static void enqueue_below(struct engine *engine, const struct object *space)
{
	AUTO_FREE char *prefix = xasprintf("%s/", space->key);
	struct map_node *node = map_find_from(&engine->objects, prefix);

	for (; node && str_starts_with(node->key, prefix); node = map_next(node))
		engine_enqueue(engine, map_entry(node, struct object, node));
	joins_space_changed(engine, space);
}

static void note_space(struct engine *engine, const struct ways_space *space)
{
	struct object *object = engine_find(engine, space->key);
	AUTO_FREE char *text =
		object_filter_text(space->bridge, space->subnet, space->subnet6, false);
	bool could;

	if (!object || (str_equal(object->backing.routed, text) &&
			str_equal(object->backing.overlap, space->overlap) &&
			object->backing.unreachable == space->unreachable))
		return;
	could = !object->backing.unreachable;
	str_replace(&object->backing.routed, text);
	str_replace(&object->backing.overlap, space->overlap);
	object->backing.unreachable = space->unreachable;
	engine_enqueue(engine, object);
	if (could != !space->unreachable)
		enqueue_below(engine, object);
}

/* The host's own switches. What is turned again and again is told once. */
static void note_switches(struct engine *engine)
{
	struct ways *ways = engine->ways;
	const struct strv *mended = &ways->wish->mended;
	uint64_t now_ms = loop_now_ms(engine->loop);

	ways->forwards = ways->wish->forwards;
	if (ways->wish->off && !str_equal(ways->off, ways->wish->off)) {
		log_warning("%s", ways->wish->off);
		record_forwarding(engine, RECORD_FORWARDING_OFF, ways->wish->off);
	}
	str_replace(&ways->off, ways->wish->off);
	if (!mended->n)
		return;
	if (now_ms > ways->mended_ms + FIGHT_WITHIN_MS)
		ways->mends = 0;
	ways->mended_ms = now_ms;
	ways->mends++;
	for (size_t i = 0; i < mended->n && ways->mends == 1; i++) {
		log_warning("%s", mended->items[i]);
		record_forwarding(engine, RECORD_FORWARDING_RESTORED, mended->items[i]);
	}
}

static void succeeded(struct engine *engine)
{
	struct ways *ways = engine->ways;

	if (ways->problem.code)
		log_info("the host's routes can be looked at again");
	ways->problem = (struct error){ 0 };
	ways->overlaps = false;
	ways->looks++;
	for (size_t i = 0; i < ways->wish->n_spaces; i++) {
		note_space(engine, &ways->wish->spaces[i]);
		ways->overlaps |= ways->wish->spaces[i].overlap != NULL;
	}
	note_switches(engine);
}

static uint64_t pause_ms(const struct ways *ways, int status)
{
	return status < 0 || ways->mends > FIGHTS_AT_ONCE ? RETRY_MS : REST_MS;
}

/* What was seen before stands. */
static void failed(struct engine *engine, const struct error *err)
{
	struct ways *ways = engine->ways;

	if (!str_equal(ways->problem.msg, err->msg))
		log_warning("%s", err->msg);
	ways->problem = *err;
	ways->act.stale = true;
}

static void on_looked(struct call *call)
{
	struct ways *ways = container_of(call, struct ways, call);
	struct engine *engine = ways->act.engine;

	if (one_act_ends(&ways->act)) {
		if (call->status < 0)
			failed(engine, &call->err);
		else
			succeeded(engine);
		ways->act.not_before_ms = loop_now_ms(engine->loop) + pause_ms(ways, call->status);
		if (ways->act.stale)
			one_act_soon(&ways->act, 0);
		else if (ways->overlaps) /* cells wait for it to go: no event is relied upon */
			one_act_again_in(&ways->act, AGAIN_MS);
	}
	wish_free(ways);
	progress_made(&engine->progress);
	pending_end(&engine->under_way);
}

/* ---- when ---- */

static void look(struct engine *engine)
{
	struct ways *ways = engine->ways;

	if (!one_act_may_begin(&ways->act) || !engine->relisted.network)
		return; /* stale again when it is */
	one_act_begins(&ways->act);
	make_wish(engine);
	call_init(&ways->call, engine->loop, on_looked);
	engine->network->ops->look_ways(engine->network, ways->wish, &ways->call);
}

void ways_mark_stale(struct engine *engine)
{
	engine->ways->act.stale = true;
	one_act_soon(&engine->ways->act, 0);
}

void ways_mark_switches_stale(struct engine *engine)
{
	engine->ways->bridges_doubted = true;
	ways_mark_stale(engine);
}

void ways_fix(struct engine *engine)
{
	engine->ways->fix = true;
	engine->ways->act.not_before_ms = 0;
	ways_mark_stale(engine);
}

bool ways_are_stale(const struct engine *engine)
{
	return engine->ways->act.busy || engine->ways->act.stale;
}

bool ways_have(const struct engine *engine, const struct ip *ip, unsigned prefix)
{
	return ranges_next(&engine->ways->ranges, NULL, ip, prefix) != NULL;
}

/* ---- life ---- */

void ways_init(struct engine *engine, bool leaves)
{
	engine->ways = xnew(struct ways);
	one_act_init(&engine->ways->act, engine, look);
	engine->ways->leaves = leaves;
}

void ways_stop(struct engine *engine)
{
	one_act_stop(&engine->ways->act);
}

void ways_fini(struct engine *engine)
{
	check(!engine->ways->act.busy);
	ways_stop(engine);
	wish_free(engine->ways);
	ranges_fini(&engine->ways->ranges);
	free(engine->ways->off);
	free(take_ptr(engine->ways));
}
