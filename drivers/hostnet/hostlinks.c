/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/hostlinks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>

#include "core/base/fs.h"
#include "drivers/hostnet/hostipv6.h"
#include "drivers/netlink/nl.h"
#include "drivers/netlink/routes.h"
#include "drivers/nft/bridgelock.h"

void hostlinks_fini(struct hostlinks *links)
{
	free(links->items);
	free(links->routes);
	nl_cache_free(links->addresses);
	*links = (struct hostlinks){ 0 };
}

void bridge_wish_fini(struct bridge_wish *wish)
{
	free(wish->name);
	free(wish->address);
	free(wish->address6);
	free(wish->mac);
	strv_fini(&wish->ports);
	*wish = (struct bridge_wish){ 0 };
}

/* ---- seeing ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hostlink *)a)->name, ((const struct hostlink *)b)->name);
}

static void add_link(struct nl_object *object, void *arg)
{
	struct rtnl_link *link = (struct rtnl_link *)object;
	const char *name = rtnl_link_get_name(link);
	struct hostlinks *links = arg;
	struct hostlink *item = &links->items[links->n];

	if (!name || !str_copy(item->name, sizeof(item->name), name))
		return;
	item->ifindex = rtnl_link_get_ifindex(link);
	item->master = rtnl_link_get_master(link);
	item->up = rtnl_link_get_flags(link) & IFF_UP;
	item->bridge = str_equal(rtnl_link_get_type(link), "bridge");
	item->veth = str_equal(rtnl_link_get_type(link), "veth");
	links->n++;
}

/* ---- routes ---- */

struct route_reading {
	struct hostlinks *links;
	int *bridges; /* indexes, in order */
	size_t n, room;
};

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int by_link(const void *a, const void *b)
{
	return by_number(&((const struct bridge_route *)a)->ifindex,
			 &((const struct bridge_route *)b)->ifindex);
}

static void add_route(const struct route *route, void *ctx)
{
	struct route_reading *reading = ctx;
	struct hostlinks *links = reading->links;

	if (route->table != RT_TABLE_MAIN || route->type != RTN_UNICAST || !reading->n ||
	    !bsearch(&route->ifindex, reading->bridges, reading->n, sizeof(int), by_number))
		return;
	if (links->n_routes == reading->room) {
		reading->room = reading->room ? 2 * reading->room : 16;
		links->routes = xrealloc(links->routes, reading->room * sizeof(*links->routes));
	}
	links->routes[links->n_routes++] =
		(struct bridge_route){ .ifindex = route->ifindex, .to = route->to };
}

static int read_routes(struct hostlinks *links, struct error *err)
{
	AUTO_FREE int *bridges = xcalloc(links->n + 1, sizeof(*bridges));
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	struct route_reading reading = { .links = links, .bridges = bridges };
	int r = routes_socket(&sock, err);

	for (size_t i = 0; i < links->n; i++)
		if (links->items[i].bridge)
			bridges[reading.n++] = links->items[i].ifindex;
	if (reading.n)
		qsort(bridges, reading.n, sizeof(*bridges), by_number);
	if (r == 0)
		r = routes_each(sock, add_route, &reading, err);
	if (links->n_routes)
		qsort(links->routes, links->n_routes, sizeof(*links->routes), by_link);
	return r;
}

/* @text: an address of the link with the prefix of its range. */
static bool has_route(const struct hostlinks *links, int ifindex, const char *text)
{
	const struct bridge_route key = { .ifindex = ifindex }, *at, *end;
	unsigned prefix;
	struct ip ip;

	if (!text || !ip_parse_range(text, &ip, &prefix))
		return true;
	end = links->routes + links->n_routes;
	at = links->n_routes ? bsearch(&key, links->routes, links->n_routes, sizeof(key), by_link)
			     : NULL;
	while (at && at > links->routes && at[-1].ifindex == ifindex)
		at--;
	ip = ip_first(&ip, prefix);
	for (; at && at < end && at->ifindex == ifindex; at++)
		if (at->to.prefix == prefix && ip_compare(&at->to.address, &ip) == 0)
			return true;
	return false;
}

/* Where bridges cannot be locked none is missed. */
static void read_locks(struct nl_sock *sock, struct hostlinks *links)
{
	for (size_t i = 0; i < links->n && bridgelock_works(); i++)
		links->items[i].unlocked = links->items[i].bridge &&
					   !bridgelock_is_whole(sock, links->items[i].ifindex);
}

/* ---- all ---- */

