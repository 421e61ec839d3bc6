/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the files of our networks, conflists, reservations and pins, from inotify and the
 * kernel's list of mounts: where to look. */
#pragma once

#include "core/state/engine.h"

struct netfiles;

/* @look runs when something of ours is missing or was written by another. @busy: as in
 * links_open(). */
int netfiles_open(struct netfiles **ret, struct engine *engine, void (*look)(void *ctx, bool busy),
		  void *ctx, struct error *err);
void netfiles_close(struct netfiles *files, void (*closed)(void *ctx), void *ctx);
