/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the packet filter as the spaces and their cells want it: one act at a time, with everything
 * that changed meanwhile in the next one. A space is not Ready before it is in the filter.
 *
 * When another hand changes the filter it is put back at once; when that goes on and on, within a
 * second, or two tools would do nothing else. Until then its spaces are not Ready. What keeps
 * packets in meanwhile is the driver's: a bridge lets nothing through that the filter has not seen.
 */
#pragma once

#include "core/loop/call.h"
#include "core/network/one_act.h"

struct engine;
struct object;

struct filter {
	struct one_act act; /* sends the difference */
	struct call call;
	unsigned failures; /* in a row */
	struct error problem;
	struct filter_wish *wish; /* of the act under way */
	bool away;                /* another hand changed it, and it was not put back since */
	bool away_again;          /* since the act under way began */
	bool contested;           /* so often that it was put back after a pause; told */
	uint64_t paid_until_ms;   /* loop time that its put-backs have used up */
	uint64_t rests_until_ms;  /* since the last act: it grows with what the filter has */
	uint64_t applied;         /* acts that succeeded; for tests */
};

void filter_init(struct engine *engine);

/* Something that the filter speaks of may have changed. */
void filter_mark_stale(struct engine *engine);

/* Another hand changed the filter. */
void filter_disturbed(struct engine *engine);

/* Begins nothing more. Once filter.act.busy is false, everything of it may be freed. */
void filter_stop(struct engine *engine);
void filter_fini(struct engine *engine);
