/* SPDX-License-Identifier: Apache-2.0 */
#include "core/moot.h"

#include "core/plan_cell.h"

static bool cgroup_moot(const struct object *object)
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

static bool own_moot(const struct own_thing *own)
{
	switch (own->slot.failed_action) {
	case ACTION_NAMESPACE_ENSURE:
	case ACTION_SPACE_ENSURE:
		return own->applied;
	case ACTION_NAMESPACE_REMOVE:
	case ACTION_SPACE_REMOVE:
		return !own->exists;
	default:
		return false;
	}
}

static bool network_moot(const struct cell *cell)
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

/* A task that could not be started is not moot when it has been taken away: the pause before the
 * next try counts on. */
static bool container_moot(const struct container *c)
{
	switch (c->slot.failed_action) {
	case ACTION_CONTAINER_INSPECT:
		return c->slot.known;
	case ACTION_IMAGE_RESOLVE:
		return c->image_ready;
	case ACTION_CONTAINER_CREATE:
		return c->record && c->snapshot;
	case ACTION_CONTAINER_REMOVE:
		return !c->record && !c->snapshot;
	case ACTION_TASK_CREATE:
		return c->task != TASK_NONE;
	case ACTION_TASK_START:
		return container_runs(c);
	case ACTION_TASK_STOP:
	case ACTION_TASK_KILL:
		return !container_lives(c);
	case ACTION_TASK_DELETE:
		return c->task == TASK_NONE;
	default:
		return false;
	}
}

static void forgive_if(struct slot *slot, bool moot)
{
	if (slot->failures && !slot->busy && moot)
		slot_forgive(slot);
}

void moot_forgive(struct object *object)
{
	struct container *c;

	forgive_if(&object->cgroup, cgroup_moot(object));
	forgive_if(&object->own.slot, own_moot(&object->own));
	forgive_if(&object->cell.network, network_moot(&object->cell));
	list_for_each(c, &object->cell.containers, link)
		forgive_if(&c->slot, container_moot(c));
}
