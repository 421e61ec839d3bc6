/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/attachments/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sched.h>
#include <stdio.h>

#include "core/base/ip.h"
#include "drivers/netlink/nl.h"
#include "drivers/netns/netns.h"

static const char THREAD_NETNS[] = "/proc/thread-self/ns/net";

enum { MAC_TEXT_BYTES = 32 };

void inside_fini(struct inside *inside)
{
	free(inside->mac);
	strv_fini(&inside->addresses);
	free(inside->gateway);
	free(inside->gateway6);
	*inside = (struct inside){ 0 };
}

/* A socket stays in the namespace in which it was opened; the thread goes back at once. */
static int open_inside(const char *netns, struct nl_sock **ret, struct error *err)
{
	AUTO_CLOSE int back = -1;
	AUTO_CLOSE int fd = -1;
	int r;

	if (netns_inspect(netns) != NETNS_LIVE)
		return error_set(err, -ENOENT, "no network namespace is pinned at %s", netns);
	back = open(THREAD_NETNS, O_RDONLY | O_CLOEXEC);
	fd = open(netns, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (back < 0 || fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", netns);
	if (setns(fd, CLONE_NEWNET) < 0)
		return error_set(err, -errno, "cannot enter %s: %m", netns);
	r = nl_open(ret, err);
	check(setns(back, CLONE_NEWNET) == 0);
	return r;
}

/* ---- seeing ---- */

static int get_link(struct nl_sock *sock, const char *name, struct rtnl_link **ret,
		    struct error *err)
{
	int r = rtnl_link_get_kernel(sock, 0, name, ret);

	*ret = r < 0 ? NULL : *ret;
	if (r == -NLE_OBJ_NOTFOUND || r == -NLE_NODEV)
		return 0;
	return r < 0 ? nl_to_error(err, "look up an interface of a cell", r) : 0;
}

static char *address_text(struct nl_addr *address)
{
	struct ip ip;
	char text[IP_RANGE_TEXT_BYTES];
	unsigned prefix = address ? nl_addr_get_prefixlen(address) : 0;

	if (!address ||
	    !ip_from_bytes(nl_addr_get_binary_addr(address), nl_addr_get_len(address), &ip))
		return NULL;
	if (ip_is_v4(&ip))
		prefix += IP_V4_BEGINS;
	return xstrdup(ip_format_range(&ip, prefix, text));
}

struct look {
	int ifindex;
	struct inside *inside;
};

static void add_address(struct nl_object *object, void *arg)
{
	struct rtnl_addr *address = (struct rtnl_addr *)object;
	const struct look *look = arg;
	AUTO_FREE char *text = NULL;

	if (rtnl_addr_get_ifindex(address) != look->ifindex ||
	    rtnl_addr_get_scope(address) == RT_SCOPE_LINK)
		return;
	text = address_text(rtnl_addr_get_local(address));
	if (text)
		strv_add(&look->inside->addresses, text);
}

/* Through whichever interface: a cell may have made itself another way out. */
static void add_route(struct nl_object *object, void *arg)
{
	struct rtnl_route *route = (struct rtnl_route *)object;
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	struct nl_addr *to = rtnl_route_get_dst(route), *via;
	const struct look *look = arg;
	char **place = rtnl_route_get_family(route) == AF_INET6 ? &look->inside->gateway6
								: &look->inside->gateway;
	char text[IP_RANGE_TEXT_BYTES];

	if (!hop || !to || nl_addr_get_prefixlen(to) || *place ||
	    rtnl_route_get_table(route) != RT_TABLE_MAIN ||
	    rtnl_route_get_type(route) != RTN_UNICAST)
		return;
	via = rtnl_route_nh_get_gateway(hop);
	*place = xstrdup(via ? nl_addr2str(via, text, sizeof(text)) : "");
	(*place)[strcspn(*place, "/")] = '\0';
}

static int see_addresses(struct nl_sock *sock, struct look *look, struct error *err)
{
	AUTO(nl_auto_cache) struct nl_cache *addresses = NULL;
	AUTO(nl_auto_cache) struct nl_cache *routes = NULL;
	int r = rtnl_addr_alloc_cache(sock, &addresses);

	if (r == 0)
		r = rtnl_route_alloc_cache(sock, AF_UNSPEC, 0, &routes);
	if (r < 0)
		return nl_to_error(err, "list the addresses of a cell", r);
	nl_cache_foreach(addresses, add_address, look);
	nl_cache_foreach(routes, add_route, look);
	return 0;
}

static int see(struct nl_sock *sock, const char *interface, struct inside *ret, struct error *err)
{
	AUTO(nl_auto_link) struct rtnl_link *lo = NULL;
	AUTO(nl_auto_link) struct rtnl_link *link = NULL;
	struct look look = { .inside = ret };
	char mac[MAC_TEXT_BYTES];
	int r = get_link(sock, "lo", &lo, err);

	if (r == 0)
		r = get_link(sock, interface, &link, err);
	if (r < 0)
		return r;
	ret->lo_up = lo && rtnl_link_get_flags(lo) & IFF_UP;
	ret->found = link;
	if (!link)
		return 0;
	ret->up = rtnl_link_get_flags(link) & IFF_UP;
	ret->peer = rtnl_link_get_link(link);
	if (rtnl_link_get_addr(link))
		ret->mac = xstrdup(nl_addr2str(rtnl_link_get_addr(link), mac, sizeof(mac)));
	look.ifindex = rtnl_link_get_ifindex(link);
	return see_addresses(sock, &look, err);
}

int inside_look(const char *netns, const char *interface, struct inside *ret, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(inside_fini) struct inside inside = { 0 };
	int r = open_inside(netns, &sock, err);

	if (r == 0)
		r = see(sock, interface, &inside, err);
	if (r < 0)
		return r;
	*ret = inside;
	inside = (struct inside){ 0 };
	return 0;
}

/* ---- as it was made ---- */

/* The addresses that the result gives to the interface, as it wrote them. */
static void wished_addresses(const struct attachment *attachment, struct strv *ret)
{
	json_t *interfaces = json_object_get(attachment->result.root, "interfaces"), *item;
	size_t i;

	json_array_foreach(json_object_get(attachment->result.root, "ips"), i, item) {
		json_t *number = json_object_get(item, "interface");
		json_t *on = json_array_get(interfaces, (size_t)json_integer_value(number));
		const char *address = json_string_value(json_object_get(item, "address"));
		const char *name = json_string_value(json_object_get(on, "name"));
		struct ip ip;
		unsigned prefix;

		if (json_is_integer(number) && str_equal(name, attachment->interface) && address &&
		    ip_parse_range(address, &ip, &prefix))
			strv_add(ret, address);
	}
}

static bool same_range(const char *a, const char *b)
{
	struct ip x, y;
	unsigned n, m;

	return ip_parse_range(a, &x, &n) && ip_parse_range(b, &y, &m) && n == m &&
	       ip_compare(&x, &y) == 0;
}

static bool has(const struct strv *addresses, const char *wished)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (same_range(addresses->items[i], wished))
			return true;
	return false;
}

/* The gateway of a default route that the result tells of; NULL: there is none, or it does not lead
 * through a gateway. Free with free(). */
static char *wished_gateway(const struct attachment *attachment, bool v6)
{
	const char *gateway = v6 ? attachment->result.gateway6 : attachment->result.gateway;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(attachment->result.root, "routes"), i, item) {
		const char *to = json_string_value(json_object_get(item, "dst"));
		const char *via = json_string_value(json_object_get(item, "gw"));

		if (!str_equal(to, v6 ? "::/0" : "0.0.0.0/0"))
			continue;
		if (!str_empty(via))
			return xstrdup(via);
		return gateway ? xstrndup(gateway, strcspn(gateway, "/")) : NULL;
	}
	return NULL;
}

