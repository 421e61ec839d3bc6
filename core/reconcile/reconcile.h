/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From plan to acts: asks the planner about one object, starts what it says through the drivers,
 * turns every result into facts, and has the object looked at again. One act per slot; what a
 * failure left is looked at before the next.
 */
#pragma once

#include "core/state/engine.h"

/* The worker of the queue. May free @object. */
void reconcile_object(struct engine *engine, struct object *object);
