/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the packet filter as the spaces and their cells want it: one act at a time, with everything
 * that changed meanwhile in the next one. A space is not Ready before it is in the filter.
 *
 * When another hand changes the filter it is put back at once; when that goes on and on, after
 * pauses that grow, or two tools would do nothing else.
 */
#pragma once

#include "core/loop/call.h"

struct engine;
struct object;

struct filter {
	struct deferred soon;
	struct timer later;
	struct call call;
	bool busy;
	bool doubted;      /* something changed since the act under way began */
	unsigned failures; /* in a row */
	struct error problem;
	struct filter_wish *wish; /* of the act under way */
	unsigned fights;          /* changes by another hand, each soon after the one before */
	uint64_t fought_ms;       /* loop time of the last one; 0: none */
	uint64_t not_before_ms;
	uint64_t rests_until_ms; /* since the last act: it grows with what the filter has */
	uint64_t applied;        /* acts that succeeded; for tests */
};

void filter_init(struct engine *engine);

/* Something that the filter speaks of may have changed. */
void filter_doubt(struct engine *engine);

/* Another hand changed the filter. */
void filter_disturbed(struct engine *engine);

/* Begins nothing more. Once filter.busy is false, everything of it may be freed. */
void filter_stop(struct engine *engine);
void filter_fini(struct engine *engine);