static char *missing_address(const struct attachment *attachment, const struct inside *inside)
{
	AUTO(strv_fini) struct strv wished = { 0 };

	wished_addresses(attachment, &wished);
	for (size_t i = 0; i < wished.n; i++)
		if (!has(&inside->addresses, wished.items[i]))
			return xstrdup(wished.items[i]);
	return NULL;
}

static bool lacks_route(const struct attachment *attachment, const struct inside *inside, bool v6)
{
	AUTO_FREE char *gateway = wished_gateway(attachment, v6);

	return gateway && !(v6 ? inside->gateway6 : inside->gateway);
}

char *inside_drift(const struct attachment *attachment)
{
	AUTO(inside_fini) struct inside inside = { 0 };
	AUTO_FREE char *address = NULL;

	if (inside_look(attachment->netns, attachment->interface, &inside, NULL) < 0)
		return NULL;
	if (!inside.found)
		return xasprintf("%s is gone", attachment->interface);
	if (!inside.lo_up && str_equal(attachment->interface, ATTACHMENT_OWN_INTERFACE))
		return xstrdup("lo is down");
	if (!inside.up)
		return xasprintf("%s is down", attachment->interface);
	address = missing_address(attachment, &inside);
	if (address)
		return xasprintf("%s has lost address %s", attachment->interface, address);
	if (lacks_route(attachment, &inside, false))
		return xstrdup("the default route is gone");
	if (lacks_route(attachment, &inside, true))
		return xstrdup("the default route of IPv6 is gone");
	return NULL;
}

