/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/ranges.h"

#include <stdlib.h>

#include "core/base/str.h"

void ranges_fini(struct ranges *ranges)
{
	free(ranges->items);
	*ranges = (struct ranges){ 0 };
}

static bool is_v6(const struct ip *ip, unsigned prefix)
{
	return prefix < IP_V4_BEGINS || !ip_is_v4(ip);
}

void ranges_add(struct ranges *ranges, const struct ip *ip, unsigned prefix, size_t tag)
{
	if (ranges->n == ranges->room) {
		ranges->room = ranges->room ? 2 * ranges->room : 16;
		ranges->items = xrealloc(ranges->items, ranges->room * sizeof(*ranges->items));
	}
	ranges->items[ranges->n++] = (struct range){ .first = ip_first(ip, prefix),
						     .last = ip_last(ip, prefix),
						     .v6 = is_v6(ip, prefix),
						     .tag = tag };
}

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int order = ip_compare(&x->first, &y->first);

	return order ? order : (x->tag > y->tag) - (x->tag < y->tag);
}

void ranges_settle(struct ranges *ranges)
{
	struct ip reach = { { 0 } };

	if (ranges->n)
		qsort(ranges->items, ranges->n, sizeof(*ranges->items), by_first);
	for (size_t i = 0; i < ranges->n; i++) {
		if (ip_compare(&ranges->items[i].last, &reach) > 0)
			reach = ranges->items[i].last;
		ranges->items[i].reach = reach;
	}
}

/* The first that reaches @first: none before it does. */
static size_t find(const struct ranges *ranges, const struct ip *first)
{
	size_t low = 0, high = ranges->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ip_compare(&ranges->items[middle].reach, first) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct range *ranges_next(const struct ranges *ranges, const struct range *after,
				const struct ip *ip, unsigned prefix)
{
	struct ip first = ip_first(ip, prefix), last = ip_last(ip, prefix);
	size_t i = after ? (size_t)(after - ranges->items) + 1 : find(ranges, &first);

	for (; i < ranges->n && ip_compare(&ranges->items[i].first, &last) <= 0; i++)
		if (ip_compare(&ranges->items[i].last, &first) >= 0 &&
		    ranges->items[i].v6 == is_v6(ip, prefix))
			return &ranges->items[i];
	return NULL;
}
