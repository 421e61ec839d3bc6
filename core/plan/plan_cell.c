/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a cell.
 *
 * A cell is in one of three modes, decided from facts alone:
 *   down     it shall not run: deleted or stopped by request. Tasks, then network and records,
 *            then the cgroup.
 *   recycle  its incarnation is over: the root is not alive but something of its life is still
 *            there, the root's spec changed, or a restart was asked for. Everything goes down as
 *            far as the network; then, with nothing left, the next mode is up.
 *   up       every container moves one step towards running.
 *
 * An incarnation begins with a new network namespace. "fresh" says that this daemon made it and no
 * root has used it; anything else without a live root is left over and goes.
 */
#include "core/plan/plan_cell_steps.h"

#include <errno.h>

#include "core/plan/restart.h"

/* What somebody else took away, the pin or what an attachment made, is fresh no more. */
static bool is_fresh(const struct cell *cell)
{
	return cell->fresh && cell->pinned && (cell->attached || !cell->intent);
}

static bool root_alive(const struct object *object, const struct container *root)
{
	return container_runs(root) || (root->task == TASK_CREATED && is_fresh(&object->cell));
}

/* The new image is there before the old container stops. */
static bool replace_now(const struct container *c)
{
	return container_changed(c) && (container_has_image(c) || !container_lives(c));
}

/* Something is left of an incarnation whose root is gone. */
static bool left_over(const struct object *object, const struct container *root)
{
	const struct cell *cell = &object->cell;

	return root->task != TASK_NONE || cell_others_live(object) ||
	       ((cell->pinned || cell->intent) && !is_fresh(cell));
}

static enum cell_mode mode_of(const struct object *object, const struct container *root)
{
	enum run_intent intent = cell_intent(object);

	if (!object->wanted || intent == INTENT_STOP || intent == INTENT_KILL || !root ||
	    !root->spec)
		return MODE_DOWN;
	if (intent == INTENT_RESTART)
		return root_alive(object, root) && cell_restart_waits(object) ? MODE_UP
									      : MODE_RECYCLE;
	if (!root_alive(object, root))
		return left_over(object, root) ? MODE_RECYCLE : MODE_UP;
	return replace_now(root) ? MODE_RECYCLE : MODE_UP;
}

bool container_goes(const struct object *object, const struct container *c)
{
	if (mode_of(object, cell_root(object)) != MODE_UP)
		return true;
	return !c->spec || c->run != INTENT_RUN || (replace_now(c) && !container_is_root(c));
}

/* ---- the restart policy ---- */

/* Whether the restart policy lets the container run now. */
static bool may_run(struct planning *p, const struct container *c)
{
	uint64_t at_ms = 0;

	if (!c->exited || container_changed(c)) /* what its old spec did does not count */
		return true;
	switch (restart_judge(c, p->context->now_ms, &at_ms)) {
	case RESTART_DUE:
		return true;
	case RESTART_LATER:
		plan_wake_at(p, at_ms);
		return false;
	default:
		return false;
	}
}

/* It ended for good, or waits for its next start. Its task stays meanwhile, so that containerd
 * keeps the exit over our restarts. */
static bool rests(struct planning *p, const struct container *c)
{
	return c->spec && c->exited && !container_lives(c) && !may_run(p, c);
}

/* ---- up ---- */

/* Under a root that runs nothing is made anew that can be mended. */
static void up_network(struct planning *p)
{
	const struct cell *cell = &p->object->cell;

	if (cell_joins_busy(p->object))
		return;
	if (cell->pinned && cell->attached)
		plan_joins(p);
	else if (container_runs(cell_root(p->object)) && !p->context->releasing)
		plan_emit(p, ACTION_NETWORK_REPAIR, &cell->network, NULL);
	else if (!container_runs(cell_root(p->object)) && !cell->pinned)
		plan_emit(p, ACTION_NETNS_CREATE, &cell->network, NULL);
	else if (!p->context->releasing)
		plan_emit(p, ACTION_NETWORK_ATTACH, &cell->network, NULL);
}

/* The root's process may be made while the plugins still run, but it starts when the network is
 * whole; the others may be made as soon as the root's shim is there, and start when the root runs.
 * Once it does, none joins a namespace that is not the root's for certain. */
static bool may_create_task(const struct planning *p, const struct container *c)
{
	const struct container *root = cell_root(p->object);

	if (!p->object->cell.pinned || !plan_has_cgroup(p->object))
		return false;
	if (container_runs(root) && !p->object->cell.attached)
		return false;
	return container_is_root(c) || (container_lives(root) && !root->slot.busy) ||
	       container_runs(root);
}

static bool may_start_task(const struct planning *p, const struct container *c)
{
	return container_is_root(c) ? p->object->cell.attached && cell_has_joined(p)
				    : container_runs(cell_root(p->object));
}

static void up_without_task(struct planning *p, struct container *c)
{
	bool half = c->record != c->snapshot;

	if (container_changed(c) || (c->record && c->image_moved) || half)
		plan_emit(p, ACTION_CONTAINER_REMOVE, &c->slot, c);
	else if (container_waits_for_pull(c))
		return; /* queued again when that has ended */
	else if (c->record ? c->renew : !c->image_ready)
		plan_emit(p, ACTION_IMAGE_RESOLVE, &c->slot, c);
	else if (!c->record)
		plan_emit(p, ACTION_CONTAINER_CREATE, &c->slot, c);
	else if (may_create_task(p, c) && may_run(p, c))
		plan_emit(p, ACTION_TASK_CREATE, &c->slot, c);
}

