/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of addresses, found by what overlaps them without looking at all of them. Pure. */
#pragma once

#include "core/base/ip.h"

struct range {
	struct ip first, last;
	bool v6;
	size_t tag;      /* the caller's */
	struct ip reach; /* the last address of all up to here */
};

/* A zeroed struct is empty. */
struct ranges {
	struct range *items; /* by their first addresses, once settled */
	size_t n, room;
};

void ranges_fini(struct ranges *ranges);

/* @prefix as in core/base/ip.h. */
void ranges_add(struct ranges *ranges, const struct ip *ip, unsigned prefix, size_t tag);

/* After the last was added, before the first is looked for. */
void ranges_settle(struct ranges *ranges);

/* The first one behind @after (NULL: of all) that overlaps the addresses of @ip and @prefix; NULL:
 * none. Costs the logarithm of all, and what overlaps. */
const struct range *ranges_next(const struct ranges *ranges, const struct range *after,
				const struct ip *ip, unsigned prefix);
