/* SPDX-License-Identifier: Apache-2.0 */
/* All that tells of changes of our networks, and one look at them per burst. */
#pragma once

#include "watchers/links.h"
#include "watchers/netfiles.h"
#include "watchers/routes_watcher.h"

/* A zeroed struct is closed. */
struct network_watcher {
	struct engine *engine;
	struct links *links;
	struct routes *routes;
	struct netfiles *files;
	struct timer burst;
	struct timer later; /* for what was busy */
	unsigned n_waits;
	struct deferred all_closed;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* What cannot be watched is warned of; the resync looks at it all the same. */
void network_watcher_open(struct network_watcher *watcher, struct engine *engine);
void network_watcher_close(struct network_watcher *watcher, void (*closed)(void *ctx), void *ctx);