/* One step of one container, not the root, towards what kuke asked of it. */
static void follow_intent(struct planning *p, struct container *c)
{
	if (plan_down_task(p, c) && c->run == INTENT_RESTART)
		p->plan->restarted = true;
}

/* One step of one container towards running its wanted spec. */
static void up_container(struct planning *p, struct container *c)
{
	if (container_lives(c) && container_waits_for_pull(c))
		return;
	if (c->run != INTENT_RUN)
		return follow_intent(p, c);
	if (!c->slot.known)
		return;
	if (container_lives(c) && container_changed(c) && !c->image_ready)
		plan_emit(p, ACTION_IMAGE_RESOLVE, &c->slot, c);
	else if (container_lives(c) && replace_now(c) && !container_is_root(c))
		plan_stop_task(p, c);
	else if (c->task == TASK_CREATED && may_start_task(p, c))
		plan_emit(p, ACTION_TASK_START, &c->slot, c);
	else if (c->task == TASK_STOPPED && !rests(p, c))
		plan_emit(p, ACTION_TASK_DELETE, &c->slot, c);
	else if (c->task == TASK_NONE)
		up_without_task(p, c);
}

/* Not too many cells come up at once; one that has begun goes on. */
static bool may_begin(struct planning *p)
{
	const struct cell *cell = &p->object->cell;

	if (p->context->may_begin || cell->pinned || cell->network.busy)
		return true;
	p->plan->waits = true;
	plan_wake_at(p, p->context->begin_at_ms);
	return false;
}

bool cell_is_not_placed(const struct object *object)
{
	const struct object *space = object->parent ? object->parent->parent : NULL;
	const struct cell *cell = &object->cell;

	return space && !cell->pinned && !cell->network.busy &&
	       object_refuses_new(space, cell->last_ip);
}

static void plan_up(struct planning *p)
{
	const struct object *object = p->object;
	const struct container *root = cell_root(object);
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (plan_is_dropped(object, c) && plan_down_task(p, c))
			plan_remove_record(p, c);
	plan_pulls(p);
	if (!object->parent || !object_is_usable(object->parent)) {
		plan_leaves(p);
		return; /* queued again when the parent is */
	}
	plan_ensure_cgroup(p);
	if (!container_runs(root) &&
	    (object->cell.rival || object->cell.port_conflict || !may_run(p, root)))
		return;
	if (!container_runs(root) && container_waits_for_pull(root))
		return; /* it takes no place before it can come up */
	if (!container_runs(root) && cell_waits_for_space(object)) {
		plan_leaves(p);
		return; /* queued again when the space is ready */
	}
	if (!container_runs(root) && cell_is_not_placed(object)) {
		plan_leaves(p);
		return; /* queued again when its space can be reached */
	}
	if (!container_runs(root) && !may_begin(p))
		return;
	up_network(p);
	list_for_each(c, &object->cell.containers, link)
		if (c->spec)
			up_container(p, c);
}

static void plan_restart(struct planning *p)
{
	const struct object *object = p->object;
	struct container *c;
	bool down = !object->cell.network.busy &&
		    ((!object->cell.pinned && !object->cell.intent) || is_fresh(&object->cell));

	list_for_each(c, &object->cell.containers, link)
		down &= c->slot.known && !c->slot.busy && c->task == TASK_NONE;
	if (down)
		p->plan->restarted = true;
	else
		plan_down_tasks(p, false);
}

/* ---- what cannot be looked at ---- */

/* Its root may be one whose document was damaged. */
static bool root_is_unknown(const struct object *object)
{
	const struct container *root = cell_root(object);

	return object->wanted && object->cell.kept.n && !(root && root->spec);
}

void plan_cell(struct planning *p)
{
	const struct object *object = p->object;
	const struct container *root = cell_root(object);
	enum cell_mode mode;

	if (object->is_self && object->wanted)
		return plan_say(p, API__STATE__STATE_READY,
				object->refused ? REASON_SPEC_REFUSED : REASON_NONE, "%s",
				object->refused ? object->refused : "");
	if (!p->context->runtime_up) {
		plan_say(p, API__STATE__STATE_UNKNOWN, REASON_RUNTIME_UNAVAILABLE,
			 "containerd cannot be asked");
		return;
	}
	if (root_is_unknown(object))
		return plan_say(p, API__STATE__STATE_UNKNOWN, REASON_STORE_DAMAGED,
				"the file of its container %s in the store was damaged and set "
				"aside, so nothing is done to it; apply the container again, or "
				"delete it",
				object->cell.kept.items[0]);
	plan_look_again(p);
	if (!object->cgroup.known)
		plan_emit(p, ACTION_CGROUP_INSPECT, &object->cgroup, NULL);
	if (root && !root->slot.known)
		cell_say_container_trouble(p, root);
	if (root && !root->slot.known)
		return plan_say(p, object->status.state, object->status.reason, "%s",
				object->status.message ? object->status.message : "");
	mode = mode_of(object, root);
	p->plan->judged_pulls = true;
	if (mode == MODE_DOWN) {
		plan_cell_down(p);
		cell_say_down(p);
		return;
	}
	if (mode == MODE_UP)
		plan_up(p);
	else if (cell_intent(object) == INTENT_RESTART)
		plan_restart(p);
	else
		plan_down_tasks(p, rests(p, root));
	cell_say_up(p, mode);
}
