/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan/stale_failures.h"

#include "core/plan/plan_cell.h"

static bool cgroup_failure_is_stale(const struct object *object)
{
	switch (object->cgroup.failed_action) {
	case ACTION_CGROUP_INSPECT:
		return object->cgroup.known;
	case ACTION_CGROUP_ENSURE:
		return object->cgroup_exists && !object->cgroup_stale;
	case ACTION_CGROUP_KILL:
		return !object->populated;
	case ACTION_CGROUP_REMOVE:
		return !object->cgroup_exists;
	default:
		return false;
	}
}

static bool backing_failure_is_stale(const struct backing *backing)
{
	switch (backing->slot.failed_action) {
	case ACTION_NAMESPACE_ENSURE:
	case ACTION_SPACE_ENSURE:
		return backing->applied;
	case ACTION_NAMESPACE_REMOVE:
	case ACTION_SPACE_REMOVE:
		return !backing->exists;
	default:
		return false;
	}
}

static bool network_failure_is_stale(const struct cell *cell)
{
	switch (cell->network.failed_action) {
	case ACTION_NETNS_CREATE:
		/* a pin alone may be what is assumed since it failed */
		return cell->pinned && (cell->fresh || cell->attached);
	case ACTION_NETWORK_ATTACH:
		return cell->attached;
	case ACTION_NETWORK_DETACH:
		return !cell->pinned && !cell->intent;
	default:
		return false;
	}
}

static bool join_failure_is_stale(const struct join *join)
{
	return join->slot.failed_action == ACTION_NETWORK_JOIN ? join->attached || !join->wanted
							       : !join->intent;
}

/* What could not be made is not missed any more where nothing shall run. */
static bool nothing_shall_run(const struct container *c)
{
	enum run_intent whole = cell_intent(c->object);

	return c->task == TASK_NONE && (c->run == INTENT_STOP || c->run == INTENT_KILL ||
					whole == INTENT_STOP || whole == INTENT_KILL);
}

/* A start that failed is not stale when the task has been taken away: the pause before the next try
 * counts on. */
static bool container_failure_is_stale(const struct container *c)
{
	switch (c->slot.failed_action) {
	case ACTION_CONTAINER_INSPECT:
		return c->slot.known;
	case ACTION_IMAGE_RESOLVE:
		return (c->image_ready && !c->renew) || nothing_shall_run(c);
	case ACTION_CONTAINER_CREATE:
		return (c->record && c->snapshot) || nothing_shall_run(c);
	case ACTION_CONTAINER_REMOVE:
		return !c->record && !c->snapshot;
	case ACTION_TASK_CREATE:
		return c->task != TASK_NONE || nothing_shall_run(c);
	case ACTION_TASK_START:
		return container_runs(c) || nothing_shall_run(c);
	case ACTION_TASK_STOP:
	case ACTION_TASK_KILL:
		return !container_lives(c);
	case ACTION_TASK_DELETE:
		return c->task == TASK_NONE;
	default:
		return false;
	}
}

static void clear_if(struct slot *slot, bool stale)
{
	if (slot->failures && !slot->busy && stale)
		slot_retry_now(slot);
}

void stale_failures_clear(struct object *object)
{
	struct container *c;
	struct join *join;

	clear_if(&object->cgroup, cgroup_failure_is_stale(object));
	clear_if(&object->backing.slot, backing_failure_is_stale(&object->backing));
	clear_if(&object->cell.network, network_failure_is_stale(&object->cell));
	list_for_each(join, &object->cell.joins, link)
		clear_if(&join->slot, join_failure_is_stale(join));
	list_for_each(c, &object->cell.containers, link)
		clear_if(&c->slot, container_failure_is_stale(c));
}
