/* SPDX-License-Identifier: Apache-2.0 */
/* containerd's events as hints: the runtime driver says where to look, the engine looks there. */
#pragma once

#include "core/state/engine.h"

/* Starts the runtime driver; it calls into @engine until it is closed. */
void runtime_watcher_start(struct engine *engine);