static int read_all(struct nl_sock *sock, struct hostlinks *ret, struct error *err)
{
	AUTO(nl_auto_cache) struct nl_cache *links = NULL;
	int r = rtnl_link_alloc_cache(sock, AF_UNSPEC, &links);

	if (r < 0)
		return nl_to_error(err, "list the host's links", r);
	ret->items = xcalloc((size_t)nl_cache_nitems(links) + 1, sizeof(*ret->items));
	nl_cache_foreach(links, add_link, ret);
	qsort(ret->items, ret->n, sizeof(*ret->items), by_name);
	r = rtnl_addr_alloc_cache(sock, &ret->addresses);
	if (r < 0)
		return nl_to_error(err, "list the host's addresses", r);
	read_locks(sock, ret);
	return read_routes(ret, err);
}

int hostlinks_read(struct hostlinks *ret, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	int r = nl_open(&sock, err);

	*ret = (struct hostlinks){ 0 };
	if (r == 0)
		r = read_all(sock, ret, err);
	if (r < 0)
		hostlinks_fini(ret);
	return r;
}

const struct hostlink *hostlinks_find(const struct hostlinks *links, const char *name)
{
	struct hostlink key = { 0 };

	if (!name || !str_copy(key.name, sizeof(key.name), name))
		return NULL;
	return links->n ? bsearch(&key, links->items, links->n, sizeof(key), by_name) : NULL;
}

int hostlinks_remove_veth(const char *name, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(nl_auto_link) struct rtnl_link *link = NULL;
	int r = nl_open(&sock, err);

	if (r < 0)
		return r;
	r = rtnl_link_get_kernel(sock, 0, name, &link);
	if (r == -NLE_OBJ_NOTFOUND || r == -NLE_NODEV)
		return 0;
	if (r < 0)
		return nl_to_error(err, "look up a network link", r);
	if (!str_equal(rtnl_link_get_type(link), "veth"))
		return error_set(err, -EEXIST, "network link %s is not a veth, not removed", name);
	r = rtnl_link_delete(sock, link);
	if (r < 0 && r != -NLE_NODEV && r != -NLE_OBJ_NOTFOUND)
		return nl_to_error(err, "delete the veth", r);
	return 0;
}

struct address_search {
	int ifindex;
	struct nl_addr *wanted;
	bool found;
};

static void match_address(struct nl_object *object, void *arg)
{
	struct rtnl_addr *address = (struct rtnl_addr *)object;
	struct address_search *search = arg;
	struct nl_addr *local = rtnl_addr_get_local(address);

	if (rtnl_addr_get_ifindex(address) == search->ifindex && local &&
	    nl_addr_cmp(local, search->wanted) == 0)
		search->found = true;
}

static bool has_address(const struct hostlinks *links, int ifindex, const char *text)
{
	struct address_search search = { .ifindex = ifindex };

	if (!text || nl_addr_parse(text, AF_UNSPEC, &search.wanted) < 0)
		return true;
	nl_cache_foreach(links->addresses, match_address, &search);
	nl_addr_put(search.wanted);
	return search.found;
}

char *hostlinks_bridge_drift(const struct hostlinks *links, const struct bridge_wish *wish)
{
	const struct hostlink *bridge = hostlinks_find(links, wish->name);

	if (!wish->name)
		return NULL;
	if (!bridge)
		return xasprintf("bridge %s is gone", wish->name);
	if (!bridge->bridge)
		return xasprintf("link %s is not a bridge", wish->name);
	if (!bridge->up)
		return xasprintf("bridge %s is down", wish->name);
	if (!has_address(links, bridge->ifindex, wish->address))
		return xasprintf("bridge %s has lost address %s", wish->name, wish->address);
	if (!has_address(links, bridge->ifindex, wish->address6))
		return xasprintf("bridge %s has lost address %s", wish->name, wish->address6);
	if (bridge->unlocked)
		return xasprintf("bridge %s has lost its second lock", wish->name);
	if (!has_route(links, bridge->ifindex, wish->address))
		return xasprintf("the route of %s by bridge %s is gone", wish->address, wish->name);
	if (!has_route(links, bridge->ifindex, wish->address6))
		return xasprintf("the route of %s by bridge %s is gone", wish->address6,
				 wish->name);
	for (size_t i = 0; i < wish->ports.n; i++) {
		const struct hostlink *port = hostlinks_find(links, wish->ports.items[i]);

		if (port && port->master != bridge->ifindex)
			return xasprintf("link %s is not on bridge %s", port->name, wish->name);
		if (port && !port->up)
			return xasprintf("link %s is down", port->name);
	}
	return NULL;
}

/* ---- mending ---- */

