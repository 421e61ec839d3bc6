/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the planner share: emitting a step, and the rules that hold for every
 * slot. Private to it. */
#pragma once

#include "core/plan/plan.h"
#include "core/state/object.h"

struct planning {
	const struct object *object;
	const struct plan_context *context;
	struct plan *plan;
};

/*
 * Adds a step unless it is there already, or its slot is busy or waits for its next try; then only
 * the time to look again is noted. Returns whether the step was added.
 */
bool plan_emit(struct planning *p, enum action action, const struct slot *slot,
	       struct container *container);

/* Look again at @at_ms at the latest. */
void plan_wake_at(struct planning *p, uint64_t at_ms);

/* Says the state, once: the first that speaks wins. */
void plan_say(struct planning *p, Api__State state, enum reason reason, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
bool plan_has_reason(const struct planning *p);

/* Says why a slot is stuck, if it is. */
void plan_say_failure(struct planning *p, const struct slot *slot, const char *what);

/* False as well from when its removal begins: nothing is put below it any more. */
bool plan_has_cgroup(const struct object *object);

/* Kills what lives in the object's cgroup and removes it. */
void plan_cgroup_removal(struct planning *p);

/*
 * What was killed and of which nobody said that it died is looked at and killed again, after pauses
 * that double from the first to the last. Two without effect are worth telling, and for a task the
 * whole cgroup is killed then.
 */
enum { PLAN_KILL_AGAIN_MS = 5000, PLAN_KILL_LAST_MS = 60 * 1000, PLAN_KILLS_IN_VAIN = 2 };

/* The time of the next SIGKILL after the last of @kills. */
uint64_t plan_kill_again_ms(uint64_t killed_ms, unsigned kills);

/* SIGKILL to everything in the object's cgroup, when it is time for the next one. */
void plan_cgroup_kill(struct planning *p);

void plan_cell(struct planning *p);
