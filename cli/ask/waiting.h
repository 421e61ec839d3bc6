/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting until an object is as wanted: kuke wait, and --wait of the verbs that change something.
 *
 * Ready is what is so and stays so: for WAITING_STEADY_MS, counted from the last start of one of
 * its containers. What falls back from Ready WAITING_FALLS_MAX times while it is waited for is not
 * waited for any longer.
 */
#pragma once

#include "cli/args/args_target.h"
#include "cli/client/client.h"
#include "cli/show/results.h"

enum {
	WAITING_STEADY_MS = 500, /* who waits for Ready waits until it has been so that long */
	WAITING_FALLS_MAX = 3,
};

enum wait_goal {
	WAIT_READY,
	WAIT_STOPPED,
	WAIT_FAILED,
	WAIT_DELETED,
	WAIT_SETTLED,   /* Ready, or at rest without: completed, nothing in it */
	WAIT_RESTARTED, /* Ready, and the restart that was asked for is over */
	WAIT_GOALS
};

struct waiting {
	struct client *client;
	const struct io *io;
	uint64_t deadline_ms; /* of the monotonic clock */
	uint64_t timeout_ms;  /* what it was made from, for the words */
	bool result_follows;  /* the caller says itself that it is so: who watches reads it once */
};

void waiting_init(struct waiting *waiting, struct client *client, const struct args *args,
		  const struct io *io);

/* CLI_DONE, or what @err says: CLI_FAILED when the time is over or it cannot become so by itself,
 * CLI_UNREACHABLE. */
enum cli_exit waiting_for(const struct waiting *waiting, const struct target *target,
			  enum wait_goal goal, struct error *err);

/* The same for every object among the results that is there, one after the other. Complains. What
 * was asked for and is so by then becomes DELETED or DONE. */
enum cli_exit waiting_for_results(const struct waiting *waiting, struct results *results,
				  enum wait_goal goal);

/* "Ready": a goal by its name. */
const char *wait_goal_name(enum wait_goal goal);
