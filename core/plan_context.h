/* SPDX-License-Identifier: Apache-2.0 */
/* What the planner is told of the engine: it sees nothing else of it. */
#pragma once

#include "core/engine.h"
#include "core/plan.h"

struct plan_context plan_context_of(const struct engine *engine);
