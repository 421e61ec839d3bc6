/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints about what nobody knows here. Most are about things that are none of ours; but a listing
 * that is under way may be about to tell of one of ours for the first time, as it was before the
 * hint. So they are remembered until it is over.
 */
#pragma once

#include "core/state/engine.h"

/* @name: an object's key, or a container's index_key. */
void unplaced_note(struct engine *engine, const char *name);

/* When that was, in engine.seq: what was read before is not believed. 0: nobody hinted. */
uint64_t unplaced_seq(const struct engine *engine, const char *name);

/* All of them. */
void unplaced_forget(struct engine *engine);
