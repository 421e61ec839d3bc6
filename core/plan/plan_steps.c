/* SPDX-License-Identifier: Apache-2.0 */
/* What all plans share. */
#include "core/plan/plan_steps.h"

#include "core/base/backoff.h"

#include <stdarg.h>
#include <stdio.h>

void plan_wake_at(struct planning *p, uint64_t at_ms)
{
	if (!p->plan->wake_at_ms || at_ms < p->plan->wake_at_ms)
		p->plan->wake_at_ms = at_ms;
}

static bool is_planned(const struct plan *plan, enum action action,
		       const struct container *container)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].action == action && plan->steps[i].container == container)
			return true;
	return false;
}

/* To look is never too early: what failed may be known to be otherwise then. Only looks that fail
 * have pauses of their own. */
static bool must_wait(const struct slot *slot, enum action action, uint64_t now_ms)
{
	bool looks = action == ACTION_CONTAINER_INSPECT || action == ACTION_CGROUP_INSPECT;

	return slot->failures && slot->retry_at_ms > now_ms &&
	       (!looks || slot->failed_action == action);
}

bool plan_emit(struct planning *p, enum action action, const struct slot *slot,
	       struct container *container)
{
	struct plan *plan = p->plan;

	if (slot->busy || is_planned(plan, action, container))
		return false;
	if (must_wait(slot, action, p->context->now_ms)) {
		plan_wake_at(p, slot->retry_at_ms);
		return false;
	}
	plan->steps = xrealloc(plan->steps, (plan->n_steps + 1) * sizeof(*plan->steps));
	plan->steps[plan->n_steps++] =
		(struct plan_step){ .action = action, .container = container };
	return true;
}

bool plan_has_reason(const struct planning *p)
{
	return p->plan->reason != REASON_COUNT;
}

void plan_say(struct planning *p, Api__State state, enum reason reason, const char *fmt, ...)
{
	va_list args;

	if (plan_has_reason(p))
		return;
	p->plan->state = state;
	p->plan->reason = reason;
	va_start(args, fmt);
	str_vprint(p->plan->message, sizeof(p->plan->message), fmt, args);
	va_end(args);
}

void plan_say_failure(struct planning *p, const struct slot *slot, const char *what)
{
	if (!slot->failures)
		return;
	plan_say(p, API__STATE__STATE_PENDING,
		 action_failure_reason(slot->failed_action, slot->failure_code), "%s%s%s", what,
		 *what ? ": " : "", slot->failure);
}

void plan_fini(struct plan *plan)
{
	free(plan->steps);
	free(plan->pulls);
	*plan = (struct plan){ 0 };
}

uint64_t plan_kill_again_ms(uint64_t killed_ms, unsigned kills)
{
	static const struct backoff backoff = { PLAN_KILL_AGAIN_MS, PLAN_KILL_LAST_MS };

	return killed_ms + backoff_ms(&backoff, kills ? kills - 1 : 0);
}

void plan_cgroup_kill(struct planning *p)
{
	const struct object *object = p->object;
	uint64_t again_ms = plan_kill_again_ms(object->cgroup_killed_ms, object->cgroup_kills);

	if (object->cgroup_killed_ms && again_ms > p->context->now_ms)
		plan_wake_at(p, again_ms);
	else
		plan_emit(p, ACTION_CGROUP_KILL, &object->cgroup, NULL);
}

bool plan_has_cgroup(const struct object *object)
{
	const struct slot *slot = &object->cgroup;

	return object->cgroup_exists && !(slot->busy && slot->action == ACTION_CGROUP_REMOVE);
}

void plan_cgroup_removal(struct planning *p)
{
	const struct object *object = p->object;

	if (!object->cgroup_exists || !object->cgroup.known)
		return;
	if (object->populated)
		plan_cgroup_kill(p);
	else
		plan_emit(p, ACTION_CGROUP_REMOVE, &object->cgroup, NULL);
	if (object->populated && object->cgroup_kills >= PLAN_KILLS_IN_VAIN)
		plan_say(
			p, API__STATE__STATE_PENDING, REASON_DELETE_FAILED,
			"processes in its cgroup do not end though they were killed %u times: see "
			"cgroup.procs there; one that hangs in the kernel ends when what it waits for does",
			object->cgroup_kills);
}
