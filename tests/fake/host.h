/* SPDX-License-Identifier: Apache-2.0 */
/* A whole daemon without sockets: the engine on a world and a virtual clock (or a real loop),
 * manifests as text. */
#pragma once

#include "core/desired/image_garbage.h"
#include "core/loop/loop_test.h"
#include "core/state/engine.h"
#include "core/updates/image_updates.h"
#include "tests/fake/world.h"
#include "watchers/resync.h"

struct sim {
	struct loop loop;
	struct world world;
	struct engine engine;
	struct resync resync;
	const char *run_path; /* set before sim_start(): objects are stored there. NULL: no files at
				 all */
	struct store *store;
	struct journal *journal;
	uint64_t prune_grace_ms;    /* the same: short where time passes as it does */
	struct image_limits limits; /* of images that nobody uses; set before sim_start(): none */
	struct image_updating updating; /* set before sim_start(): no image is looked after */
	struct prune_guard guard;       /* set before sim_start(); sim_init() sets the usual one */
	uv_idle_t awake;                /* keeps a real loop turning */
	bool running;
	bool closed;
	uint64_t seed;
};

void sim_init(struct sim *sim, uint64_t seed);

/* The same on a real loop, for what needs sockets and threads. Time then passes as it does; acts
 * take 1 ms. */
void sim_init_real(struct sim *sim, uint64_t seed);
void sim_fini(struct sim *sim);

/* Starts the daemon on the world as it is. No manifest has been read yet. */
void sim_start(struct sim *sim);

/* The daemon dies now, or stops in order; the world stays. */
void sim_crash(struct sim *sim);

/* Lets go of all that is held, as kuke prune --yes does. */
void sim_prune(struct sim *sim);

/* Gives a file, takes one away, ends the reading of the directory. */
void sim_file(struct sim *sim, const char *path, const char *text);
void sim_file_gone(struct sim *sim, const char *path);
void sim_scanned(struct sim *sim);

/* Lets @ms pass. */
void sim_run(struct sim *sim, uint64_t ms);

/* Runs until @condition holds; false when it still does not after @max_ms. */
bool sim_run_until(struct sim *sim, bool (*condition)(struct sim *sim), uint64_t max_ms);

/* Runs until nothing was done for a minute (retries and back-offs included); false when it does not
 * come to rest within three hours. */
bool sim_settle(struct sim *sim);

/* The object's state; API__STATE__STATE_UNKNOWN when there is none. */
Api__State sim_state(struct sim *sim, const char *key);
