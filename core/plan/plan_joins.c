/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plan of a cell says of the further spaces that it joins. A cell that comes up waits for
 * them: its root starts when it is in each. One that runs joins and leaves as it goes, and is never
 * restarted for it. One network call works on a cell at a time.
 */
#include "core/plan/plan_cell.h"

/* Nobody declares it: it is going, or is not there at all. */
static bool space_is_unknown(const struct join *join)
{
	return !join->space || !join->space->wanted;
}

static bool can_be_joined(const struct join *join)
{
	return !space_is_unknown(join) && object_is_usable(join->space) &&
	       !object_refuses_new(join->space, join->last_ip);
}

static bool goes(const struct planning *p, const struct join *join)
{
	bool space_goes = space_is_unknown(join) && p->context->may_delete &&
			  !(join->space && join->space->kept);

	return join->intent && (!join->wanted || space_goes);
}

bool cell_joins_busy(const struct object *object)
{
	struct join *join;

	list_for_each(join, &object->cell.joins, link)
		if (join->slot.busy)
			return true;
	return false;
}

bool cell_waits_for_space(const struct object *object)
{
	struct join *join;

	list_for_each(join, &object->cell.joins, link)
		if (join->wanted && !join->attached && !can_be_joined(join))
			return true;
	return false;
}

bool cell_joins_failed(const struct object *object)
{
	struct join *join;

	list_for_each(join, &object->cell.joins, link)
		if (join->slot.failures)
			return true;
	return false;
}

bool cell_has_joined(const struct planning *p)
{
	struct join *join;

	list_for_each(join, &p->object->cell.joins, link)
		if (goes(p, join) || (join->wanted && !join->attached))
			return false;
	return true;
}

/* Adds the step, unless one that works on the cell's network is under way. */
static bool emit(struct planning *p, enum action action, struct join *join)
{
	if (p->object->cell.network.busy || cell_joins_busy(p->object) ||
	    !plan_emit(p, action, &join->slot, NULL))
		return false;
	p->plan->steps[p->plan->n_steps - 1].join = join;
	return true;
}

bool plan_leaves(struct planning *p)
{
	struct join *join;

	list_for_each(join, &p->object->cell.joins, link)
		if (goes(p, join) && emit(p, ACTION_NETWORK_LEAVE, join))
			return true;
	return false;
}

void plan_joins(struct planning *p)
{
	struct join *join;

	if (plan_leaves(p) || p->context->releasing)
		return;
	list_for_each(join, &p->object->cell.joins, link)
		if (join->wanted && !join->attached && can_be_joined(join) &&
		    emit(p, ACTION_NETWORK_JOIN, join))
			return;
}

/* ---- what is said ---- */

static void say_waiting(struct planning *p, const struct join *join)
{
	if (space_is_unknown(join))
		plan_say(p, API__STATE__STATE_PENDING, REASON_SPACE_UNKNOWN,
			 "space %s, which its containers name in networks, is declared by nobody: "
			 "declare it, or take it out there",
			 join->space_key);
	else if (!can_be_joined(join))
		plan_say(p, API__STATE__STATE_PENDING, REASON_SPACE_NOT_READY,
			 "space %s, which its containers name in networks, is not ready",
			 join->space_key);
}

static void say_on_the_way(struct planning *p, const struct join *join)
{
	if (goes(p, join))
		plan_say(p, API__STATE__STATE_PENDING, REASON_UPDATING, "it leaves space %s",
			 join->space_key);
	if (!join->wanted || join->attached)
		return;
	if (join->drift)
		plan_say(p, API__STATE__STATE_PENDING, REASON_NETWORK_DRIFTED,
			 "its network in space %s is being mended: %s", join->space_key,
			 join->drift);
	plan_say(p, API__STATE__STATE_PENDING, REASON_UPDATING, "it joins space %s",
		 join->space_key);
}

void cell_say_joins(struct planning *p)
{
	bool runs = container_runs(cell_root(p->object));
	struct join *join;

	list_for_each(join, &p->object->cell.joins, link) {
		AUTO_FREE char *what = xasprintf("space %s", join->space_key);

		plan_say_failure(p, &join->slot, what);
	}
	list_for_each(join, &p->object->cell.joins, link)
		if (join->wanted && !join->attached)
			say_waiting(p, join);
	list_for_each(join, &p->object->cell.joins, link)
		if (runs)
			say_on_the_way(p, join);
}
