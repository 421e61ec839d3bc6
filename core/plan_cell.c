/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a cell.
 *
 * A cell is in one of three modes, decided from facts alone:
 *   down     it shall not run: deleted or stopped by request. Tasks, then network and records, then the cgroup.
 *   recycle  its incarnation is over: the root is not alive but something of its life is still there, or the root's
 *            spec changed. Everything goes down as far as the network; then, with nothing left, the next mode is up.
 *   up       every container moves one step towards running.
 *
 * An incarnation begins with a new network namespace. "fresh" says that this daemon made it and no root has used it;
 * anything else without a live root is left over and goes.
 */
#include <stdio.h>

#include "core/plan_steps.h"
#include "core/restart.h"

enum mode { MODE_DOWN, MODE_RECYCLE, MODE_UP };

static bool task_runs(const struct container *c)
{
	return c->task == TASK_RUNNING || c->task == TASK_PAUSED || c->task == TASK_PAUSING;
}

static bool task_lives(const struct container *c)
{
	return task_runs(c) || c->task == TASK_CREATED;
}

/* A pin that somebody else took away is fresh no more. */
static bool is_fresh(const struct cell *cell)
{
	return cell->fresh && cell->pinned;
}

static bool root_alive(const struct object *object, const struct container *root)
{
	return task_runs(root) || (root->task == TASK_CREATED && is_fresh(&object->cell));
}

static bool spec_changed(const struct container *c)
{
	return c->record && !str_equal(c->seen_hash, c->hash);
}

/* The new image is there before the old container stops. */
static bool replace_now(const struct container *c)
{
	return spec_changed(c) && (c->image_ready || !task_lives(c));
}

static bool others_live(const struct object *object)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (!container_is_root(c) && task_lives(c))
			return true;
	return false;
}

/* Something is left of an incarnation whose root is gone. */
static bool left_over(const struct object *object, const struct container *root)
{
	const struct cell *cell = &object->cell;

	return root->task != TASK_NONE || others_live(object) || ((cell->pinned || cell->intent) && !is_fresh(cell));
}

static enum mode cell_mode(const struct object *object, const struct container *root)
{
	if (!object->wanted || object->cell.stop_wanted || !root || !root->spec)
		return MODE_DOWN;
	if (!root_alive(object, root))
		return left_over(object, root) ? MODE_RECYCLE : MODE_UP;
	return replace_now(root) ? MODE_RECYCLE : MODE_UP;
}

/* ---- down ---- */

