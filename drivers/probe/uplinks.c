/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/probe/uplinks.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/model/names.h"
#include "drivers/netlink/nl.h"
#include "drivers/netlink/routes.h"

/* Of each family: so many are asked after at most. */
enum { CANDIDATES_MAX = 16 };

/* a.root-servers.net: routed everywhere, and in nobody's list of what is forbidden. */
static const char *const worlds[] = { "198.41.0.4", "2001:503:ba3e::2:30" };

void uplinks_fini(struct uplinks *uplinks)
{
	free(uplinks->addresses);
	nl_socket_free(uplinks->sock);
}

/* ---- addresses ---- */

static bool is_usable(const struct ifaddrmsg *message, struct nlattr **attrs)
{
	uint32_t flags = attrs[IFA_FLAGS] ? nla_get_u32(attrs[IFA_FLAGS]) : message->ifa_flags;

	return message->ifa_scope == RT_SCOPE_UNIVERSE &&
	       !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
}

static int on_address(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifaddrmsg *message = nlmsg_data(header);
	struct nlattr *attrs[IFA_MAX + 1], *own;
	struct uplinks *uplinks = arg;
	struct ip ip;

	if (header->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(header, sizeof(*message), attrs, IFA_MAX, NULL) < 0 ||
	    !is_usable(message, attrs))
		return NL_OK;
	own = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (!own || !ip_from_bytes(nla_data(own), (size_t)nla_len(own), &ip))
		return NL_OK;
	uplinks->addresses = xrealloc(uplinks->addresses,
				      (uplinks->n_addresses + 1) * sizeof(*uplinks->addresses));
	uplinks->addresses[uplinks->n_addresses++] = (struct uplink){ (int)message->ifa_index, ip };
	return NL_OK;
}

/* Of all links; of those of a host with many spaces that is much, so no more is kept of it. */
static int list_addresses(struct uplinks *uplinks, int family, struct error *err)
{
	const struct ifaddrmsg all = { .ifa_family = (unsigned char)family };
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	int r = nl_open(&sock, err);

	if (r < 0)
		return r;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_address, uplinks);
	r = nl_send_simple(sock, RTM_GETADDR, NLM_F_DUMP, (void *)&all, sizeof(all));
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (r == -NLE_DUMP_INTR)
		return 0; /* what changes tells of itself */
	return r < 0 ? nl_to_error(err, "list the host's addresses", r) : 0;
}

bool uplinks_address_of(const struct uplinks *uplinks, int ifindex, bool v6, struct ip *ret)
{
	for (size_t i = 0; i < uplinks->n_addresses; i++) {
		const struct uplink *address = &uplinks->addresses[i];

		if (address->ifindex != ifindex || ip_is_v4(&address->ip) == v6)
			continue;
		*ret = address->ip;
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
	size_t asked = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < uplinks->n_addresses && asked < CANDIDATES_MAX; i++) {
		const struct uplink *address = &uplinks->addresses[i];
		bool v6 = !ip_is_v4(&address->ip);

		if (!uplinks->reached[v6] || uplinks->n_links[v6] == UPLINKS_MAX ||
		    is_listed(uplinks, v6, address->ifindex) || !is_candidate(address->ifindex))
			continue;
		asked++;
		r = ask_after(uplinks, address->ifindex, &address->ip, err);
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

int uplinks_find(struct uplinks *ret, bool with_v6, struct error *err)
{
	int r = routes_socket(&ret->sock, err);

	for (int v6 = 0; r == 0 && v6 <= with_v6; v6++)
		r = find_world(ret, v6, err);
	/* All routes of a host with many spaces are many. */
	if (r == 0 && !(ret->reached[0] && (ret->reached[1] || !with_v6)))
		r = routes_each(ret->sock, note_gateway, ret, err);
	if (r == 0)
		r = list_addresses(ret, AF_INET, err);
	if (r == 0 && with_v6)
		r = list_addresses(ret, AF_INET6, err);
	return r < 0 ? r : find_links(ret, err);
}
