/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/hostnet.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/route.h>

#include "core/base/str.h"
#include "drivers/netlink/nl.h"
#include "drivers/netlink/route_words.h"

/* 0/0 and the halves that VPNs put over it cover everything and own nothing; of IPv6 neither do
 * 2000::/3 and fc00::/7, which say where all that is global, or private, goes. */
enum { ROUTE_PREFIX_MIN = IP_V4_BEGINS + 2, ROUTE6_PREFIX_MIN = 16 };

static bool to_subnet(struct nl_addr *addr, struct subnet *ret)
{
	int family = addr ? nl_addr_get_family(addr) : AF_UNSPEC;
	unsigned begins = family == AF_INET ? IP_V4_BEGINS : 0;
	struct ip ip;

	if ((family != AF_INET && family != AF_INET6) ||
	    !ip_from_bytes(nl_addr_get_binary_addr(addr), nl_addr_get_len(addr), &ip))
		return false;
	*ret = subnet_make(&ip, begins + nl_addr_get_prefixlen(addr));
	return true;
}

static bool owns_nothing(const struct subnet *subnet)
{
	return subnet->prefix < (subnet_is_v4(subnet) ? ROUTE_PREFIX_MIN : ROUTE6_PREFIX_MIN);
}

struct collect {
	const char *const *ignored;
	struct taken_subnets *taken;
};

static void add(struct collect *collect, const char *what, struct nl_addr *addr, int ifindex)
{
	char name[IF_NAMESIZE] = "?", text[SUBNET_TEXT_BYTES];
	struct subnet subnet;
	const char *tool;

	if (!to_subnet(addr, &subnet) || owns_nothing(&subnet))
		return;
	if_indextoname((unsigned)ifindex, name);
	for (const char *const *ignored = collect->ignored; *ignored; ignored++)
		if (str_equal(*ignored, name))
			return;
	subnet_format(&subnet, text);
	tool = route_words_tool(name, NULL);
	AUTO_FREE char *owner = xasprintf("the host's %s %s on %s%s%s", what, text, name,
					  tool ? ", of " : "", tool ? tool : "");
	taken_subnets_add(collect->taken, &subnet, owner);
}

static void on_route(struct nl_object *object, void *arg)
{
	struct rtnl_route *route = (struct rtnl_route *)object;
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	int type = rtnl_route_get_type(route);

	if (type == RTN_LOCAL || type == RTN_BROADCAST || type == RTN_MULTICAST ||
	    type == RTN_ANYCAST)
		return;
	add(arg, "route", rtnl_route_get_dst(route), hop ? rtnl_route_nh_get_ifindex(hop) : 0);
}

static void on_address(struct nl_object *object, void *arg)
{
	struct rtnl_addr *address = (struct rtnl_addr *)object;

	add(arg, "address", rtnl_addr_get_local(address), rtnl_addr_get_ifindex(address));
}

int hostnet_add_taken(const char *const ignored[], struct taken_subnets *taken, struct error *err)
{
	struct collect collect = { .ignored = ignored, .taken = taken };
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(nl_auto_cache) struct nl_cache *routes = NULL;
	AUTO(nl_auto_cache) struct nl_cache *addresses = NULL;
	int r = nl_open(&sock, err);

	if (r < 0)
		return r;
	r = rtnl_route_alloc_cache(sock, AF_UNSPEC, 0, &routes);
	if (r < 0)
		return nl_to_error(err, "list the host's routes", r);
	r = rtnl_addr_alloc_cache(sock, &addresses);
	if (r < 0)
		return nl_to_error(err, "list the host's addresses", r);
	nl_cache_foreach(routes, on_route, &collect);
	nl_cache_foreach(addresses, on_address, &collect);
	return 0;
}

static int get_link(struct nl_sock *sock, const char *name, struct rtnl_link **ret,
		    struct error *err)
{
	int r = strlen(name) < IF_NAMESIZE ? rtnl_link_get_kernel(sock, 0, name, ret)
					   : -NLE_OBJ_NOTFOUND;

	if (r == -NLE_OBJ_NOTFOUND || r == -NLE_NODEV)
		return 0;
	return r < 0 ? nl_to_error(err, "look up a network link", r) : 0;
}

struct address_look {
	int ifindex;
	const struct subnet *subnet;
	bool outside;
};

static void on_link_address(struct nl_object *object, void *arg)
{
	struct rtnl_addr *address = (struct rtnl_addr *)object;
	struct address_look *look = arg;
	struct subnet subnet;

	if (rtnl_addr_get_ifindex(address) == look->ifindex &&
	    to_subnet(rtnl_addr_get_local(address), &subnet) && subnet_is_v4(&subnet) &&
	    (ip_compare(&subnet.address, &look->subnet->address) != 0 ||
	     subnet.prefix != look->subnet->prefix))
		look->outside = true;
}

static bool is_bridge(struct rtnl_link *link)
{
	return str_equal(rtnl_link_get_type(link), "bridge");
}

int hostnet_find_link(const char *name, const struct subnet *subnet, enum hostnet_link *ret,
		      struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(nl_auto_link) struct rtnl_link *link = NULL;
	AUTO(nl_auto_cache) struct nl_cache *addresses = NULL;
	struct address_look look = { .subnet = subnet };
	int r = nl_open(&sock, err);

	if (r == 0)
		r = get_link(sock, name, &link, err);
	if (r < 0)
		return r;
	if (!link || !is_bridge(link)) {
		*ret = link ? HOSTNET_LINK_FOREIGN : HOSTNET_LINK_NONE;
		return 0;
	}
	r = rtnl_addr_alloc_cache(sock, &addresses);
	if (r < 0)
		return nl_to_error(err, "list the host's addresses", r);
	look.ifindex = rtnl_link_get_ifindex(link);
	nl_cache_foreach(addresses, on_link_address, &look);
	*ret = look.outside ? HOSTNET_LINK_FOREIGN : HOSTNET_LINK_BRIDGE;
	return 0;
}

int hostnet_remove_bridge(const char *name, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(nl_auto_link) struct rtnl_link *link = NULL;
	int r = nl_open(&sock, err);

	if (r == 0)
		r = get_link(sock, name, &link, err);
	if (r < 0 || !link)
		return r;
	if (!is_bridge(link))
		return error_set(err, -EEXIST, "network link %s is not a bridge, not removed",
				 name);
	r = rtnl_link_delete(sock, link);
	if (r < 0 && r != -NLE_NODEV && r != -NLE_OBJ_NOTFOUND)
		return nl_to_error(err, "delete the bridge", r);
	return 0;
}
