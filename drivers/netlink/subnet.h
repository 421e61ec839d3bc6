/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of spaces, IPv4 and IPv6: reading, overlap, the next one that is free. Pure. */
#pragma once

#include "core/base/error.h"
#include "core/base/ip.h"

enum { SUBNET_TEXT_BYTES = IP_RANGE_TEXT_BYTES };

/* A zeroed struct is none. */
struct subnet {
	struct ip address; /* bits behind the prefix are zero */
	unsigned prefix;   /* as in core/base/ip.h */
};

/* "10.88.0.0/16", "fd00::/64"; false when it is anything else or has bits behind the prefix. */
bool subnet_parse(const char *text, struct subnet *ret);

/* The range in which @address lies. */
struct subnet subnet_make(const struct ip *address, unsigned prefix);
bool subnet_is_v4(const struct subnet *subnet);
bool subnet_overlaps(const struct subnet *a, const struct subnet *b);

/* Returns @ret_text. */
const char *subnet_format(const struct subnet *subnet, char ret_text[SUBNET_TEXT_BYTES]);

/* A range that a space can have: of IPv4 room for the bridge and a cell, and no more than a /8; of
 * IPv6 /64 to /112. */
int subnet_parse_for_space(const char *text, struct subnet *ret, struct error *err);
int subnet6_parse_for_space(const char *text, struct subnet *ret, struct error *err);

/* Places in which ranges are given out, each by the first one in it. */
enum { SUBNET_POOLS_MAX = 16 };

struct subnet_pools {
	struct subnet firsts[SUBNET_POOLS_MAX];
	size_t n;
};

/* Ranges in use and by what, in words. A zeroed struct is an empty set. */
struct taken_subnet {
	struct subnet subnet;
	char *owner;
};

struct taken_subnets {
	struct taken_subnet *items;
	size_t n;
};

void taken_subnets_fini(struct taken_subnets *taken);
void taken_subnets_add(struct taken_subnets *taken, const struct subnet *subnet, const char *owner);

/* The first that overlaps; NULL when none does. */
const struct taken_subnet *taken_subnets_find(const struct taken_subnets *taken,
					      const struct subnet *subnet);

/* The first range of the size of @first, from @first upwards, that overlaps none; false: all are
 * taken. Of IPv4 to the end of the private block that it is in (RFC 1918, RFC 6598), else of the
 * /8; of IPv6 of the /48. */
bool subnet_next_free(const struct subnet *first, const struct taken_subnets *taken,
		      struct subnet *ret);
