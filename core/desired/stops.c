/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/stops.h"

#include "core/desired/asked.h"
#include "core/plan/plan_cell.h"

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Until when its end may come of what was sent. A signal that may not have been sent counts. */
static uint64_t may_stop_until_ms(const struct container *c, uint64_t now_ms)
{
	uint64_t sent_ms = c->stop_sent_ms ? c->stop_sent_ms : now_ms;
	uint64_t killed_ms = later_of(c->kill_sent_ms, c->object->cgroup_killed_ms);
	uint64_t until_ms = sent_ms + c->stop_grace_ms;

	return killed_ms ? later_of(until_ms, killed_ms + PLAN_KILL_LAST_MS) : until_ms;
}

static void end_stop(struct engine *engine, struct container *c)
{
	uint64_t now_ms = loop_now_ms(engine->loop);

	c->may_stop_until_ms = later_of(c->may_stop_until_ms, may_stop_until_ms(c, now_ms));
	c->stopping = c->exited;
	asked_withdraw(engine, c, c->may_stop_until_ms);
	container_forget_signals(c);
}

/* This run, not the one that ended before it. */
static bool is_asked_to_end(const struct container *c)
{
	return c->stop_sent_ms || c->kill_sent_ms || (c->stopping && !c->exited);
}

/* What is being looked at, or worked on, is judged when that has ended. */
static bool is_settled(const struct container *c)
{
	return c->slot.known && !c->slot.busy;
}

static void end_stops(struct engine *engine, struct object *object)
{
	const struct container *root = cell_root(object);
	struct container *c;

	if (!root || !root->slot.known)
		return;
	list_for_each(c, &object->cell.containers, link)
		if (is_asked_to_end(c) && container_lives(c) && is_settled(c) &&
		    !container_goes(object, c))
			end_stop(engine, c);
	if (!container_goes(object, root))
		object->cgroup_killed_ms = object->cgroup_kills = 0;
}

void stops_end_unwanted(struct engine *engine, struct object *object)
{
	if (object->kind == KIND_CELL)
		end_stops(engine, object);
	else if (object->wanted)
		object->cgroup_killed_ms = object->cgroup_kills = 0;
}
