/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures that have become moot: what an act was to bring about is there after all, because its
 * effect came before its answer was lost, or because somebody else did it. Pure.
 */
#pragma once

#include "core/object.h"

/* Forgives every slot of the object whose last failure does not matter any more. */
void moot_forgive(struct object *object);
