/* SPDX-License-Identifier: Apache-2.0 */
/* The hand on the virtual clock. For tests: nothing of the product includes it. */
#pragma once

#include "core/loop/loop.h"

/*
 * Virtual clock only: runs deferred work, then timers in order of time, until nothing is due before
 * @until_ms. The clock then stands at @until_ms.
 */
void loop_run_virtual(struct loop *loop, uint64_t until_ms);

/* One turn of that: what is deferred or, when nothing is, the timers that are due next. False, with
 * the clock at @until_ms, when nothing is left to do before. */
bool loop_turn_virtual(struct loop *loop, uint64_t until_ms);
