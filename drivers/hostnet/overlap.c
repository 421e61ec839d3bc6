/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/overlap.h"

#include <linux/rtnetlink.h>

#include "core/base/str.h"

/* What says where all goes, or all that is global or private, owns nothing: see hostnet.c. */
enum { WIDE_PREFIX = IP_V4_BEGINS + 2, WIDE6_PREFIX = 16, PROBE = 2 };

void overlaps_fini(struct overlaps *overlaps)
{
	free(overlaps->items);
	ranges_fini(&overlaps->ranges);
	*overlaps = (struct overlaps){ 0 };
}

static void add(struct overlaps *overlaps, struct ways_space *space, const char *text, int bridge)
{
	struct overlap_range *item = &overlaps->items[overlaps->n];

	if (!text || !subnet_parse(text, &item->subnet))
		return;
	item->space = space;
	item->bridge = bridge;
	ranges_add(&overlaps->ranges, &item->subnet.address, item->subnet.prefix, overlaps->n++);
}

void overlaps_init(struct overlaps *overlaps, struct host_ways *ways, const int *bridges)
{
	*overlaps = (struct overlaps){ 0 };
	overlaps->items = xcalloc(2 * ways->n_spaces + 1, sizeof(*overlaps->items));
	for (size_t i = 0; i < ways->n_spaces; i++) {
		add(overlaps, &ways->spaces[i], ways->spaces[i].subnet, bridges[i]);
		add(overlaps, &ways->spaces[i], ways->spaces[i].subnet6, bridges[i]);
	}
	ranges_settle(&overlaps->ranges);
}

static bool is_wide(const struct route *route)
{
	return route->to.prefix < (route->v6 ? WIDE6_PREFIX : WIDE_PREFIX);
}

static bool is_inside(const struct overlap_range *range, const struct route *route)
{
	return route->to.prefix >= range->subnet.prefix;
}

/* The bridge has it, or will have: both are the first address of the range. */
static bool is_gateway(const struct overlap_range *range, const struct route *route)
{
	struct ip gateway = range->subnet.address;

	ip_next(&gateway);
	return ip_compare(&gateway, &route->to.address) == 0;
}

/* The narrowest first: what is narrower is followed, and to be told. */
static void insert(struct overlap_range *range, const struct route *route)
{
	size_t at = range->n_others;

	if (at == OVERLAP_ROUTES_MAX && range->others[at - 1].to.prefix >= route->to.prefix)
		return;
	if (at == OVERLAP_ROUTES_MAX)
		at--;
	else
		range->n_others++;
	for (; at && range->others[at - 1].to.prefix < route->to.prefix; at--)
		range->others[at] = range->others[at - 1];
	range->others[at] = *route;
}

static void note(struct overlap_range *range, const struct route *route)
{
	if (range->bridge && route->ifindex == range->bridge) {
		range->has_route |=
			route->table == RT_TABLE_MAIN && route->to.prefix == range->subnet.prefix;
		return;
	}
	if (route->type == RTN_LOCAL && is_gateway(range, route))
		return;
	insert(range, route);
}

void overlaps_note(struct overlaps *overlaps, const struct route *route)
{
	const struct range *at = NULL;

	if (route->type == RTN_BROADCAST || route->type == RTN_MULTICAST ||
	    route->type == RTN_ANYCAST || is_wide(route))
		return;
	while ((at = ranges_next(&overlaps->ranges, at, &route->to.address, route->to.prefix)))
		note(&overlaps->items[at->tag], route);
}

struct ip overlap_probe(const struct overlap_range *range, const struct route *other)
{
	const struct subnet *narrow =
		other && is_inside(range, other) ? &other->to : &range->subnet;
	struct ip ip = narrow->address;

	for (int i = 0; narrow->prefix <= IP_BITS - PROBE && i < PROBE; i++)
		ip_next(&ip);
	return ip;
}

static bool is_lost(const struct overlap_range *range, const struct route *other, bool reached,
		    const struct route *taken)
{
	bool follows = reached ? taken->ifindex == other->ifindex : !other->ifindex;
	bool plain = reached && (taken->table == RT_TABLE_MAIN || taken->table == RT_TABLE_DEFAULT);

	if (range->has_route)
		return !reached || (taken->ifindex != range->bridge && taken->type != RTN_LOCAL);
	/* Ours comes with the bridge: behind what is equal, before what is wider in its table. */
	return follows && (is_inside(range, other) || !plain);
}

enum overlap_verdict overlap_judge(const struct overlap_range *range, const struct route *other,
				   bool reached, const struct route *taken)
{
	if (other->type == RTN_LOCAL)
		return OVERLAP_BESIDE;
	if (is_lost(range, other, reached, taken))
		return OVERLAP_LOST;
	return other->table == RT_TABLE_MAIN ? OVERLAP_BESIDE : OVERLAP_NONE;
}

static const char remedy[] =
	"take that away, or stop the cells of the space and give it another subnet";

char *overlap_words(const struct overlap_range *range, const struct route *other,
		    enum overlap_verdict verdict, const char *where)
{
	static const char lost[] = "packets to them do not come to its cells, and no new cell is "
				   "placed there";
	char ours[SUBNET_TEXT_BYTES], theirs[SUBNET_TEXT_BYTES];

	subnet_format(&range->subnet, ours);
	if (!other)
		return xasprintf(
			"a routing rule (ip rule) leads the addresses of %s elsewhere, by a "
			"route %s: %s; %s",
			ours, where, lost, remedy);
	subnet_format(&other->to, theirs);
	if (other->type == RTN_LOCAL)
		return xasprintf(
			"%s holds the host's own address %s %s: a cell that gets it is not "
			"reached; %s",
			ours, theirs, where, remedy);
	if (verdict == OVERLAP_LOST)
		return xasprintf("%s overlaps the host's route %s %s: %s; %s", ours, theirs, where,
				 lost, remedy);
	return xasprintf("%s overlaps the host's route %s %s: what is behind that is reached under "
			 "none of these addresses, neither from the host nor from cells; %s",
			 ours, theirs, where, remedy);
}