/* ---- mending ---- */

static int raise_link(struct nl_sock *sock, const char *name, int *ret_ifindex, struct error *err)
{
	AUTO(nl_auto_link) struct rtnl_link *link = NULL;
	AUTO(nl_auto_link) struct rtnl_link *change = rtnl_link_alloc();
	int r = get_link(sock, name, &link, err);

	check(change);
	if (r == 0 && !link)
		r = error_set(err, -ENODEV, "the cell has no interface %s any more", name);
	if (r < 0)
		return r;
	*ret_ifindex = rtnl_link_get_ifindex(link);
	if (rtnl_link_get_flags(link) & IFF_UP)
		return 0;
	rtnl_link_set_flags(change, IFF_UP);
	r = rtnl_link_change(sock, link, change, 0);
	return r < 0 ? nl_to_error(err, "raise an interface of a cell", r) : 0;
}

static int give_route(struct nl_sock *sock, int ifindex, const char *gateway, struct error *err)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *via = NULL, *to = NULL;
	int r = nl_addr_parse(gateway, AF_UNSPEC, &via);

	check(route && hop);
	rtnl_route_nh_set_ifindex(hop, ifindex);
	if (r == 0)
		r = nl_addr_parse("default", nl_addr_get_family(via), &to);
	if (r == 0) {
		rtnl_route_nh_set_gateway(hop, via);
		rtnl_route_set_dst(route, to);
		rtnl_route_set_family(route, (uint8_t)nl_addr_get_family(via));
		rtnl_route_set_table(route, RT_TABLE_MAIN);
	}
	rtnl_route_add_nexthop(route, hop); /* which is the route's now */
	if (r == 0)
		r = rtnl_route_add(sock, route, NLM_F_CREATE | NLM_F_EXCL);
	nl_addr_put(via);
	nl_addr_put(to);
	rtnl_route_put(route);
	return r < 0 && r != -NLE_EXIST ? nl_to_error(err, "give a cell its default route", r) : 0;
}

static int give_routes(struct nl_sock *sock, int ifindex, const struct attachment *attachment,
		       struct error *err)
{
	AUTO(inside_fini) struct inside inside = { 0 };
	int r = see(sock, attachment->interface, &inside, err);

	for (int v6 = 0; r == 0 && v6 <= 1; v6++) {
		AUTO_FREE char *gateway = wished_gateway(attachment, v6);

		if (lacks_route(attachment, &inside, v6))
			r = give_route(sock, ifindex, gateway, err);
	}
	return r;
}

int inside_mend(const struct attachment *attachment, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(strv_fini) struct strv wished = { 0 };
	int lo, ifindex, r = open_inside(attachment->netns, &sock, err);

	if (r == 0)
		r = raise_link(sock, "lo", &lo, err);
	if (r == 0)
		r = raise_link(sock, attachment->interface, &ifindex, err);
	wished_addresses(attachment, &wished);
	for (size_t i = 0; r == 0 && i < wished.n; i++)
		r = nl_add_address(sock, ifindex, wished.items[i], "give a cell its address", err);
	return r == 0 ? give_routes(sock, ifindex, attachment, err) : r;
}
