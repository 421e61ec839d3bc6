/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether packets to the addresses of spaces come to their bridges: another hand may lead them
 * elsewhere at any time, with a route into the range of a space. Events of the kernel say when to
 * look; what is found is told (RangeOverlaps), and no new cell is placed where it cannot be
 * reached. What runs is left alone. One look at a time, with everything that changed meanwhile in
 * the next one; a space is not Ready before its ranges have been looked at.
 */
#pragma once

#include "core/base/ranges.h"
#include "core/loop/call.h"

struct engine;
struct host_ways;
struct object;

struct ways {
	struct deferred soon;
	struct timer later;
	struct call call;
	bool busy;
	bool doubted;           /* something changed since the look under way began */
	struct host_ways *wish; /* of the look under way */
	uint64_t not_before_ms;
	struct error problem; /* why the last look failed; code 0: it did not */
	struct ranges ranges; /* of the spaces, when it last began */
	bool overlaps;        /* something else leads into one of them */
	uint64_t looks;       /* that succeeded; for tests */
};

/* The spaces, their bridges or the host's routes may have changed. */
void ways_doubt(struct engine *engine);

/* Whether a range touches that of a space, as they were looked at last. Costs the logarithm of the
 * spaces. */
bool ways_touch(const struct engine *engine, const struct ip *ip, unsigned prefix);

/* Begins nothing more. Once ways.busy is false, everything of it may be freed. */
void ways_stop(struct engine *engine);
void ways_fini(struct engine *engine);
