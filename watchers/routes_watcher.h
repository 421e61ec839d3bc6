/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the host's routes, of the rules by which it asks them and of what it forwards, from
 * the kernel's netlink socket: where to look. */
#pragma once

#include "core/state/engine.h"

struct routes;

/* All may run often in a row. */
struct routes_listener {
	void *ctx;
	void (*on_ways)(void *ctx);     /* packets to our addresses may go another way now */
	void (*on_switches)(void *ctx); /* forwarding may have been turned off */
	void (*on_passage)(
		void *ctx); /* the way out, or which packets are believed, may be another */
	void (*on_missed)(void *ctx); /* a bridge of ours has lost a route */
};

int routes_open(struct routes **ret, struct engine *engine, const struct routes_listener *listener,
		struct error *err);
void routes_close(struct routes *routes, void (*closed)(void *ctx), void *ctx);
