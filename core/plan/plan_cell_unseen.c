/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan/plan_cell_steps.h"

#include <errno.h>

static bool is_unanswered(const struct container *c)
{
	return c->slot.failures >= PLAN_KILLS_IN_VAIN &&
	       c->slot.failed_action == ACTION_CONTAINER_INSPECT &&
	       c->slot.failure_code == -ETIMEDOUT;
}

/* Nothing that lives shall go on living. */
static bool shall_be_dead(const struct object *object)
{
	enum run_intent intent = cell_intent(object);

	return !object->wanted || intent == INTENT_STOP || intent == INTENT_KILL;
}

/* One serves all containers. */
static bool shim_is_being_killed(const struct object *object)
{
	const struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (c->slot.busy && c->slot.action == ACTION_SHIM_KILL)
			return true;
	return false;
}

/* The shim is named by it. */
static bool root_is_busy(const struct object *object)
{
	const struct container *root = cell_root(object);

	return root && root->slot.busy;
}

void plan_look_again(struct planning *p)
{
	const struct object *object = p->object;
	bool may_live = !object->cgroup.known || (object->cgroup_exists && object->populated);
	bool killing = shim_is_being_killed(object);
	bool may_kill = !may_live && !killing && !root_is_busy(object), any = false;
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		if (c->slot.known || (killing && container_is_root(c)))
			continue;
		any |= is_unanswered(c);
		if (may_kill && is_unanswered(c))
			may_kill = !plan_emit(p, ACTION_SHIM_KILL, &c->slot, c);
		else if (plan_emit(p, ACTION_CONTAINER_INSPECT, &c->slot, c))
			may_kill &= !container_is_root(c);
	}
	if (any && shall_be_dead(object) && object->cgroup.known && may_live)
		plan_cgroup_kill(p);
}
