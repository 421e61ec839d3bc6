/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which routes of others lead into the ranges of spaces, and which of the two a packet follows. The
 * kernel takes the longest prefix of a table, of two that are equal the older one, and tables in
 * the order of its rules; so it is asked about an address of each overlap. Pure.
 */
#pragma once

#include "core/base/ranges.h"
#include "core/driver/network.h"
#include "drivers/netlink/routes.h"

enum { OVERLAP_ROUTES_MAX = 16 }; /* of one range; of more the narrowest are kept */

/* A range of a space, of one family. */
struct overlap_range {
	struct ways_space *space;
	struct subnet subnet;
	int bridge;                              /* its index; 0: there is none yet */
	bool has_route;                          /* to its bridge, in table main */
	struct route others[OVERLAP_ROUTES_MAX]; /* the narrowest first */
	size_t n_others;
};

struct overlaps {
	struct overlap_range *items;
	size_t n;
	struct ranges ranges; /* tag: the place in items */
};

void overlaps_fini(struct overlaps *overlaps);

/* The ranges of @ways, which outlives it, and the indexes of their bridges. */
void overlaps_init(struct overlaps *overlaps, struct host_ways *ways, const int *bridges);

/* A route of the host, for each range that it touches. Costs the logarithm of the ranges. */
void overlaps_note(struct overlaps *overlaps, const struct route *route);

/* An address to ask the kernel about: in the range and in @other; NULL: in the range. */
struct ip overlap_probe(const struct overlap_range *range, const struct route *other);

enum overlap_verdict {
	OVERLAP_NONE,   /* nobody follows it */
	OVERLAP_BESIDE, /* what is behind it cannot be reached under the addresses of the range */
	OVERLAP_LOST,   /* it is followed, not ours */
};

/* @taken: the route that the packet to the probe takes, if it is @reached. */
enum overlap_verdict overlap_judge(const struct overlap_range *range, const struct route *other,
				   bool reached, const struct route *taken);

/* @where: route_words() of the route; @other NULL: a rule leads all packets there. Free with
 * free(). */
char *overlap_words(const struct overlap_range *range, const struct route *other,
		    enum overlap_verdict verdict, const char *where);
