/* SPDX-License-Identifier: Apache-2.0 */
/* Realms, spaces and stacks. Cells are in plan_cell.c, what all plans share in plan_steps.c. */
#include "core/plan/plan.h"

#include "core/plan/plan_steps.h"
#include "core/state/addresses.h"

static enum action backing_ensure(enum kind kind)
{
	return kind == KIND_REALM ? ACTION_NAMESPACE_ENSURE : ACTION_SPACE_ENSURE;
}

static bool has_backing(enum kind kind)
{
	return kind == KIND_REALM || kind == KIND_SPACE;
}

/* No cell before its isolation. */
static void say_filter(struct planning *p)
{
	const struct object *space = p->object;

	if (space->backing.filter_problem)
		plan_say(p, API__STATE__STATE_PENDING, REASON_FILTER_FAILED, "%s",
			 space->backing.filter_problem);
	else if (space->backing.filter_missing)
		plan_say(
			p, API__STATE__STATE_PENDING, REASON_FILTER_MISSING,
			"another hand took its rules out of the packet filter: they are being put "
			"back, and until then nothing passes between its cells and what is outside");
	else if (!object_is_filtered(space))
		plan_say(p, API__STATE__STATE_PENDING, REASON_CREATING,
			 "its rules are being put into the packet filter");
}

/* Where some of its addresses cannot be reached, no cell is placed that has not been there; but
 * what is below it goes on: object_is_usable(). */
static void say_ways(struct planning *p)
{
	const struct object *space = p->object;

	if (!object_is_routed(space))
		plan_say(p, API__STATE__STATE_PENDING, REASON_CREATING,
			 "where the host's routes lead its range is being looked at");
	else if (space->backing.overlap)
		plan_say(p,
			 space->backing.unreachable ? API__STATE__STATE_PENDING
						    : API__STATE__STATE_READY,
			 REASON_RANGE_OVERLAPS, "%s", space->backing.overlap);
}

/* The cells run; the host keeps their packets back. */
static void say_blocked(struct planning *p)
{
	const struct space_passage *known = &p->object->backing.passage;

	if (known->blocked)
		plan_say(p, API__STATE__STATE_READY, REASON_TRAFFIC_BLOCKED, "%s; what helps: %s",
			 known->blocked, known->remedy);
}

/* A remark: the space is Ready all the same. */
static void say_addresses(struct planning *p)
{
	const struct backing *backing = &p->object->backing;
	unsigned total = addresses_of(backing->space.subnet);

	switch (addresses_left(p->object)) {
	case ADDRESSES_ENOUGH:
		break;
	case ADDRESSES_LOW:
		plan_say(p, API__STATE__STATE_READY, REASON_ADDRESSES_LOW,
			 "%u of the %u addresses that cells can have in %s are in use",
			 backing->addresses_used, total, backing->space.subnet);
		break;
	case ADDRESSES_NONE:
		if (total == ADDRESSES_BRIDGE_PORTS)
			plan_say(p, API__STATE__STATE_READY, REASON_ADDRESSES_EXHAUSTED,
				 "all %u ports of bridge %s are in use, no further cell comes up; "
				 "delete cells, or put some into another space",
				 total, backing->space.bridge);
		plan_say(p, API__STATE__STATE_READY, REASON_ADDRESSES_EXHAUSTED,
			 "%s %u address%s in %s %s in use, no further cell comes up; delete "
			 "cells, or stop all of them and give the space a larger subnet",
			 total == 1 ? "the" : "all", total, total == 1 ? "" : "es",
			 backing->space.subnet, total == 1 ? "is" : "are");
		break;
	}
}

/* Another remark. */
static void say_egress(struct planning *p)
{
	const struct backing *backing = &p->object->backing;

	if (backing->egress_problem)
		plan_say(p, API__STATE__STATE_READY,
			 backing->egress_unresolved ? REASON_HOST_NOT_FOUND : REASON_HOST_STALE,
			 "%s", backing->egress_problem);
}

