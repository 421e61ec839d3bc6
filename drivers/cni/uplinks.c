/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/uplinks.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/route/addr.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/str.h"
#include "drivers/cni/inventory.h"
#include "drivers/cni/nl.h"
#include "drivers/cni/routes.h"

/* Of each family: so many are asked after at most. */
enum { CANDIDATES_MAX = 16 };

/* a.root-servers.net: routed everywhere, and in nobody's list of what is forbidden. */
static const char *const worlds[] = { "198.41.0.4", "2001:503:ba3e::2:30" };

void uplinks_fini(struct uplinks *uplinks)
{
	nl_cache_free(uplinks->addresses);
	nl_socket_free(uplinks->sock);
}

static bool ip_of(struct nl_object *object, int *ret_ifindex, struct ip *ret)
{
	struct rtnl_addr *address = (struct rtnl_addr *)object;
	struct nl_addr *local = rtnl_addr_get_local(address);

	*ret_ifindex = rtnl_addr_get_ifindex(address);
	return local && rtnl_addr_get_scope(address) == RT_SCOPE_UNIVERSE &&
	       !(rtnl_addr_get_flags(address) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) &&
	       ip_from_bytes(nl_addr_get_binary_addr(local), nl_addr_get_len(local), ret);
}

bool uplinks_address_of(const struct uplinks *uplinks, int ifindex, bool v6, struct ip *ret)
{
	struct nl_object *object = nl_cache_get_first(uplinks->addresses);
	struct ip ip;
	int at;

	for (; object; object = nl_cache_get_next(object)) {
		if (!ip_of(object, &at, &ip) || at != ifindex || ip_is_v4(&ip) == v6)
			continue;
		*ret = ip;
		return true;
	}
	return false;
}

bool uplinks_mac_of(const char *name, unsigned char ret[PACKET_MAC_BYTES])
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };

	str_copy(request.ifr_name, sizeof(request.ifr_name), name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return false;
	memset(ret, 0, PACKET_MAC_BYTES);
	if (request.ifr_hwaddr.sa_family == ARPHRD_ETHER)
		memcpy(ret, request.ifr_hwaddr.sa_data, PACKET_MAC_BYTES);
	return true;
}

static bool is_listed(const struct uplinks *uplinks, bool v6, int ifindex)
{
	for (size_t i = 0; i < uplinks->n_links[v6]; i++)
		if (uplinks->links[v6][i].ifindex == ifindex)
			return true;
	return false;
}

/* Of a link without a way there the kernel says that the world is next to it. */
static int ask_after(struct uplinks *uplinks, int ifindex, const struct ip *ip, struct error *err)
{
	bool v6 = !ip_is_v4(ip);
	const struct routes_question question = { .to = uplinks->world[v6], .out_by = ifindex };
	struct route route = { 0 };
	int code = 0;
	int r = routes_ask(uplinks->sock, &question, &code, &route, err);

	if (r == 0 && !code && route.ifindex == ifindex &&
	    (route.has_gateway || ifindex == uplinks->taken[v6]))
		uplinks->links[v6][uplinks->n_links[v6]++] = (struct uplink){ ifindex, *ip };
	return r;
}

static bool is_candidate(int ifindex)
{
	char name[IF_NAMESIZE] = "";

	return if_indextoname((unsigned)ifindex, name) && !str_starts_with(name, BRIDGE_PREFIX);
}

static int find_links(struct uplinks *uplinks, struct error *err)
{
	struct nl_object *object = nl_cache_get_first(uplinks->addresses);
	int asked = 0, ifindex, r = 0;
	struct ip ip;

	for (; object && r == 0 && asked < CANDIDATES_MAX; object = nl_cache_get_next(object)) {
		bool v6;

		if (!ip_of(object, &ifindex, &ip))
			continue;
		v6 = !ip_is_v4(&ip);
		if (!uplinks->reached[v6] || uplinks->n_links[v6] == UPLINKS_MAX ||
		    is_listed(uplinks, v6, ifindex) || !is_candidate(ifindex))
			continue;
		asked++;
		r = ask_after(uplinks, ifindex, &ip, err);
	}
	return r;
}

/* Without a way to everywhere: what lies behind the first gateway that there is. */
static void note_gateway(const struct route *route, void *ctx)
{
	struct uplinks *uplinks = ctx;
	struct ip *world = &uplinks->world[route->v6];

	if (uplinks->reached[route->v6] || !route->has_gateway || route->type != RTN_UNICAST ||
	    route->table != RT_TABLE_MAIN || !is_candidate(route->ifindex))
		return;
	*world = route->to.address;
	if (route->to.prefix < IP_BITS)
		ip_next(world);
	uplinks->reached[route->v6] = true;
	uplinks->taken[route->v6] = route->ifindex;
}

static int find_world(struct uplinks *uplinks, bool v6, struct error *err)
{
	struct route route = { 0 };
	int r;

	check(ip_parse(worlds[v6], &uplinks->world[v6]));
	r = routes_look_up(uplinks->sock, &uplinks->world[v6], &uplinks->reached[v6], &route, err);
	uplinks->reached[v6] &= route.type == RTN_UNICAST;
	uplinks->taken[v6] = route.ifindex;
	return r;
}

int uplinks_find(struct uplinks *ret, struct error *err)
{
	int r = routes_socket(&ret->sock, err);

	for (int v6 = 0; r == 0 && v6 <= 1; v6++)
		r = find_world(ret, v6, err);
	if (r == 0 && !(ret->reached[0] && ret->reached[1]))
		r = routes_each(ret->sock, note_gateway, ret, err);
	if (r == 0) {
		AUTO(nl_auto_socket) struct nl_sock *links = NULL;

		r = nl_open(&links, err);
		if (r == 0 && rtnl_addr_alloc_cache(links, &ret->addresses) < 0)
			r = error_set(err, -EIO, "cannot list the host's addresses");
	}
	return r < 0 ? r : find_links(ret, err);
}
