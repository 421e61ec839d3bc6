/* SPDX-License-Identifier: Apache-2.0 */
#include "core/filter.h"

#include "core/base/log.h"
#include "core/egress.h"
#include "core/engine.h"
#include "core/filter_wish.h"
#include "core/ports.h"
#include "core/reconcile.h"
#include "core/tell.h"

enum {
	RETRY_FIRST_MS = 500,
	RETRY_LAST_MS = 30 * 1000,
	TAKEN_AGAIN_MS = 5 * 1000,   /* a port that another program has may be free by then */
	FIGHT_WITHIN_MS = 10 * 1000, /* changes further apart are no fight */
	FIGHTS_AT_ONCE = 5,          /* put back without a pause */
	FIGHT_FIRST_MS = 100,
	FIGHT_LAST_MS = 30 * 1000,
	PORTS_A_MS = 100, /* an act takes the loop half a millisecond for so many: it rests twice as
			     long, so that many cells that come up share one */
};

/* @first doubled @n times, at most @last. */
static uint64_t pause_ms(uint64_t first, uint64_t last, unsigned n)
{
	while (n-- && first < last)
		first *= 2;
	return first < last ? first : last;
}

static void on_later(struct timer *timer);

/* ---- what came of it ---- */

static void note_space(struct engine *engine, const struct filter_space *space)
{
	struct object *object = engine_find(engine, space->key);
	AUTO_FREE char *text = space->problem ? NULL
					      : object_filter_text(space->bridge, space->subnet,
								   space->subnet6, space->denies);

	if (!object)
		return;
	if (str_equal(object->own.filtered, text) &&
	    str_equal(object->own.filter_problem, space->problem))
		return;
	if (space->problem)
		log_warning("%s", space->problem);
	str_replace(&object->own.filtered, text);
	str_replace(&object->own.filter_problem, space->problem);
	engine_touch(engine, object);
}

static void succeeded(struct engine *engine)
{
	struct filter *filter = &engine->filter;

	if (filter->failures)
		log_info("the packet filter is as it shall be again");
	filter->failures = 0;
	filter->problem = (struct error){ 0 };
	filter->applied++;
	filter->rests_until_ms = loop_now_ms(engine->loop) + filter->wish->n_ports / PORTS_A_MS;
	for (size_t i = 0; i < filter->wish->n_spaces; i++)
		note_space(engine, &filter->wish->spaces[i]);
	if (ports_note(engine, filter->wish))
		timer_start(engine->loop, &filter->later, TAKEN_AGAIN_MS, on_later);
}

/* What is in the kernel nobody knows now: no space is isolated for certain. */
static void failed(struct engine *engine, const struct error *err)
{
	struct filter *filter = &engine->filter;
	struct object *object;

	if (!str_equal(filter->problem.msg, err->msg) && filter->wish->n_spaces) {
		log_warning("%s", err->msg);
		tell_filter_failed(engine, err);
	}
	filter->problem = *err;
	filter->not_before_ms = loop_now_ms(engine->loop) +
				pause_ms(RETRY_FIRST_MS, RETRY_LAST_MS, filter->failures++);
	filter->doubted = true;
	map_for_each(object, &engine->objects, node) {
		if (object->kind != KIND_SPACE)
			continue;
		str_replace(&object->own.filtered, NULL);
		str_replace(&object->own.filter_problem, err->msg);
		engine_touch(engine, object);
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

static void apply_soon(struct engine *engine);

static void on_applied(struct call *call)
{
	struct engine *engine = container_of(call, struct engine, filter.call);

	engine->filter.busy = false;
	if (engine->closing) {
		wish_free(&engine->filter);
		reconcile_check_closed(engine);
		return;
	}
	if (call->status < 0)
		failed(engine, &call->err);
	else
		succeeded(engine);
	wish_free(&engine->filter);
	if (engine->filter.doubted)
		apply_soon(engine);
}

/* ---- when ---- */

static void apply(struct engine *engine)
{
	struct filter *filter = &engine->filter;

	ports_settle(engine);
	timer_stop(&filter->later);
	deferred_cancel(&filter->soon);
	if (filter->busy || engine->closing || !filter_wish_is_known(engine))
		return; /* doubted again when it is */
	egress_update(engine);
	if (!filter->applied && !egress_is_known(engine))
		return;
	filter->busy = true;
	filter->doubted = false;
	filter->wish = xnew(struct filter_wish);
	filter_wish_make(engine, filter->wish);
	call_init(&filter->call, engine->loop, on_applied);
	engine->network->ops->filter_apply(engine->network, filter->wish, &filter->call);
}

static void on_soon(struct deferred *deferred)
{
	apply(container_of(deferred, struct engine, filter.soon));
}

static void on_later(struct timer *timer)
{
	apply(container_of(timer, struct engine, filter.later));
}

static void apply_soon(struct engine *engine)
{
	struct filter *filter = &engine->filter;
	uint64_t at_ms = filter->not_before_ms > filter->rests_until_ms ? filter->not_before_ms
									: filter->rests_until_ms;

	if (filter->busy || engine->closing)
		return;
	if (at_ms > loop_now_ms(engine->loop))
		timer_start_at(engine->loop, &filter->later, at_ms, on_later);
	else
		loop_defer(engine->loop, &filter->soon, on_soon);
}

void filter_doubt(struct engine *engine)
{
	engine->filter.doubted = true;
	apply_soon(engine);
}

void filter_disturbed(struct engine *engine)
{
	struct filter *filter = &engine->filter;
	uint64_t now_ms = loop_now_ms(engine->loop);

	if (filter->not_before_ms > now_ms)
		return; /* it is to be put back as it is */
	/* Counted from when it was put back. */
	if (filter->fought_ms < filter->not_before_ms)
		filter->fought_ms = filter->not_before_ms;
	if (now_ms > filter->fought_ms + FIGHT_WITHIN_MS)
		filter->fights = 0;
	filter->fought_ms = now_ms;
	filter->fights++;
	if (filter->fights == 1) {
		log_warning("another hand changed the packet filter; it is put back");
		tell_filter(engine, TELL_FILTER_RESTORED);
	} else if (filter->fights == FIGHTS_AT_ONCE + 1) {
		log_warning("another tool changes the packet filter again and again");
		tell_filter(engine, TELL_FILTER_CONTESTED);
	}
	if (filter->fights > FIGHTS_AT_ONCE)
		filter->not_before_ms = now_ms + pause_ms(FIGHT_FIRST_MS, FIGHT_LAST_MS,
							  filter->fights - FIGHTS_AT_ONCE - 1);
	filter_doubt(engine);
}

/* ---- life ---- */

void filter_init(struct engine *engine)
{
	engine->filter = (struct filter){ 0 };
}

void filter_stop(struct engine *engine)
{
	deferred_cancel(&engine->filter.soon);
	timer_stop(&engine->filter.later);
}

void filter_fini(struct engine *engine)
{
	check(!engine->filter.busy);
	filter_stop(engine);
	wish_free(&engine->filter);
}
