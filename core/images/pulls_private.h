/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the lane share. Private to them. */
#pragma once

#include "core/images/pulls.h"

struct pulls {
	struct map by_key; /* struct pull.node */
	struct list turn;  /* struct pull.turn: they wait until others have ended */
	struct list ended; /* struct pull.turn: wanted by nobody; the one that ended first comes
			      first */
	unsigned n_active, n_ended;
	bool stopped;
};

/* What a pull has beside what others may see. */
struct lane_pull {
	struct pull pull;
	char *realm, *namespace_;
	struct call call;
};

static inline struct lane_pull *lane_of(struct pull *pull)
{
	return container_of(pull, struct lane_pull, pull);
}

static inline struct pulls *pulls_of(const struct pull *pull)
{
	return pull->engine->pulls;
}

/* @watcher, which watches none, hears of it. */
void lane_watch(struct pull *pull, struct pull_watcher *watcher);

/* It is tried: now, or when its turn comes, or when what the driver has been told to let go is
 * over.
 */
void lane_begin(struct pull *pull);

/* It is tried again at pull.again_ms, if there is anybody who waits for that. */
void lane_wait(struct pull *pull);

/* The driver lets it go. */
void lane_cancel(struct pull *pull);

/* It is not under way, and nobody watches it. */
void lane_free(struct pull *pull);
