/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The full look: lists everything of ours that a source knows and puts it into the objects. What is
 * found and nobody wants becomes an object too, so that it is removed by the same plan that removes
 * everything else. At start, after a source was lost, and at the slow resync.
 *
 * A listing takes a while. Slots on which an action began or ended meanwhile are not believed from
 * it.
 */
#pragma once

#include "core/state/engine.h"

void look_runtime(struct engine *engine);
void look_network(struct engine *engine);
void look_cgroups(struct engine *engine);

/* All three; the runtime only while it can be asked: when it comes up it is looked at anyway. */
void look_everything(struct engine *engine);

/* Somebody asks what is, and events may have been lost: the runtime is looked at, if it can be
 * asked, unless that was so within the last minute. */
void look_runtime_if_old(struct engine *engine);
bool look_runtime_is_under_way(const struct engine *engine);

/* At close: looks that wait to be repeated are given up. */
void look_stop_waiting(struct engine *engine);
