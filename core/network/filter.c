/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/filter.h"

#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/network/filter_wish.h"
#include "core/network/network_egress.h"
#include "core/network/network_ports.h"
#include "core/passage/passage.h"
#include "core/state/engine.h"
#include "core/status/record.h"

enum {
	RETRY_FIRST_MS = 500,      /* after an act that failed; doubles */
	RETRY_LAST_MS = 30 * 1000, /* the longest such pause */
	TAKEN_AGAIN_MS = 5 * 1000, /* a port that another program has may be free by then */
	AWAY_RETRY_LAST_MS = 1000, /* while what was in force is away */
	PUT_BACK_EVERY_MS = 800,   /* in the long run, whatever others do: each costs some ms */
	PUT_BACKS_AT_ONCE = 4,     /* before that, without a pause */
	PUT_BACKS_AHEAD_MS =
		(PUT_BACKS_AT_ONCE - 1) * PUT_BACK_EVERY_MS, /* what these may be ahead */
	PORTS_A_MS = 100, /* an act takes the loop half a millisecond for so many: it rests twice as
			     long, so that many cells that come up share one */
};

/* ---- what came of it ---- */

static void note_space(struct engine *engine, const struct filter_space *space)
{
	struct object *object = engine_find(engine, space->key);
	AUTO_FREE char *text = space->problem ? NULL
					      : object_filter_text(space->bridge, space->subnet,
								   space->subnet6, space->denies);

	if (!object)
		return;
	if (str_equal(object->backing.filtered, text) &&
	    str_equal(object->backing.filter_problem, space->problem))
		return;
	if (space->problem)
		log_warning("%s", space->problem);
	str_replace(&object->backing.filtered, text);
	str_replace(&object->backing.filter_problem, space->problem);
	object->backing.filter_missing = false;
	engine_enqueue(engine, object);
	passage_mark_stale(engine);
}

/* What was in force is so no more: no cell starts or joins until it is again. */
static void note_missing(struct engine *engine)
{
	struct object *object;

	engine->filter->away = engine->filter->away_again = true;
	map_for_each(object, &engine->spaces, space_node) {
		if (!object->backing.filtered)
			continue;
		str_replace(&object->backing.filtered, NULL);
		object->backing.filter_missing = true;
		engine_enqueue(engine, object);
	}
}

/* They let what the filter speaks of pass. */
static void tell_managers(const struct engine *engine)
{
	const struct filter_wish *wish = engine->filter->wish;
	AUTO(strv_fini) struct strv bridges = { 0 };

	if (!engine->managers)
		return;
	for (size_t i = 0; i < wish->n_spaces; i++)
		if (!wish->spaces[i].problem)
			strv_add(&bridges, wish->spaces[i].bridge);
	engine->managers->ops->set_bridges(engine->managers, &bridges);
}

static void succeeded(struct engine *engine)
{
	struct filter *filter = engine->filter;

	if (filter->failures)
		log_info("the packet filter is as it shall be again");
	filter->failures = 0;
	filter->problem = (struct error){ 0 };
	filter->applied++;
	filter->rests_until_ms = loop_now_ms(engine->loop) + filter->wish->n_ports / PORTS_A_MS;
	filter->away = filter->away_again;
	tell_managers(engine);
	for (size_t i = 0; !filter->away && i < filter->wish->n_spaces; i++)
		note_space(engine, &filter->wish->spaces[i]);
	if (ports_note(engine, filter->wish))
		one_act_again_in(&filter->act, TAKEN_AGAIN_MS);
}

/* What is in the kernel nobody knows now: no space is isolated for certain. */
static void failed(struct engine *engine, const struct error *err)
{
	struct filter *filter = engine->filter;
	const struct backoff backoff = { RETRY_FIRST_MS,
					 filter->away ? AWAY_RETRY_LAST_MS : RETRY_LAST_MS };
	struct object *object;

	if (!str_equal(filter->problem.msg, err->msg) && filter->wish->n_spaces) {
		log_warning("%s", err->msg);
		record_filter_failed(engine, err);
	}
	filter->problem = *err;
	filter->act.not_before_ms =
		loop_now_ms(engine->loop) + backoff_ms(&backoff, filter->failures++);
	filter->act.stale = true;
	map_for_each(object, &engine->spaces, space_node) {
		str_replace(&object->backing.filtered, NULL);
		str_replace(&object->backing.filter_problem, err->msg);
		object->backing.filter_missing = false;
		engine_enqueue(engine, object);
	}
}

static void wish_free(struct filter *filter)
{
	if (!filter->wish)
		return;
	filter_wish_fini(filter->wish);
	free(filter->wish);
	filter->wish = NULL;
}

static void on_applied(struct call *call)
{
	struct filter *filter = container_of(call, struct filter, call);
	struct engine *engine = filter->act.engine;

	if (one_act_ends(&filter->act)) {
		if (call->status < 0)
			failed(engine, &call->err);
		else
			succeeded(engine);
		if (filter->act.stale)
			one_act_soon(&filter->act, filter->rests_until_ms);
	}
	wish_free(filter);
	progress_made(&engine->progress);
	pending_end(&engine->under_way);
}

/* ---- when ---- */

static void apply(struct engine *engine)
{
	struct filter *filter = engine->filter;

	ports_settle(engine);
	if (!one_act_may_begin(&filter->act) || !filter_wish_is_known(engine))
		return; /* stale again when it is */
	egress_update(engine);
	if (!filter->applied && !egress_is_known(engine))
		return;
	one_act_begins(&filter->act);
	filter->away_again = false;
	filter->wish = xnew(struct filter_wish);
	filter_wish_make(engine, filter->wish);
	call_init(&filter->call, engine->loop, on_applied);
	engine->network->ops->filter_apply(engine->network, filter->wish, &filter->call);
}

/* Says it once for each time that others change it in a row. */
static void tell_disturbed(struct engine *engine, bool first, bool waits)
{
	struct filter *filter = engine->filter;

	if (first) {
		log_warning("another hand changed the packet filter; it is put back");
		record_filter(engine, RECORD_FILTER_RESTORED);
		filter->contested = false;
	}
	if (waits && !filter->contested) {
		log_warning("another tool changes the packet filter again and again");
		record_filter(engine, RECORD_FILTER_CONTESTED);
		filter->contested = true;
	}
}

/* Each put-back takes its share of the time: so many may go ahead of it. */
void filter_disturbed(struct engine *engine)
{
	struct filter *filter = engine->filter;
	uint64_t now_ms = loop_now_ms(engine->loop);
	bool first = filter->paid_until_ms <= now_ms;

	note_missing(engine);
	if (filter->act.not_before_ms > now_ms)
		return; /* it is to be put back as it is */
	if (first)
		filter->paid_until_ms = now_ms;
	if (filter->paid_until_ms > now_ms + PUT_BACKS_AHEAD_MS)
		filter->act.not_before_ms = filter->paid_until_ms - PUT_BACKS_AHEAD_MS;
	filter->paid_until_ms += PUT_BACK_EVERY_MS;
	tell_disturbed(engine, first, filter->act.not_before_ms > now_ms);
	filter_mark_stale(engine);
}

/* ---- life ---- */

void filter_init(struct engine *engine)
{
	engine->filter = xnew(struct filter);
	one_act_init(&engine->filter->act, engine, apply);
}

void filter_stop(struct engine *engine)
{
	one_act_stop(&engine->filter->act);
}

void filter_fini(struct engine *engine)
{
	check(!engine->filter->act.busy);
	filter_stop(engine);
	wish_free(engine->filter);
	free(take_ptr(engine->filter));
}
