/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has become moot. Failures: what an act was to bring about is there after all, because its
 * effect came before its answer was lost, or because somebody else did it. Stops: nobody wants them
 * any more. Pure.
 */
#pragma once

#include "core/engine.h"

/* Forgives every slot of the object whose last failure does not matter any more. */
void moot_forgive(struct object *object);

/*
 * Ends every stop of the object that is not wanted any more, so that the next one begins anew, with
 * the signal and its grace. Whether the process obeys the one that was sent is open: if it ends
 * before its grace is over it does, and that is no failure.
 */
void moot_stops(struct engine *engine, struct object *object);
