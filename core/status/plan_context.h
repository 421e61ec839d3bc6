/* SPDX-License-Identifier: Apache-2.0 */
/* What the planner is told of the engine: it sees nothing else of it. */
#pragma once

#include "core/plan/plan.h"
#include "core/state/engine.h"

struct plan_context plan_context_of(const struct engine *engine);