/* A remark too: whether cells may use services of the host is the host's to say. */
static void say_shut(struct planning *p)
{
	const struct space_passage *known = &p->object->backing.passage;

	if (known->shut)
		plan_say(p, API__STATE__STATE_READY, REASON_HOST_SHUT,
			 "%s; where cells need one: %s", known->shut, known->shut_remedy);
}

/* What runs goes on, and is started anew, by the spec that it had. A space finds out only when it
 * tries whether cells hold its ranges. */
static void say_refused(struct planning *p)
{
	const struct object *object = p->object;
	const struct slot *slot = &object->backing.slot;

	if (object->kind == KIND_REALM && object->refused && object->backing.applied)
		plan_say(p, API__STATE__STATE_PENDING, REASON_SPEC_REFUSED, "%s", object->refused);
	if (object->kind == KIND_SPACE && object_refuses_ranges(object) &&
	    object_is_filtered(object))
		plan_say(p, API__STATE__STATE_PENDING, REASON_SPEC_REFUSED, "%s", slot->failure);
}

static void plan_wanted_parent(struct planning *p)
{
	const struct object *object = p->object;
	bool backing_missing = has_backing(object->kind) && !object->backing.applied;
	bool needs_runtime = object->kind == KIND_REALM;

	if (!object->cgroup.known)
		plan_emit(p, ACTION_CGROUP_INSPECT, &object->cgroup, NULL);
	else if (!object->cgroup_exists || object->cgroup_stale)
		plan_emit(p, ACTION_CGROUP_ENSURE, &object->cgroup, NULL);
	if (backing_missing && !(needs_runtime && !p->context->runtime_up))
		plan_emit(p, backing_ensure(object->kind), &object->backing.slot, NULL);
	if (needs_runtime && !p->context->runtime_up)
		plan_say(p, API__STATE__STATE_UNKNOWN, REASON_RUNTIME_UNAVAILABLE,
			 "containerd cannot be asked");
	plan_say_failure(p, &object->cgroup, "");
	say_refused(p);
	plan_say_failure(p, &object->backing.slot, "");
	if (object->parent && !object_is_usable(object->parent))
		plan_say(p, API__STATE__STATE_PENDING, REASON_PARENT_NOT_READY,
			 "%s %s is not ready", kind_name(object->parent->kind),
			 object->parent->key);
	if (backing_missing && object->backing.space.drift)
		plan_say(p, API__STATE__STATE_PENDING, REASON_NETWORK_DRIFTED, "being mended: %s",
			 object->backing.space.drift);
	if (!backing_missing && object->kind == KIND_SPACE) {
		say_filter(p);
		say_ways(p);
	}
	if (plan_has_cgroup(object) && !backing_missing && object->kind == KIND_SPACE) {
		say_blocked(p);
		say_addresses(p);
	}
	say_egress(p);
	say_shut(p);
	if (plan_has_cgroup(object) && !backing_missing)
		plan_say(p, API__STATE__STATE_READY, REASON_NONE, "%s", "");
	plan_say(p, API__STATE__STATE_PENDING, REASON_CREATING, "being created");
}

static void plan_unwanted_parent(struct planning *p)
{
	const struct object *object = p->object;
	bool needs_runtime = object->kind == KIND_REALM;

	if (object->children) {
		plan_say(p, API__STATE__STATE_PENDING, REASON_DELETING,
			 "waits until %u object%s below %s gone", object->children,
			 str_s(object->children), object->children == 1 ? "is" : "are");
		return;
	}
	if (object->backing.joined) {
		plan_say(p, API__STATE__STATE_PENDING, REASON_DELETING,
			 "waits until those that have joined it have left it: cell %s%s",
			 object->backing.joined_by->key,
			 object->backing.joined > 1 ? " and others" : "");
		return;
	}
	if (object->backing.exists && !(needs_runtime && !p->context->runtime_up))
		plan_emit(p,
			  object->kind == KIND_REALM ? ACTION_NAMESPACE_REMOVE
						     : ACTION_SPACE_REMOVE,
			  &object->backing.slot, NULL);
	if (!object->cgroup.known)
		plan_emit(p, ACTION_CGROUP_INSPECT, &object->cgroup, NULL);
	plan_cgroup_removal(p);
	plan_say_failure(p, &object->cgroup, "delete");
	plan_say_failure(p, &object->backing.slot, "delete");
	plan_say(p, API__STATE__STATE_PENDING, REASON_DELETING, "being deleted");
	p->plan->gone = !object_exists(object);
}

