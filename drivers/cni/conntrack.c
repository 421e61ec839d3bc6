/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/netfilter/ct.h>

#include "drivers/cni/nl.h"
#include "drivers/cni/subnet.h"

enum { ORIGINAL = 0, REPLY = 1 };

/* One flow: where its first packet went, and who answers. */
struct flow {
	uint32_t to, from; /* host byte order */
	uint16_t to_port, from_port;
};

static bool read_address(struct nl_addr *address, uint32_t *ret)
{
	if (!address || nl_addr_get_family(address) != AF_INET || nl_addr_get_len(address) != 4)
		return false;
	memcpy(ret, nl_addr_get_binary_addr(address), sizeof(*ret));
	*ret = ntohl(*ret);
	return true;
}

static bool read_flow(const struct nfnl_ct *ct, struct flow *ret)
{
	if (nfnl_ct_get_family(ct) != AF_INET || nfnl_ct_get_proto(ct) != IPPROTO_UDP)
		return false;
	ret->to_port = nfnl_ct_get_dst_port(ct, ORIGINAL);
	ret->from_port = nfnl_ct_get_src_port(ct, REPLY);
	return read_address(nfnl_ct_get_dst(ct, ORIGINAL), &ret->to) &&
	       read_address(nfnl_ct_get_src(ct, REPLY), &ret->from);
}

static bool is_address(const char *text, uint32_t address)
{
	struct in_addr parsed;

	return inet_pton(AF_INET, text, &parsed) == 1 && ntohl(parsed.s_addr) == address;
}

static const struct filter_port *find_port(const struct filter_wish *wish, const struct flow *flow)
{
	for (size_t i = 0; wish && i < wish->n_ports; i++) {
		const struct filter_port *port = &wish->ports[i];

		if (port->udp && !port->taken && port->host_port == flow->to_port &&
		    (!port->host_ip || is_address(port->host_ip, flow->to)))
			return port;
	}
	return NULL;
}

static bool in_a_space(const struct filter_wish *wish, uint32_t address)
{
	const struct subnet one = subnet_make(address, 32);
	struct subnet subnet;

	for (size_t i = 0; wish && i < wish->n_spaces; i++)
		if (subnet_parse(wish->spaces[i].subnet, &subnet) && subnet_overlaps(&subnet, &one))
			return true;
	return false;
}

static bool is_of_host(const struct ifaddrs *addresses, uint32_t address)
{
	for (; addresses; addresses = addresses->ifa_next) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)addresses->ifa_addr;

		if (in && in->sin_family == AF_INET && ntohl(in->sin_addr.s_addr) == address)
			return true;
	}
	return address >> 24 == IN_LOOPBACKNET;
}

/* Of those that pass by on their way to somebody else's port of the same number, none. */
static bool is_stale(const struct filter_wish *before, const struct filter_wish *now,
		     const struct ifaddrs *addresses, const struct flow *flow)
{
	const struct filter_port *port = find_port(now, flow);

	if (!is_of_host(addresses, flow->to) || (!port && !find_port(before, flow)))
		return false;
	if (port)
		return !is_address(port->ip, flow->from) || port->port != flow->from_port;
	return in_a_space(before, flow->from) || in_a_space(now, flow->from);
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
