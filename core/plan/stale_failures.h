/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures that do not matter any more: what an act was to bring about is there after all, because
 * its effect came before its answer was lost, or because somebody else did it. Pure.
 */
#pragma once

#include "core/state/object.h"

/* Clears the last failure of every slot of the object where it is such a one. */
void stale_failures_clear(struct object *object);
