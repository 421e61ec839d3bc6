/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether packets to the addresses of spaces come to their bridges: another hand may lead them
 * elsewhere at any time, with a route into the range of a space. Events of the kernel say when to
 * look; what is found is told (RangeOverlaps), and no new cell is placed where it cannot be
 * reached. What runs is left alone. One look at a time, with everything that changed meanwhile in
 * the next one; a space is not Ready before its ranges have been looked at.
 *
 * The same of forwarding, which others turn off: it is turned on again (setting forwarding: keep)
 * or told.
 */
#pragma once

#include "core/base/ranges.h"
#include "core/loop/call.h"
#include "core/network/one_act.h"

struct engine;
struct host_ways;
struct object;

struct ways {
	struct one_act act; /* a look */
	struct call call;
	struct host_ways *wish; /* of the look under way */
	struct error problem;   /* why the last look failed; code 0: it did not */
	struct ranges ranges;   /* of the spaces, when it last began */
	bool leaves;            /* the host's own switches are the host's to turn */
	bool fix;               /* but the next look turns them */
	bool bridges_doubted;   /* and those of bridges may have been turned */
	bool forwards;          /* the host forwarded IPv4 at the last look */
	char *off;              /* what of the host's is off, in words; NULL: nothing known of */
	unsigned mends;         /* of the host's, each soon after the one before */
	uint64_t mended_ms;     /* loop time of the last one */
	bool overlaps;          /* something else leads into one of them */
	uint64_t looks;         /* that succeeded; for tests */
};

/* @leaves: see there. */
void ways_init(struct engine *engine, bool leaves);

/* The spaces, their bridges or the host's routes may have changed. */
void ways_mark_stale(struct engine *engine);

/* Switches of links may have been turned too. */
void ways_mark_switches_stale(struct engine *engine);

/* The next look, which begins at once, turns on what is off, whatever the settings say. */
void ways_fix(struct engine *engine);

/* Whether a look is under way or due. */
bool ways_are_stale(const struct engine *engine);

/* Whether a range touches that of a space, as they were looked at last. Costs the logarithm of the
 * spaces. */
bool ways_have(const struct engine *engine, const struct ip *ip, unsigned prefix);

/* Begins nothing more. Once ways.act.busy is false, everything of it may be freed. */
void ways_stop(struct engine *engine);
void ways_fini(struct engine *engine);
