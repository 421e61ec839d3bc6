/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says on its own about networks, and what of it matters here:
 *
 *   RTM_DELLINK                   a bridge of ours or a cell's link is gone
 *   RTM_DELLINK, family AF_BRIDGE a link has left its bridge
 *   RTM_NEWLINK                   any change of a link: without IFF_UP, or a cell's without a
 *                                 master or a carrier (its other end is down, inside), it is not as
 *                                 it was made
 *   RTM_DELADDR                   a bridge of ours has lost an address
 *   RTM_DELQDISC, RTM_DELTFILTER  a bridge of ours has lost its second lock, perhaps
 *
 * Everything else that happens to links passes by without a look, also nearly all that we do to
 * them ourselves: a cell's link is known by its name from the end of ADD until DEL begins. A
 * renamed link says only its new name, and a message may be lost: the kernel then reports an
 * overrun, and everything is looked at; the slow resync finds the rest.
 */
#include "watchers/links.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "core/network/bridges.h"
#include "core/network/ways.h"
#include "core/plan/plan_cell.h"
#include "watchers/netlink.h"

/* IFF_LOWER_UP of linux/if.h, which does not go with net/if.h. The kernel has it right at once,
 * IFF_RUNNING some time later. */
enum { FLAG_LOWER_UP = 1 << 16 };

struct links {
	struct engine *engine;
	void (*look)(void *ctx, bool busy);
	void *ctx;
	struct netlink netlink;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static bool is_doing(const struct slot *slot, enum action action)
{
	return slot->busy && slot->action == action;
}

/* We take it away ourselves right now. */
static bool is_going(const struct object *cell, const char *name)
{
	const struct join *join;

	list_for_each(join, &cell->cell.joins, link)
		if (str_equal(join->link_on_host.name, name) &&
		    is_doing(&join->slot, ACTION_NETWORK_LEAVE))
			return true;
	return is_doing(&cell->cell.network, ACTION_NETWORK_DETACH);
}

static bool is_busy(const struct object *cell)
{
	return cell->cell.network.busy || cell_joins_busy(cell);
}

static bool link_matters(struct links *links, struct nlmsghdr *header, bool *ret_busy)
{
	const struct object *cell;
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *name = nlmsg_find_attr(header, sizeof(*info), IFLA_IFNAME);
	struct nlattr *master = nlmsg_find_attr(header, sizeof(*info), IFLA_MASTER);
	bool gone = header->nlmsg_type == RTM_DELLINK;

	if (!name || (info->ifi_family == AF_BRIDGE && !gone))
		return false;
	if (!gone && (info->ifi_flags & IFF_UP) && (info->ifi_flags & FLAG_LOWER_UP) && master)
		return false;
	cell = engine_find_link(links->engine, nla_get_string(name));
	*ret_busy = cell && is_busy(cell);
	if (cell && (cell->cell.attached || *ret_busy))
		return !is_going(cell, nla_get_string(name));
	return (gone || !(info->ifi_flags & IFF_UP)) && info->ifi_family != AF_BRIDGE &&
	       bridges_has(links->engine, nla_get_string(name));
}

static bool address_matters(struct links *links, struct nlmsghdr *header)
{
	const struct ifaddrmsg *info = nlmsg_data(header);
	char name[IF_NAMESIZE];

	/* One that has no name any more is gone, which is told apart. */
	return if_indextoname(info->ifa_index, name) && bridges_has(links->engine, name);
}

static bool queue_matters(struct links *links, struct nlmsghdr *header)
{
	const struct tcmsg *info = nlmsg_data(header);
	char name[IF_NAMESIZE];

	return if_indextoname((unsigned)info->tcm_ifindex, name) &&
	       bridges_has(links->engine, name);
}

/* The kernel takes routes away with their link, or when that goes down, and says nothing of it. */
static bool takes_routes_away(struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);

	return header->nlmsg_type == RTM_DELLINK || header->nlmsg_type == RTM_DELADDR ||
	       (header->nlmsg_type == RTM_NEWLINK && nlmsg_valid_hdr(header, sizeof(*info)) &&
		!(info->ifi_flags & IFF_UP));
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct links *links = arg;
	bool matters = false, busy = false;

	if ((links->engine->ways->overlaps || links->engine->ways->act.busy) &&
	    takes_routes_away(header))
		ways_mark_stale(links->engine);

	if (header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK)
		matters = nlmsg_valid_hdr(header, sizeof(struct ifinfomsg)) &&
			  link_matters(links, header, &busy);
	else if (header->nlmsg_type == RTM_DELADDR)
		matters = nlmsg_valid_hdr(header, sizeof(struct ifaddrmsg)) &&
			  address_matters(links, header);
	else if (header->nlmsg_type == RTM_DELQDISC || header->nlmsg_type == RTM_DELTFILTER)
		matters = nlmsg_valid_hdr(header, sizeof(struct tcmsg)) &&
			  queue_matters(links, header);
	if (matters)
		links->look(links->ctx, busy);
	return NL_OK;
}

static void on_overrun(void *ctx)
{
	struct links *links = ctx;

	links->look(links->ctx, false);
}

int links_open(struct links **ret, struct engine *engine, void (*look)(void *ctx, bool busy),
	       void *ctx, struct error *err)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_TC, 0 };
	struct links *links = xnew(struct links);
	const struct netlink_options options = { groups, on_message, on_overrun, links };
	int r;

	links->engine = engine;
	links->look = look;
	links->ctx = ctx;
	r = netlink_open(&links->netlink, engine->loop, &options, err);
	if (r < 0) {
		free(links);
		return error_wrap(err, r, "cannot watch the host's network links");
	}
	*ret = links;
	return 0;
}

static void on_closed(void *ctx)
{
	struct links *links = ctx;
	void (*closed)(void *ctx) = links->closed;
	void *closed_ctx = links->closed_ctx;

	free(links);
	closed(closed_ctx);
}

void links_close(struct links *links, void (*closed)(void *ctx), void *ctx)
{
	links->closed = closed;
	links->closed_ctx = ctx;
	netlink_close(&links->netlink, on_closed, links);
}
