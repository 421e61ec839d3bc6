/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of our bridges and of our cells' links, from the kernel's netlink socket: where to look.
 */
#pragma once

#include "core/state/engine.h"

struct links;

/* @look runs when something of ours may have changed, perhaps often in a row. @busy: it is being
 * worked at, so that a look now says nothing of it, and we may have changed it ourselves. */
int links_open(struct links **ret, struct engine *engine, void (*look)(void *ctx, bool busy),
	       void *ctx, struct error *err);

void links_close(struct links *links, void (*closed)(void *ctx), void *ctx);