/* The stop signal, after the grace SIGKILL, and again until it is dead. A task that never ran gets SIGKILL at once. */
static void stop_task(struct planning *p, struct container *c)
{
	uint64_t now_ms = p->context->now_ms;
	uint64_t kill_at_ms = c->stop_sent_ms + c->stop_grace_ms;

	if (c->kill_sent_ms) {
		kill_at_ms = c->kill_sent_ms + PLAN_KILL_AGAIN_MS;
	} else if (c->task == TASK_CREATED) {
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
	if (task_lives(c))
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

	if (cell->pinned || cell->intent)
		plan_emit(p, ACTION_NETWORK_DETACH, &cell->network, NULL);
}

/*
 * All at once: their namespace is pinned, so each keeps its network until the last has ended.
 * @keep_root_task: its exit is the last word, and containerd keeps it.
 */
static void down_tasks(struct planning *p, bool keep_root_task)
{
	struct container *c;
	bool lives = false;

	list_for_each(c, &p->object->cell.containers, link) {
		if (!(keep_root_task && container_is_root(c) && c->task == TASK_STOPPED))
			down_task(p, c);
		lives |= task_lives(c) || !c->slot.known;
	}
	if (!lives)
		detach(p);
}

static void plan_down(struct planning *p)
{
	const struct object *object = p->object;
	bool records = false;
	struct container *c;

	down_tasks(p, false);
	list_for_each(c, &object->cell.containers, link) {
		if (!object->wanted || !c->spec)
			remove_record(p, c);
		records |= c->record || c->snapshot || c->task != TASK_NONE || !c->slot.known;
	}
	if (object->wanted && object->cgroup.known && !object->cgroup_exists)
		plan_emit(p, ACTION_CGROUP_ENSURE, &object->cgroup, NULL);
	if (!object->wanted && !records && !object->cell.pinned && !object->cell.intent)
		plan_cgroup_removal(p);
	p->plan->gone = !object->wanted && !object->children && !records && !object_exists(object);
}

/* ---- up ---- */

/* Whether the restart policy lets the container run now. */
static bool may_run(struct planning *p, const struct container *c)
{
	uint64_t at_ms = 0;

	if (!c->exited)
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

/* It exited for good: its task stays, so that containerd keeps the exit code over our restarts. */
static bool is_over(const struct container *c, uint64_t now_ms)
{
	uint64_t at_ms;
	enum restart_verdict verdict;

	if (!c->spec || !c->exited || task_lives(c) || spec_changed(c))
		return false;
	verdict = restart_judge(c, now_ms, &at_ms);
	return verdict == RESTART_DONE || verdict == RESTART_GAVE_UP;
}

static void up_network(struct planning *p)
{
	const struct cell *cell = &p->object->cell;

	if (!cell->pinned)
		plan_emit(p, ACTION_NETNS_CREATE, &cell->network, NULL);
	else if (!cell->attached)
		plan_emit(p, ACTION_NETWORK_ATTACH, &cell->network, NULL);
}

/* The root's process may be made while the plugins still run, but it starts when the network is whole; the others may
 * be made as soon as the root's shim is there, and start when the root runs. */
static bool may_create_task(const struct planning *p, const struct container *c)
{
	const struct container *root = cell_root(p->object);

	if (!p->object->cell.pinned || !p->object->cgroup_exists)
		return false;
	return container_is_root(c) || (task_lives(root) && !root->slot.busy) || task_runs(root);
}

static bool may_start_task(const struct planning *p, const struct container *c)
{
	return container_is_root(c) ? p->object->cell.attached : task_runs(cell_root(p->object));
}

static void up_without_task(struct planning *p, struct container *c)
{
	if (spec_changed(c) || (c->record && !c->snapshot) || (!c->record && c->snapshot))
		plan_emit(p, ACTION_CONTAINER_REMOVE, &c->slot, c);
	else if (!c->record && !c->image_ready)
		plan_emit(p, ACTION_IMAGE_RESOLVE, &c->slot, c);
	else if (!c->record)
		plan_emit(p, ACTION_CONTAINER_CREATE, &c->slot, c);
	else if (may_create_task(p, c) && may_run(p, c))
		plan_emit(p, ACTION_TASK_CREATE, &c->slot, c);
}

/* One step of one container towards running its wanted spec. */
static void up_container(struct planning *p, struct container *c)
{
	if (!c->slot.known)
		return;
	if (task_lives(c) && spec_changed(c) && !c->image_ready)
		plan_emit(p, ACTION_IMAGE_RESOLVE, &c->slot, c);
	else if (task_lives(c) && replace_now(c) && !container_is_root(c))
		stop_task(p, c);
	else if (c->task == TASK_CREATED && may_start_task(p, c))
		plan_emit(p, ACTION_TASK_START, &c->slot, c);
	else if (c->task == TASK_STOPPED && !is_over(c, p->context->now_ms))
		plan_emit(p, ACTION_TASK_DELETE, &c->slot, c);
	else if (c->task == TASK_NONE)
		up_without_task(p, c);
}

static void plan_up(struct planning *p)
{
	const struct object *object = p->object;
	const struct container *root = cell_root(object);
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (!c->spec && down_task(p, c))
			remove_record(p, c);
	if (!object->parent || object->parent->status.state != API__STATE__Ready)
		return; /* queued again when the parent is */
	if (object->cgroup.known && !object->cgroup_exists)
		plan_emit(p, ACTION_CGROUP_ENSURE, &object->cgroup, NULL);
	if (!task_runs(root) && !may_run(p, root))
		return;
	if (!task_runs(root))
		up_network(p);
	list_for_each(c, &object->cell.containers, link)
		if (c->spec)
			up_container(p, c);
}

/* ---- what to say ---- */

static void say_container_trouble(struct planning *p, const struct container *c)
{
	const struct slot *slot = &c->slot;
	bool fatal = container_is_root(c) && slot->failed_action != ACTION_IMAGE_RESOLVE;

	if (slot->failures)
		plan_say(p, fatal ? API__STATE__Failed : API__STATE__Pending,
			 action_failure_reason(slot->failed_action, slot->failure_code), "container %s: %s", c->name,
			 slot->failure);
}

/* An exit that is not, or not at once, followed by a new run. */
static void say_exit(struct planning *p, const struct container *c)
{
	bool root = container_is_root(c);
	uint64_t now_ms = p->context->now_ms, at_ms = 0;

	if (!c->spec || !c->exited || task_lives(c))
		return;
	switch (restart_judge(c, now_ms, &at_ms)) {
	case RESTART_DONE:
		if (c->exit_code)
			plan_say(p, API__STATE__Failed, REASON_EXITED, "container %s exited with code %u", c->name,
				 c->exit_code);
		else if (root)
			plan_say(p, API__STATE__Stopped, REASON_COMPLETED, "container %s completed", c->name);
		break;
	case RESTART_GAVE_UP:
		plan_say(p, API__STATE__Failed, REASON_GAVE_UP,
			 "container %s exited with code %u and was restarted %u times, its limit", c->name,
			 c->exit_code, c->restarts);
		break;
	case RESTART_LATER:
		plan_say(p, root ? API__STATE__Failed : API__STATE__Pending, REASON_RESTART_BACK_OFF,
			 "container %s exited with code %u after %u restarts; waits %llu s before the next", c->name,
			 c->exit_code, c->restarts, (unsigned long long)(at_ms - now_ms + 999) / 1000);
		break;
	case RESTART_DUE:
		break;
	}
}

static bool counts_as_up(const struct container *c, uint64_t now_ms)
{
	if (!c->spec)
		return c->task == TASK_NONE && !c->record;
	if (spec_changed(c))
		return false;
	return task_runs(c) || (is_over(c, now_ms) && c->exit_code == 0 && !container_is_root(c));
}

static bool everything_up(const struct planning *p)
{
	struct container *c;

	list_for_each(c, &p->object->cell.containers, link)
		if (!c->slot.known || !counts_as_up(c, p->context->now_ms))
			return false;
	return true;
}

static void say_up(struct planning *p, enum mode mode)
{
	const struct object *object = p->object;
	struct container *c;

	if (mode == MODE_UP && everything_up(p) && !object->cell.attached)
		plan_say(p, API__STATE__Ready, REASON_NETWORK_UNKNOWN,
			 "runs, but how it was attached to its network is not on record; kill its root container to "
			 "have it attached anew");
	if (mode == MODE_UP && everything_up(p))
		plan_say(p, API__STATE__Ready, REASON_NONE, "%s", "");
	plan_say_failure(p, &object->cgroup, "");
	plan_say_failure(p, &object->cell.network, "");
	list_for_each(c, &object->cell.containers, link)
		say_container_trouble(p, c);
	list_for_each(c, &object->cell.containers, link)
		say_exit(p, c);
	if (!object->parent || object->parent->status.state != API__STATE__Ready)
		plan_say(p, API__STATE__Pending, REASON_PARENT_NOT_READY, "%s %s is not ready",
			 object->parent ? kind_name(object->parent->kind) : "Stack",
			 object->parent ? object->parent->key : "");
	list_for_each(c, &object->cell.containers, link)
		if (task_lives(c) && spec_changed(c))
			plan_say(p, API__STATE__Pending, REASON_UPDATING, "container %s gets its new spec", c->name);
	if (mode == MODE_UP && task_runs(cell_root(object)) && !object->cell.pinned)
		plan_say(p, API__STATE__Pending, REASON_NETWORK_UNKNOWN,
			 "its network namespace is not pinned any more, so that no container can join it; kill its root "
			 "container to have a new one made");
	list_for_each(c, &object->cell.containers, link)
		if (c->exited)
			plan_say(p, API__STATE__Pending, REASON_RESTARTING,
				 "container %s ended and is being started again", c->name);
	plan_say(p, API__STATE__Pending, REASON_CREATING, "being created");
}

static void say_down(struct planning *p)
{
	const struct object *object = p->object;
	const struct container *root = cell_root(object);
	bool lives = others_live(object) || (root && task_lives(root));
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		plan_say_failure(p, &c->slot, c->name);
	plan_say_failure(p, &object->cell.network, "");
	plan_say_failure(p, &object->cgroup, "");
	if (!object->wanted)
		plan_say(p, API__STATE__Pending, REASON_DELETING, "%s",
			 lives ? "its containers are being stopped" : "being deleted");
	if (object->cell.stop_wanted && lives)
		plan_say(p, API__STATE__Pending, REASON_STOPPING, "its containers are being stopped");
	if (object->cell.stop_wanted)
		plan_say(p, API__STATE__Stopped, REASON_STOP_REQUESTED, "stopped by request");
	plan_say(p, API__STATE__Pending, REASON_NO_CONTAINERS, "it has no containers");
}

void plan_cell(struct planning *p)
{
	const struct object *object = p->object;
	const struct container *root = cell_root(object);
	enum mode mode;
	struct container *c;

	if (!p->context->runtime_up) {
		plan_say(p, API__STATE__Unknown, REASON_RUNTIME_UNAVAILABLE, "containerd cannot be asked");
		return;
	}
	list_for_each(c, &object->cell.containers, link)
		if (!c->slot.known)
			plan_emit(p, ACTION_CONTAINER_INSPECT, &c->slot, c);
	if (!object->cgroup.known)
		plan_emit(p, ACTION_CGROUP_INSPECT, &object->cgroup, NULL);
	if (root && !root->slot.known)
		return plan_say(p, object->status.state, object->status.reason, "%s",
				object->status.message ? object->status.message : "");
	mode = cell_mode(object, root);
	if (mode == MODE_DOWN) {
		plan_down(p);
		say_down(p);
		return;
	}
	if (mode == MODE_RECYCLE)
		down_tasks(p, is_over(root, p->context->now_ms));
	else
		plan_up(p);
	say_up(p, mode);
}

/* ---- one container, for status ---- */

static const struct {
	Api__State state;
	const char *message;
} task_states[] = {
	[TASK_RUNNING] = { API__STATE__Ready, "" },
	[TASK_PAUSED] = { API__STATE__Paused, "its task is frozen" },
	[TASK_PAUSING] = { API__STATE__Pausing, "its task is being frozen" },
};

static void say_ended(const struct container *c, const struct plan_context *context, struct container_state *ret)
{
	uint64_t at_ms = 0;

	ret->state = c->exit_code && !c->stopping ? API__STATE__Failed : API__STATE__Stopped;
	ret->reason = c->exit_code ? REASON_EXITED : REASON_COMPLETED;
	snprintf(ret->message, sizeof(ret->message), "exited with code %u", c->exit_code);
	if (c->spec && restart_judge(c, context->now_ms, &at_ms) == RESTART_LATER)
		ret->reason = REASON_RESTART_BACK_OFF;
}

void plan_container_state(const struct container *c, const struct plan_context *context,
			  struct container_state *ret_state)
{
	*ret_state = (struct container_state){ .state = API__STATE__Pending, .reason = REASON_CREATING };
	if (!context->runtime_up || !context->looked) {
		ret_state->state = API__STATE__Unknown;
		ret_state->reason = REASON_RUNTIME_UNAVAILABLE;
	} else if (task_runs(c)) {
		ret_state->state = task_states[c->task].state;
		ret_state->reason = REASON_NONE;
		snprintf(ret_state->message, sizeof(ret_state->message), "%s", task_states[c->task].message);
	} else if (c->slot.failures) {
		ret_state->state = c->slot.failed_action == ACTION_IMAGE_RESOLVE ? API__STATE__Pending : API__STATE__Failed;
		ret_state->reason = action_failure_reason(c->slot.failed_action, c->slot.failure_code);
		snprintf(ret_state->message, sizeof(ret_state->message), "%s", c->slot.failure);
	} else if (c->exited && c->task != TASK_CREATED) {
		say_ended(c, context, ret_state);
	}
}
