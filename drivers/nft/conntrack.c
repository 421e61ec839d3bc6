/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/conntrack.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/netfilter/ct.h>

#include "drivers/netlink/nl.h"
#include "drivers/netlink/subnet.h"

enum { ORIGINAL = 0, REPLY = 1 };

/* One flow: where its first packet went, and who answers. */
struct flow {
	struct ip to, from;
	uint16_t to_port, from_port;
};

static bool read_address(struct nl_addr *address, struct ip *ret)
{
	return address &&
	       ip_from_bytes(nl_addr_get_binary_addr(address), nl_addr_get_len(address), ret);
}

static bool read_flow(const struct nfnl_ct *ct, struct flow *ret)
{
	if (nfnl_ct_get_proto(ct) != IPPROTO_UDP)
		return false;
	ret->to_port = nfnl_ct_get_dst_port(ct, ORIGINAL);
	ret->from_port = nfnl_ct_get_src_port(ct, REPLY);
	return read_address(nfnl_ct_get_dst(ct, ORIGINAL), &ret->to) &&
	       read_address(nfnl_ct_get_src(ct, REPLY), &ret->from);
}

static bool is_address(const char *text, const struct ip *address)
{
	struct ip ip;

	return ip_parse(text, &ip) && ip_compare(&ip, address) == 0;
}

static const struct filter_port *find_port(const struct filter_wish *wish, const struct flow *flow)
{
	for (size_t i = 0; wish && i < wish->n_ports; i++) {
		const struct filter_port *port = &wish->ports[i];

		if (port->udp && !port->taken && port->host_port == flow->to_port &&
		    filter_is_ip6(port->ip) == !ip_is_v4(&flow->to) &&
		    (!port->host_ip || is_address(port->host_ip, &flow->to)))
			return port;
	}
	return NULL;
}

static bool is_in(const char *range, const struct ip *address)
{
	const struct subnet one = subnet_make(address, IP_BITS);
	struct subnet subnet;

	return range && subnet_parse(range, &subnet) && subnet_overlaps(&subnet, &one);
}

static bool in_a_space(const struct filter_wish *wish, const struct ip *address)
{
	for (size_t i = 0; wish && i < wish->n_spaces; i++)
		if (is_in(wish->spaces[i].subnet, address) ||
		    is_in(wish->spaces[i].subnet6, address))
			return true;
	return false;
}

static bool read_sockaddr(const struct sockaddr *from, struct ip *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;

	if (from && from->sa_family == AF_INET)
		return ip_from_bytes(&v4->sin_addr, sizeof(v4->sin_addr), ret);
	return from && from->sa_family == AF_INET6 &&
	       ip_from_bytes(&v6->sin6_addr, sizeof(v6->sin6_addr), ret);
}

static bool is_of_host(const struct ifaddrs *addresses, const struct ip *address)
{
	struct ip ip;

	for (; addresses; addresses = addresses->ifa_next)
		if (read_sockaddr(addresses->ifa_addr, &ip) && ip_compare(&ip, address) == 0)
			return true;
	return is_in("127.0.0.0/8", address);
}

/* Of those that pass by on their way to somebody else's port of the same number, none. */
static bool is_stale(const struct filter_wish *before, const struct filter_wish *now,
		     const struct ifaddrs *addresses, const struct flow *flow)
{
	const struct filter_port *port = find_port(now, flow);

	if (!is_of_host(addresses, &flow->to) || (!port && !find_port(before, flow)))
		return false;
	if (port)
		return !is_address(port->ip, &flow->from) || port->port != flow->from_port;
	return in_a_space(before, &flow->from) || in_a_space(now, &flow->from);
}

static bool any_udp(const struct filter_wish *wish)
{
	for (size_t i = 0; wish && i < wish->n_ports; i++)
		if (wish->ports[i].udp)
			return true;
	return false;
}

int conntrack_forget(const struct filter_wish *before, const struct filter_wish *now,
		     struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	AUTO(nl_auto_cache) struct nl_cache *cache = NULL;
	struct ifaddrs *addresses = NULL;
	struct nl_object *object;
	int r;

	if (!any_udp(before) && !any_udp(now))
		return 0;
	sock = nl_socket_alloc();
	r = sock ? nl_connect(sock, NETLINK_NETFILTER) : -NLE_NOMEM;
	if (r == 0)
		r = nfnl_ct_alloc_cache(sock, &cache);
	if (r < 0)
		return nl_to_error(err, "read the kernel's flows", r);
	if (getifaddrs(&addresses) < 0)
		return error_set(err, -errno, "cannot read the addresses of the host: %m");
	for (object = nl_cache_get_first(cache); object; object = nl_cache_get_next(object)) {
		struct nfnl_ct *ct = (struct nfnl_ct *)object;
		struct flow flow;

		if (read_flow(ct, &flow) && is_stale(before, now, addresses, &flow))
			nfnl_ct_del(sock, ct, 0); /* gone already: as well */
	}
	freeifaddrs(addresses);
	return 0;
}
