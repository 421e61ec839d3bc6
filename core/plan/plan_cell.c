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
#include "core/plan/plan_cell.h"

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
	return container_changed(c) && (c->image_ready || !container_lives(c));
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
		return MODE_RECYCLE;
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

/* ---- down ---- */

/* The stop signal, after the grace SIGKILL, and again until it is dead. A task that never ran gets
 * SIGKILL at once, and so does one that is to be killed. */
static void stop_task(struct planning *p, struct container *c)
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

/* One step towards no task. Returns whether the task is gone. */
static bool down_task(struct planning *p, struct container *c)
{
	if (!c->slot.known)
		return false;
	if (container_lives(c))
		stop_task(p, c);
	else if (c->task == TASK_STOPPED)
		plan_emit(p, ACTION_TASK_DELETE, &c->slot, c);
	return c->task == TASK_NONE;
}

static void remove_record(struct planning *p, struct container *c)
{
	if (c->slot.known && c->task == TASK_NONE && (c->record || c->snapshot))
		plan_emit(p, ACTION_CONTAINER_REMOVE, &c->slot, c);
}

static void detach(struct planning *p)
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

/*
 * All at once: their namespace is pinned, so each keeps its network until the last has ended.
 * @keep_root_task: the root rests.
 */
static void down_tasks(struct planning *p, bool keep_root_task)
{
	struct container *c;
	bool lives = false;

	list_for_each(c, &p->object->cell.containers, link) {
		if (!(keep_root_task && container_is_root(c) && c->task == TASK_STOPPED))
			down_task(p, c);
		lives |= task_may_live(c);
	}
	if (!lives)
		detach(p);
	escalate(p);
}

/* One whose making failed may be there, but not whole. */
static void ensure_cgroup(struct planning *p)
{
	const struct object *object = p->object;

	if (object->cgroup.known && (!object->cgroup_exists || object->cgroup_stale))
		plan_emit(p, ACTION_CGROUP_ENSURE, &object->cgroup, NULL);
}

/* Its cell goes on without it. */
static bool is_dropped(const struct object *cell, const struct container *c)
{
	return !c->spec && !cell_may_have(cell, c->name);
}

static void plan_down(struct planning *p)
{
	const struct object *object = p->object;
	bool records = false;
	struct container *c;

	down_tasks(p, false);
	list_for_each(c, &object->cell.containers, link) {
		if (!object->wanted || is_dropped(object, c))
			remove_record(p, c);
		records |= c->record || c->snapshot || c->task != TASK_NONE || !c->slot.known;
	}
	if (object->wanted)
		ensure_cgroup(p);
	if (!object->wanted && !records && !object->cell.pinned && !object->cell.intent)
		plan_cgroup_removal(p);
	p->plan->gone = !object->wanted && !object->children && !records && !object_exists(object);
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

	if (!p->object->cell.pinned || !p->object->cgroup_exists)
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

	if (container_changed(c) || c->image_moved || half)
		plan_emit(p, ACTION_CONTAINER_REMOVE, &c->slot, c);
	else if (c->record ? c->renew : !c->image_ready)
		plan_emit(p, ACTION_IMAGE_RESOLVE, &c->slot, c);
	else if (!c->record)
		plan_emit(p, ACTION_CONTAINER_CREATE, &c->slot, c);
	else if (may_create_task(p, c) && may_run(p, c))
		plan_emit(p, ACTION_TASK_CREATE, &c->slot, c);
}

/* One step of one container, not the root, towards what kuke asked of it. */
static void obey(struct planning *p, struct container *c)
{
	if (down_task(p, c) && c->run == INTENT_RESTART)
		p->plan->restarted = true;
}

/* One step of one container towards running its wanted spec. */
static void up_container(struct planning *p, struct container *c)
{
	if (c->run != INTENT_RUN)
		return obey(p, c);
	if (!c->slot.known)
		return;
	if (container_lives(c) && container_changed(c) && !c->image_ready)
		plan_emit(p, ACTION_IMAGE_RESOLVE, &c->slot, c);
	else if (container_lives(c) && replace_now(c) && !container_is_root(c))
		stop_task(p, c);
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
		if (is_dropped(object, c) && down_task(p, c))
			remove_record(p, c);
	if (!object->parent || !object_is_usable(object->parent)) {
		plan_leaves(p);
		return; /* queued again when the parent is */
	}
	ensure_cgroup(p);
	if (!container_runs(root) &&
	    (object->cell.rival || object->cell.port_conflict || !may_run(p, root)))
		return;
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
		down_tasks(p, false);
}

/* ---- what cannot be looked at ---- */

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

/* A shim that hangs keeps what has ended from being known, and what shall end from being ended.
 * While anything may live that shall, it is waited for. */
static void look_again(struct planning *p)
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
	look_again(p);
	if (!object->cgroup.known)
		plan_emit(p, ACTION_CGROUP_INSPECT, &object->cgroup, NULL);
	if (root && !root->slot.known)
		cell_say_container_trouble(p, root);
	if (root && !root->slot.known)
		return plan_say(p, object->status.state, object->status.reason, "%s",
				object->status.message ? object->status.message : "");
	mode = mode_of(object, root);
	if (mode == MODE_DOWN) {
		plan_down(p);
		cell_say_down(p);
		return;
	}
	if (mode == MODE_UP)
		plan_up(p);
	else if (cell_intent(object) == INTENT_RESTART)
		plan_restart(p);
	else
		down_tasks(p, rests(p, root));
	cell_say_up(p, mode);
}
