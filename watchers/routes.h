/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the host's routes and of the rules by which it asks them, from the kernel's netlink
 * socket: where to look. */
#pragma once

#include "core/engine.h"

struct routes;

/* @look runs when packets to our addresses may go another way now, perhaps often in a row. */
int routes_open(struct routes **ret, struct engine *engine, void (*look)(void *ctx), void *ctx,
		struct error *err);
void routes_close(struct routes *routes, void (*closed)(void *ctx), void *ctx);
