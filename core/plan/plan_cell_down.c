/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan/plan_cell_steps.h"

void plan_stop_task(struct planning *p, struct container *c)
{
	uint64_t now_ms = p->context->now_ms;
	uint64_t kill_at_ms = c->stop_sent_ms + c->stop_grace_ms;

	if (c->kill_sent_ms) {
		kill_at_ms = plan_kill_again_ms(c->kill_sent_ms, c->kills);
	} else if (c->task == TASK_CREATED || c->run == INTENT_KILL ||
		   cell_intent(p->object) == INTENT_KILL) {
		kill_at_ms = now_ms;
	} else if (!c->stop_sent_ms) {
		plan_emit(p, ACTION_TASK_STOP, &c->slot, c);
		return;
	}
	if (kill_at_ms <= now_ms)
		plan_emit(p, ACTION_TASK_KILL, &c->slot, c);
	else
		plan_wake_at(p, kill_at_ms);
}

bool plan_down_task(struct planning *p, struct container *c)
{
	if (!c->slot.known)
		return false;
	if (container_lives(c))
		plan_stop_task(p, c);
	else if (c->task == TASK_STOPPED)
		plan_emit(p, ACTION_TASK_DELETE, &c->slot, c);
	return c->task == TASK_NONE;
}

void plan_remove_record(struct planning *p, struct container *c)
{
	if (c->slot.known && c->task == TASK_NONE && (c->record || c->snapshot))
		plan_emit(p, ACTION_CONTAINER_REMOVE, &c->slot, c);
}

void plan_detach(struct planning *p)
{
	const struct cell *cell = &p->object->cell;

	if ((cell->pinned || cell->intent) && !cell_joins_busy(p->object))
		plan_emit(p, ACTION_NETWORK_DETACH, &cell->network, NULL);
}

/* A task lives in the namespace, or may: not looked at, or perhaps being created right now. */
static bool task_may_live(const struct container *c)
{
	bool being_made = c->slot.busy && (c->slot.action == ACTION_TASK_CREATE ||
					   c->slot.action == ACTION_TASK_START);

	return container_lives(c) || !c->slot.known || being_made;
}

/* Its stop signal cannot be sent, as it seems: it may have been, and has the grace all the same. */
static bool cannot_be_asked(struct planning *p, const struct container *c)
{
	uint64_t over_ms = c->stop_tried_ms + c->stop_grace_ms;

	if (c->slot.failed_action != ACTION_TASK_STOP)
		return false;
	if (over_ms > p->context->now_ms)
		plan_wake_at(p, over_ms);
	return over_ms <= p->context->now_ms;
}

/* Its shim cannot end it, or cannot take it away because of what else lives in its cgroup. */
static bool resists(struct planning *p, const struct container *c)
{
	bool fails = c->slot.failures >= PLAN_KILLS_IN_VAIN &&
		     (c->slot.failed_action == ACTION_TASK_KILL ||
		      c->slot.failed_action == ACTION_TASK_DELETE || cannot_be_asked(p, c));

	return fails || (container_lives(c) && c->kills >= PLAN_KILLS_IN_VAIN);
}

/* The whole cell goes down: what resists is killed by the kernel, without asking anybody. */
static void escalate(struct planning *p)
{
	const struct object *object = p->object;
	struct container *c;
	bool any = false;

	list_for_each(c, &object->cell.containers, link)
		any |= resists(p, c);
	if (any && object->cgroup_exists && object->cgroup.known && object->populated)
		plan_cgroup_kill(p);
}

void plan_down_tasks(struct planning *p, bool keep_root_task)
{
	struct container *c;
	bool lives = false;

	list_for_each(c, &p->object->cell.containers, link) {
		if (!(keep_root_task && container_is_root(c) && c->task == TASK_STOPPED))
			plan_down_task(p, c);
		lives |= task_may_live(c);
	}
	if (!lives)
		plan_detach(p);
	escalate(p);
}

void plan_ensure_cgroup(struct planning *p)
{
	const struct object *object = p->object;

	if (object->cgroup.known && (!object->cgroup_exists || object->cgroup_stale))
		plan_emit(p, ACTION_CGROUP_ENSURE, &object->cgroup, NULL);
}

bool plan_is_dropped(const struct object *cell, const struct container *c)
{
	return !c->spec && !cell_may_have(cell, c->name);
}

void plan_cell_down(struct planning *p)
{
	const struct object *object = p->object;
	bool records = false;
	struct container *c;

	plan_down_tasks(p, false);
	list_for_each(c, &object->cell.containers, link) {
		if (!object->wanted || plan_is_dropped(object, c))
			plan_remove_record(p, c);
		records |= c->record || c->snapshot || c->task != TASK_NONE || !c->slot.known;
	}
	if (object->wanted)
		plan_ensure_cgroup(p);
	if (!object->wanted && !records && !object->cell.pinned && !object->cell.intent)
		plan_cgroup_removal(p);
	p->plan->gone = !object->wanted && !object->children && !records && !object_exists(object);
}
