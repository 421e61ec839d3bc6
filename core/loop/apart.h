/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of their own for loop_work_apart(). Private to core/loop. */
#pragma once

#include "core/loop/loop.h"

/* False: there is no thread to be had, and nothing was started. */
bool apart_start(struct loop *loop, struct work *work);

/* For loop_close(): whatever ends from now on tells nobody. */
void apart_close(struct loop *loop);