/* Containers have no plan of their own: they are documents that join their cell. */
static void plan_container_document(struct planning *p)
{
	plan_say(p, API__STATE__STATE_READY, REASON_NONE, "%s", "");
	p->plan->gone = !p->object->wanted && !p->object->kept;
}

/* Why the containers of its realm could never be listed; NULL: they could. */
static const char *unlisted_why(const struct object *object)
{
	while (object->parent)
		object = object->parent;
	return object->backing.unlisted_why;
}

static void say_not_looked(struct planning *p)
{
	const char *problem = unlisted_why(p->object);

	if (!p->context->runtime_up)
		plan_say(p, API__STATE__STATE_UNKNOWN, REASON_RUNTIME_UNAVAILABLE,
			 "containerd cannot be asked");
	else if (problem || p->context->relist_problem)
		plan_say(p, API__STATE__STATE_UNKNOWN, REASON_LOOK_FAILED,
			 "nothing is done until the host can be looked at: %s",
			 problem ? problem : p->context->relist_problem);
	plan_say(p, API__STATE__STATE_UNKNOWN, REASON_STARTING,
		 "the first look at the host is under way");
}

static bool only_looks(enum action action)
{
	return action == ACTION_CGROUP_INSPECT || action == ACTION_CONTAINER_INSPECT;
}

/* Defaults, intents, policies: what the store may say of it is not known. It may be as wanted all
 * the same. */
static void hold_back(struct planning *p)
{
	struct plan *plan = p->plan;
	size_t n = 0;

	for (size_t i = 0; i < plan->n_steps; i++)
		if (only_looks(plan->steps[i].action))
			plan->steps[n++] = plan->steps[i];
	plan->n_steps = n;
	plan->gone = plan->waits = plan->restarted = plan->judged_pulls = false;
	if (plan->state != API__STATE__STATE_READY)
		plan->state = API__STATE__STATE_UNKNOWN;
	plan->reason = REASON_COUNT;
	plan_say(p, plan->state, REASON_STORE_UNREADABLE,
		 "what was declared of it is not known, so nothing is done to it: %s",
		 p->object->unread);
}

static void say_kept(struct planning *p)
{
	plan_say(p, API__STATE__STATE_UNKNOWN, REASON_STORE_DAMAGED,
		 "its file in the store was damaged and set aside, so nothing is done to it; "
		 "apply it again, or delete it");
}

void plan_object(const struct object *object, const struct plan_context *context,
		 struct plan *ret_plan)
{
	struct planning p = { object, context, ret_plan };

	*ret_plan = (struct plan){ .reason = REASON_COUNT };
	if (object->kind == KIND_CONTAINER)
		plan_container_document(&p);
	else if (!context->relisted || (context->runtime_up && unlisted_why(object)))
		say_not_looked(&p);
	else if (!object->wanted && !context->may_delete)
		plan_say(&p, API__STATE__STATE_UNKNOWN, REASON_STARTING,
			 "not declared, kept until all manifests have been read");
	else if (!object->wanted && object->kept && !object->unread)
		say_kept(&p);
	else if (object->kind == KIND_CELL)
		plan_cell(&p);
	else if (object->wanted)
		plan_wanted_parent(&p);
	else
		plan_unwanted_parent(&p);
	if (object->unread && object->kind != KIND_CONTAINER)
		hold_back(&p);
}
