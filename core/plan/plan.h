/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner: from what is wanted and what is seen to what to do now and what to say about it.
 *
 * Pure: no stored step, no I/O, no clock of its own. First start, retry, drift, crash recovery and
 * upgrade are the same path: look, plan, act, look again. It is asked again after every change of
 * anything it reads; it returns every action that may run now, at most one per slot, and never one
 * on a slot that is busy. Steps of a cell overlap because they sit on different slots, not because
 * somebody sequenced them.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/state/action.h"
#include "core/state/reason.h"

struct object;
struct container;
struct join;

struct plan_step {
	enum action action;
	struct container *container; /* for actions on a container, else NULL */
	struct join *join;           /* for actions on a join, else NULL */
};

enum { PLAN_MESSAGE_BYTES = 512 };

struct plan {
	struct plan_step *steps;
	size_t n_steps;
	struct container **pulls; /* those that wait for an image from its registry, in their order */
	size_t n_pulls;
	bool judged_pulls;   /* else those that are wanted stay wanted */
	uint64_t wake_at_ms; /* plan again then at the latest; 0: only when something changes */
	bool gone;           /* not wanted and nothing of it is left: forget it */
	bool waits;          /* until others have come up */
	bool restarted;      /* what was to be restarted is down: INTENT_RESTART has been met */
	Api__State state;
	enum reason reason;
	char message[PLAN_MESSAGE_BYTES];
};

/* What the planner must know beyond the object. */
struct plan_context {
	uint64_t now_ms;
	bool relisted;   /* every source has been listed once: what is not seen is not there */
	const char *relist_problem; /* why not; NULL: it is under way */
	bool may_delete; /* the set of wanted objects is complete */
	bool runtime_up;
	bool may_begin;       /* one more cell may begin to come up; */
	uint64_t begin_at_ms; /* else ask again then at the latest */
	bool releasing;       /* what an earlier boot of the host left attached is still going */
};

void plan_object(const struct object *object, const struct plan_context *context,
		 struct plan *ret_plan);
void plan_fini(struct plan *plan);

/* State of one container of a cell, for status. */
struct container_state {
	Api__State state;
	enum reason reason;
	char message[PLAN_MESSAGE_BYTES];
};

void plan_container_state(const struct container *container, const struct plan_context *context,
			  struct container_state *ret_state);
