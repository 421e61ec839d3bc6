/* SPDX-License-Identifier: Apache-2.0 */
/* Stops that nobody wants any more. */
#pragma once

#include "core/state/engine.h"

/*
 * Ends every stop of the object that is not wanted any more, so that the next one begins anew, with
 * the signal and its grace. Whether the process obeys the one that was sent is open: if it ends
 * before its grace is over it does, and that is no failure.
 */
void stops_end_unwanted(struct engine *engine, struct object *object);
