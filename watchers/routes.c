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
#include "watchers/routes.h"

#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "core/base/log.h"
#include "core/bridges.h"

/* A burst of some thousand changes fits; what does not is an overrun. */
enum { RECEIVE_BUFFER_BYTES = 1024 * 1024 };

struct routes {
	struct engine *engine;
	struct routes_listener listener;
	struct nl_sock *sock;
	uv_poll_t poll;
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
	       ways_touch(routes->engine, &ip, begins + msg->rtm_dst_len);
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
		if (!nlmsg_valid_hdr(header, sizeof(struct rtmsg)) ||
		    !route_matters(routes, header))
			break;
		look(routes);
		if (is_missed(routes, header))
			routes->listener.on_missed(routes->listener.ctx);
		break;
	case RTM_NEWNETCONF:
		if (nlmsg_valid_hdr(header, sizeof(struct netconfmsg)) &&
		    routes->engine->bridges.count && is_turned_off(header))
			routes->listener.on_switches(routes->listener.ctx);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		look(routes);
		break;
	}
	return NL_OK;
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct routes *routes = container_of(poll, struct routes, poll);
	int r;

	do
		r = nl_recvmsgs_default(routes->sock);
	while (r >= 0);
	if (r == -NLE_AGAIN)
		return;
	log_debug("netlink, routes: %s", nl_geterror(r));
	look(routes); /* an overrun: messages were lost */
}

static int listen_on(struct nl_sock *sock, struct routes *routes)
{
	int r;

	nl_socket_disable_seq_check(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, routes);
	r = nl_connect(sock, NETLINK_ROUTE);
	if (r == 0)
		r = nl_socket_set_nonblocking(sock);
	if (r == 0)
		nl_socket_set_buffer_size(sock, RECEIVE_BUFFER_BYTES, 0);
	return r < 0 ? r
		     : nl_socket_add_memberships(sock, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
						 RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
						 RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, 0);
}

int routes_open(struct routes **ret, struct engine *engine, const struct routes_listener *listener,
		struct error *err)
{
	struct routes *routes = xnew(struct routes);
	int r;

	*routes = (struct routes){ .engine = engine,
				   .listener = *listener,
				   .sock = nl_socket_alloc() };
	check(routes->sock);
	r = listen_on(routes->sock, routes);
	if (r < 0) {
		nl_socket_free(routes->sock);
		free(routes);
		return error_set(err, -EIO, "cannot watch the host's routes: %s", nl_geterror(r));
	}
	uv_poll_init(&engine->loop->uv, &routes->poll, nl_socket_get_fd(routes->sock));
	uv_poll_start(&routes->poll, UV_READABLE, on_readable);
	*ret = routes;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct routes *routes = container_of((uv_poll_t *)handle, struct routes, poll);
	void (*closed)(void *ctx) = routes->closed;
	void *ctx = routes->closed_ctx;

	nl_socket_free(routes->sock);
	free(routes);
	closed(ctx);
}

void routes_close(struct routes *routes, void (*closed)(void *ctx), void *ctx)
{
	routes->closed = closed;
	routes->closed_ctx = ctx;
	uv_close((uv_handle_t *)&routes->poll, on_closed);
}
