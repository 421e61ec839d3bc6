/* SPDX-License-Identifier: Apache-2.0 */
/* look_ways: the ranges of the spaces next to the routes of the host, and its switches. */
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "drivers/cni/cni_private.h"
#include "drivers/hostnet/overlap.h"
#include "drivers/hostnet/switches.h"
#include "drivers/netlink/nl.h"
#include "drivers/netlink/route_words.h"

struct ways_op {
	struct op op;
	struct host_ways *ways; /* the caller's */
};

struct asking {
	struct nl_sock *sock, *links;
	bool plain;
};

static char *where(struct nl_sock *links, const struct route *route)
{
	AUTO(nl_auto_link) struct rtnl_link *link = NULL;
	char name[IF_NAMESIZE] = "";

	if (route->ifindex && if_indextoname((unsigned)route->ifindex, name))
		rtnl_link_get_kernel(links, route->ifindex, NULL, &link);
	return route_words(name, link ? rtnl_link_get_type(link) : NULL, route->protocol);
}

/* The worst that was found is told. */
static void tell(struct asking *asking, struct overlap_range *range, const struct route *other,
		 enum overlap_verdict verdict, const struct route *way)
{
	struct ways_space *space = range->space;
	AUTO_FREE char *words = NULL;

	if (verdict == OVERLAP_NONE || (space->overlap && space->unreachable) ||
	    (space->overlap && verdict != OVERLAP_LOST))
		return;
	words = where(asking->links, way);
	free(space->overlap);
	space->overlap = overlap_words(range, other, verdict, words);
	space->unreachable = verdict == OVERLAP_LOST;
}

static int judge_route(struct asking *asking, struct overlap_range *range,
		       const struct route *other, struct error *err)
{
	struct ip probe = overlap_probe(range, other);
	struct route taken = { 0 };
	bool reached;
	int r = routes_look_up(asking->sock, &probe, &reached, &taken, err);

	if (r == 0)
		tell(asking, range, other, overlap_judge(range, other, reached, &taken), other);
	return r;
}

/* Nothing of others lies in it; but a rule may lead all packets another way. */
static int judge_rules(struct asking *asking, struct overlap_range *range, struct error *err)
{
	struct ip probe = overlap_probe(range, NULL);
	struct route taken = { 0 };
	bool reached;
	int r;

	if (asking->plain || !range->has_route || range->space->unreachable)
		return 0;
	r = routes_look_up(asking->sock, &probe, &reached, &taken, err);
	if (r == 0 && (!reached || (taken.ifindex != range->bridge && taken.type != RTN_LOCAL)))
		tell(asking, range, NULL, OVERLAP_LOST, &taken);
	return r;
}

static int judge(struct asking *asking, struct overlap_range *range, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < range->n_others && !range->space->unreachable; i++)
		r = judge_route(asking, range, &range->others[i], err);
	return r < 0 ? r : judge_rules(asking, range, err);
}

enum { UPLINKS_MAX = 8 };

struct noting {
	struct overlaps overlaps;
	int uplinks[UPLINKS_MAX];
	size_t n_uplinks;
};

static void noting_fini(struct noting *noting)
{
	overlaps_fini(&noting->overlaps);
}

/* The links that lead out have a route for all. */
static void note(const struct route *route, void *ctx)
{
	struct noting *noting = ctx;

	overlaps_note(&noting->overlaps, route);
	if (!route->v6 && route->to.prefix == IP_V4_BEGINS && route->table == RT_TABLE_MAIN &&
	    route->ifindex && noting->n_uplinks < UPLINKS_MAX)
		noting->uplinks[noting->n_uplinks++] = route->ifindex;
}

static int *find_bridges(const struct host_ways *ways)
{
	int *bridges = xcalloc(ways->n_spaces + 1, sizeof(*bridges));

	for (size_t i = 0; i < ways->n_spaces; i++)
		bridges[i] = (int)if_nametoindex(ways->spaces[i].bridge);
	return bridges;
}

static int look(struct op *op, struct error *err)
{
	struct host_ways *ways = container_of(op, struct ways_op, op)->ways;
	AUTO(noting_fini) struct noting noting = { 0 };
	AUTO_FREE int *bridges = find_bridges(ways);
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL, *links = NULL;
	struct asking asking = { 0 };
	int r = routes_socket(&sock, err);

	if (r == 0)
		r = nl_open(&links, err);
	overlaps_init(&noting.overlaps, ways, bridges);
	if (r == 0)
		r = routes_each(sock, note, &noting, err);
	asking.sock = sock;
	asking.links = links;
	if (r == 0)
		r = routes_are_plain(sock, &asking.plain, err);
	for (size_t i = 0; r == 0 && i < noting.overlaps.n; i++)
		r = judge(&asking, &noting.overlaps.items[i], err);
	if (r == 0)
		switches_look(ways, noting.uplinks, noting.n_uplinks);
	return r;
}

static const struct step ways_steps[] = {
	{ .name = "look at the host's routes", .blocking = look },
	{ 0 },
};

static void on_finish(struct op *op, int status UNUSED)
{
	free(container_of(op, struct ways_op, op));
}

void cni_look_ways(struct network *network, struct host_ways *ways, struct call *call)
{
	struct ways_op *ways_op = xnew(struct ways_op);

	ways_op->ways = ways;
	op_start(&ways_op->op, &container_of(network, struct cni, network)->ops, ways_steps,
		 on_finish, call);
}
