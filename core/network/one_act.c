/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/one_act.h"

#include "core/state/engine.h"

static void on_soon(struct deferred *deferred)
{
	struct one_act *act = container_of(deferred, struct one_act, soon);

	act->begin(act->engine);
}

static void on_later(struct timer *timer)
{
	struct one_act *act = container_of(timer, struct one_act, later);

	act->begin(act->engine);
}

void one_act_init(struct one_act *act, struct engine *engine, void (*begin)(struct engine *engine))
{
	act->engine = engine;
	act->begin = begin;
}

void one_act_soon(struct one_act *act, uint64_t rests_until_ms)
{
	struct loop *loop = act->engine->loop;
	uint64_t at_ms = act->not_before_ms > rests_until_ms ? act->not_before_ms : rests_until_ms;

	if (act->busy || act->engine->closing)
		return;
	if (at_ms > loop_now_ms(loop))
		timer_start_at(loop, &act->later, at_ms, on_later);
	else
		loop_defer(loop, &act->soon, on_soon);
}

void one_act_again_in(struct one_act *act, uint64_t ms)
{
	timer_start(act->engine->loop, &act->later, ms, on_later);
}

bool one_act_may_begin(struct one_act *act)
{
	one_act_stop(act);
	return !act->busy && !act->engine->closing;
}

void one_act_begins(struct one_act *act)
{
	act->busy = true;
	act->stale = false;
	pending_begin(&act->engine->under_way);
}

bool one_act_ends(struct one_act *act)
{
	act->busy = false;
	return !act->engine->closing;
}

void one_act_stop(struct one_act *act)
{
	deferred_cancel(&act->soon);
	timer_stop(&act->later);
}
