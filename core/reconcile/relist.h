/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relist: lists everything of ours that a source knows and puts it into the objects. What is
 * found and nobody wants becomes an object too, so that it is removed by the same plan that removes
 * everything else. At start, after a source was lost, and at the slow resync.
 *
 * A listing takes a while. Slots on which an action began or ended meanwhile are not believed from
 * it.
 */
#pragma once

#include "core/state/engine.h"

void relist_runtime(struct engine *engine);
void relist_network(struct engine *engine);
void relist_cgroups(struct engine *engine);

/* All three; the runtime only while it can be asked: when it comes up it is listed anyway. */
void relist_all(struct engine *engine);

/* Somebody asks what is, and events may have been lost: the runtime is listed, if it can be
 * asked, unless that was so within the last minute. */
void relist_runtime_if_old(struct engine *engine);
bool relist_runtime_is_under_way(const struct engine *engine);

/* At close: relists that wait to be repeated are given up. */
void relist_stop_waiting(struct engine *engine);
