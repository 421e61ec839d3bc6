/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an object in memory. */
#pragma once

#include "core/state/engine.h"

/* Forgets an object of which nothing is left; its parent is looked at. */
void forget_object(struct engine *engine, struct object *object);
