/* SPDX-License-Identifier: Apache-2.0 */
/* The slow look at everything, for what no event tells: every source is asked anew at a fixed
 * interval. */
#pragma once

#include "core/doctor/sweep.h"
#include "core/state/engine.h"
#include "watchers/manifests/manifests.h"
#include "watchers/resolver_watcher.h"
#include "watchers/socket_watcher.h"

struct resync {
	struct engine *engine;
	uint64_t interval_ms;
	struct manifests_watcher *manifests; /* read again too; NULL: none */
	struct resolver_watcher *resolver;   /* the same */
	struct socket_watcher *socket;       /* the same */
	struct timer timer;
	struct sweep sweep;
};

/* @interval_ms 0: never, but what a crash left is taken away soon. @resync is zeroed or was
 * stopped. */
void resync_start(struct resync *resync, struct engine *engine, uint64_t interval_ms);
void resync_stop(struct resync *resync);
