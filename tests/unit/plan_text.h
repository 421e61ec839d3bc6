/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as text, so that a test compares and prints one string. For tests only. */
#pragma once

#include "core/base/buf.h"
#include "core/plan/plan.h"
#include "core/state/object.h"

/* "cgroup-ensure, task-start root, network-join r/s"; "" for no step. Free with free(). */
static inline char *plan_text(const struct plan *plan)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan->steps[i];

		const char *what = step->container ? step->container->role
				   : step->join    ? step->join->space_key
						   : NULL;

		buf_printf(&text, "%s%s%s%s", i ? ", " : "", action_name(step->action),
			   what ? " " : "", what ? what : "");
	}
	return buf_take(&text);
}

#define plan_state_name(state) model_state_name(state).text
