/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the resolv.conf that all containers mount like the host's, in place: a change reaches those
 * that run. */
#pragma once

#include "core/config/resolver.h"
#include "core/loop/loop.h"

struct resolver_watcher;

struct resolver_options {
	struct resolver_files files; /* of the host */
	const char *target;          /* what containers mount */
};

/* Writes the target before it returns. What cannot be watched is looked at by resolver_look()
 * alone. */
int resolver_open(struct resolver_watcher **ret_watcher, struct loop *loop,
		  const struct resolver_options *options, struct error *err);
void resolver_close(struct resolver_watcher *watcher, void (*closed)(void *ctx), void *ctx);

/* Look at the host's files, for what no event tells. */
void resolver_look(struct resolver_watcher *watcher);
