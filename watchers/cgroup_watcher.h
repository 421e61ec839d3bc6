/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.events as hints: a cell's cgroup became populated or empty, or vanished. */
#pragma once

#include "core/state/engine.h"

/* Starts the cgroup driver; it calls into @engine until it is closed. */
void cgroup_watcher_start(struct engine *engine);
