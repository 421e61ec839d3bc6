/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures that do not matter any more: what an act was to bring about is there after all, because
 * its effect came before its answer was lost, or because somebody else did it. Pure.
 */
#pragma once

#include "core/state/object.h"

/* Forgives every slot of the object whose last failure is such a one. */
void moot_forgive(struct object *object);
