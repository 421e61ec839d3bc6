/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One image that somebody in a realm wants, as the lane of pulls (core/images/pulls.h) has it.
 * Plain data: the planner reads it.
 */
#pragma once

#include "core/base/error.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/driver/image_pull.h"
#include "core/loop/timer.h"

struct engine;

enum pull_state {
	PULL_RUNS,  /* or waits for its turn */
	PULL_WAITS, /* it failed, and is tried again at pull.again_ms */
	PULL_DONE,
	PULL_FAILED, /* nobody waits for another try: the next one comes when somebody asks, or the
			realm's credentials change */
};

struct pull;

/* One who hears of a pull: progress, and how it ended. Embedded in its owner. */
struct pull_watcher {
	struct list link;                                /* struct pull.watchers or .quiet */
	struct pull *pull;                               /* NULL: watches none */
	void (*on_change)(struct pull_watcher *watcher); /* look at watcher->pull */
	bool once;  /* one try is enough: what it hears of a failure is the end */
	bool quiet; /* there are many like it: it hears of progress seldom */
	bool keeps; /* it may want back what the name stood for: struct image_pull.keeps */
};

struct pull {
	struct map_node node; /* struct pulls.by_key */
	char *key;            /* "<realm> <name as containerd has it>" */
	char *image;          /* as it was asked for */
	enum pull_state state;
	uint64_t again_ms;  /* loop time: when it is tried again, or was to be; 0: any time */
	char *again;        /* the same for people: a time of the wall clock; NULL: none */
	unsigned failures;  /* in a row */
	uint64_t ended_seq; /* engine.seq when it last ended */
	int status;         /* of the last try: 0 or -errno, with: */
	struct error err;
	enum image_fault fault;
	char *digest; /* of the last success; NULL: none */
	struct image_pull running;
	struct list watchers, quiet; /* struct pull_watcher.link */

	bool missing; /* a container has seen that the realm does not have the image, since it was
			 pulled or looked for last */

	/* the lane's own */
	struct engine *engine;
	uint64_t done_ms;            /* loop time of the last success; 0: none */
	unsigned n_quiet, n_patient; /* of both; not those with once */
	unsigned n_keeping;
	unsigned telling;        /* its watchers are being told */
	bool active;             /* the driver has it */
	bool cancelled;          /* and was told to let it go */
	bool outdated;           /* the driver has credentials that are not the realm's any more */
	uint64_t quiet_until_ms; /* loop time: when the quiet ones hear of progress again */
	struct list turn;        /* struct pulls.turn, or .ended */
	struct timer next_try;
};
