/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   RTM_NEWROUTE, RTM_DELROUTE  a route that touches the range of a space; those of the bridge that
 *                               come with its address are among them, once in its life. One
 *                               by a bridge of ours that goes is missed by its cells
 *   RTM_NEWRULE, RTM_DELRULE    any: a rule is made once, by whoever sets up a VPN
 *   RTM_NEWNETCONF              forwarding was turned off, of the host as a whole or of a link;
 * what is on is as it shall be
 *
 * All else passes by at the cost of a search among the ranges, so that a router with a whole table
 * does not keep us busy. A message may be lost: the kernel then reports an overrun.
 */
#include "watchers/routes_watcher.h"

#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "core/network/bridges.h"
#include "core/network/ways.h"
#include "watchers/netlink.h"

struct routes {
	struct engine *engine;
	struct routes_listener listener;
	struct netlink netlink;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* A route for all is none of ours in the tables that everybody has: what is narrower wins. */
static bool route_matters(const struct routes *routes, struct nlmsghdr *header)
{
	const struct rtmsg *msg = nlmsg_data(header);
	unsigned begins = msg->rtm_family == AF_INET ? IP_V4_BEGINS : 0;
	struct nlattr *to = nlmsg_find_attr(header, sizeof(*msg), RTA_DST);
	struct ip ip;

	if (msg->rtm_family != AF_INET && msg->rtm_family != AF_INET6)
		return false;
	if (!to)
		return msg->rtm_dst_len || msg->rtm_table != RT_TABLE_MAIN;
	return ip_from_bytes(nla_data(to), (size_t)nla_len(to), &ip) &&
	       ways_have(routes->engine, &ip, begins + msg->rtm_dst_len);
}

/* The way out, that all share. */
static bool is_way_out(struct nlmsghdr *header)
{
	const struct rtmsg *msg = nlmsg_data(header);

	return (msg->rtm_family == AF_INET || msg->rtm_family == AF_INET6) && !msg->rtm_dst_len &&
	       msg->rtm_table == RT_TABLE_MAIN;
}

static bool is_about_belief(struct nlmsghdr *header)
{
	return nlmsg_find_attr(header, sizeof(struct netconfmsg), NETCONFA_RP_FILTER);
}

static bool is_turned_off(struct nlmsghdr *header)
{
	const size_t len = sizeof(struct netconfmsg);
	struct nlattr *link = nlmsg_find_attr(header, (int)len, NETCONFA_IFINDEX),
		      *forwarding = nlmsg_find_attr(header, (int)len, NETCONFA_FORWARDING);

	return link && forwarding && nla_get_s32(link) != NETCONFA_IFINDEX_DEFAULT &&
	       !nla_get_s32(forwarding);
}

/* One that has no name any more has gone with its link, which is told apart. */
static bool is_missed(const struct routes *routes, struct nlmsghdr *header)
{
	const struct rtmsg *msg = nlmsg_data(header);
	struct nlattr *link = nlmsg_find_attr(header, sizeof(*msg), RTA_OIF);
	char name[IF_NAMESIZE];

	return header->nlmsg_type == RTM_DELROUTE && msg->rtm_table == RT_TABLE_MAIN && link &&
	       if_indextoname(nla_get_u32(link), name) && bridges_has(routes->engine, name);
}

static void look(const struct routes *routes)
{
	routes->listener.on_ways(routes->listener.ctx);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct routes *routes = arg;

	switch (header->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (!nlmsg_valid_hdr(header, sizeof(struct rtmsg)))
			break;
		if (is_way_out(header))
			routes->listener.on_passage(routes->listener.ctx);
		if (!route_matters(routes, header))
			break;
		look(routes);
		if (is_missed(routes, header))
			routes->listener.on_missed(routes->listener.ctx);
		break;
	case RTM_NEWNETCONF:
		if (!nlmsg_valid_hdr(header, sizeof(struct netconfmsg)) ||
		    !routes->engine->bridges.count)
			break;
		if (is_turned_off(header))
			routes->listener.on_switches(routes->listener.ctx);
		else if (is_about_belief(header))
			routes->listener.on_passage(routes->listener.ctx);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		look(routes);
		break;
	}
	return NL_OK;
}

static void on_overrun(void *ctx)
{
	look(ctx);
}

int routes_open(struct routes **ret, struct engine *engine, const struct routes_listener *listener,
		struct error *err)
{
	static const int groups[] = { RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV6_ROUTE,
				      RTNLGRP_IPV4_RULE,
				      RTNLGRP_IPV6_RULE,
				      RTNLGRP_IPV4_NETCONF,
				      RTNLGRP_IPV6_NETCONF,
				      0 };
	struct routes *routes = xnew(struct routes);
	const struct netlink_options options = { groups, on_message, on_overrun, routes };
	int r;

	routes->engine = engine;
	routes->listener = *listener;
	r = netlink_open(&routes->netlink, engine->loop, &options, err);
	if (r < 0) {
		free(routes);
		return error_wrap(err, r, "cannot watch the host's routes");
	}
	*ret = routes;
	return 0;
}

static void on_closed(void *ctx)
{
	struct routes *routes = ctx;
	void (*closed)(void *ctx) = routes->closed;
	void *closed_ctx = routes->closed_ctx;

	free(routes);
	closed(closed_ctx);
}

void routes_close(struct routes *routes, void (*closed)(void *ctx), void *ctx)
{
	routes->closed = closed;
	routes->closed_ctx = ctx;
	netlink_close(&routes->netlink, on_closed, routes);
}