static int set_mac(struct rtnl_link *link, const char *mac, struct error *err)
{
	struct nl_addr *address = NULL;
	int r = nl_addr_parse(mac, AF_LLC, &address);

	if (r < 0)
		return nl_to_error(err, "read the bridge's address", r);
	rtnl_link_set_addr(link, address);
	nl_addr_put(address);
	return 0;
}

/* With the address on the link that it had: neighbours have it in their tables. */
static int add_bridge(struct nl_sock *sock, const struct bridge_wish *wish, struct error *err)
{
	AUTO(nl_auto_link) struct rtnl_link *link = rtnl_link_bridge_alloc();
	int r;

	check(link);
	rtnl_link_set_name(link, wish->name);
	rtnl_link_set_flags(link, IFF_UP);
	r = wish->mac ? set_mac(link, wish->mac, err) : 0;
	if (r < 0)
		return r;
	r = rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
	return r < 0 && r != -NLE_EXIST ? nl_to_error(err, "make the bridge", r) : 0;
}

/* Up, and with @master unless that is 0. A link that has just gone is not missed here. */
static int change_link(struct nl_sock *sock, const struct hostlink *link, int master,
		       struct error *err)
{
	AUTO(nl_auto_link) struct rtnl_link *change = rtnl_link_alloc();
	AUTO(nl_auto_link) struct rtnl_link *now = rtnl_link_alloc();
	int r;

	check(change && now);
	rtnl_link_set_ifindex(now, link->ifindex);
	rtnl_link_set_flags(change, IFF_UP);
	if (master)
		rtnl_link_set_master(change, master);
	r = rtnl_link_change(sock, now, change, 0);
	return r < 0 && r != -NLE_NODEV && r != -NLE_OBJ_NOTFOUND
		       ? nl_to_error(err, "put a link back on its bridge", r)
		       : 0;
}

/* As the plugin does for "hairpinMode": a cell may reach itself through a published port. */
static void allow_hairpin(const struct hostlink *port)
{
	AUTO_FREE char *path = xasprintf("/sys/class/net/%s/brport/hairpin_mode", port->name);

	fs_write_existing(AT_FDCWD, path, "1", NULL);
}

static int mend_ports(struct nl_sock *sock, const struct hostlinks *links,
		      const struct hostlink *bridge, const struct bridge_wish *wish,
		      struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < wish->ports.n; i++) {
		const struct hostlink *port = hostlinks_find(links, wish->ports.items[i]);

		if (!port || (port->master == bridge->ifindex && port->up))
			continue;
		r = change_link(sock, port, bridge->ifindex, err);
		allow_hairpin(port);
	}
	return r;
}

static const char give_words[] = "give the bridge its address";

/* The kernel makes the route with the address, and again when the link comes up. */
static int mend_address(struct nl_sock *sock, const struct hostlinks *links,
			const struct hostlink *bridge, const char *address, struct error *err)
{
	if (!has_address(links, bridge->ifindex, address))
		return nl_add_address(sock, bridge->ifindex, address, give_words, err);
	return has_route(links, bridge->ifindex, address)
		       ? 0
		       : routes_add_connected(sock, bridge->ifindex, address, err);
}

static int mend(struct nl_sock *sock, const struct hostlinks *links, const struct bridge_wish *wish,
		struct error *err)
{
	const struct hostlink *bridge = hostlinks_find(links, wish->name);
	int r = 0;

	if (!bridge || !bridge->bridge)
		return error_set(err, -EEXIST,
				 "network link %s is not a bridge: remove it (ip link delete %s)",
				 wish->name, wish->name);
	if (!bridge->up)
		r = change_link(sock, bridge, 0, err);
	if (r == 0)
		r = mend_address(sock, links, bridge, wish->address, err);
	if (r == 0 && wish->address6 && !has_address(links, bridge->ifindex, wish->address6))
		hostipv6_prepare_bridge(wish->name); /* IPv6 may have been turned off on it */
	if (r == 0)
		r = mend_address(sock, links, bridge, wish->address6, err);
	if (bridge->unlocked)
		bridgelock_set_one(wish->name);
	return r < 0 ? r : mend_ports(sock, links, bridge, wish, err);
}

int hostlinks_mend_bridge(const struct bridge_wish *wish, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	int r = nl_open(&sock, err);

	if (r == 0)
		r = read_all(sock, &links, err);
	if (r == 0 && !hostlinks_find(&links, wish->name)) {
		r = add_bridge(sock, wish, err);
		if (r == 0 && wish->address6)
			hostipv6_prepare_bridge(wish->name);
		hostlinks_fini(&links);
		if (r == 0)
			r = read_all(sock, &links, err);
	}
	return r < 0 ? r : mend(sock, &links, wish, err);
}
