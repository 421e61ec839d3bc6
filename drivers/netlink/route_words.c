/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/netlink/route_words.h"

#include <ctype.h>
#include <linux/rtnetlink.h>

#include "core/base/str.h"

static const struct {
	const char *begin, *tool;
} names[] = {
	{ "podman", "podman" },
	{ "cni-podman", "podman" },
	{ "docker", "Docker" },
	{ "br-", "a network of Docker's" }, /* and twelve digits: see is_docker_network() */
	{ "virbr", "libvirt" },
	{ "lxcbr", "LXC" },
	{ "lxdbr", "LXD" },
	{ "incusbr", "Incus" },
	{ "cni", "CNI, as of Kubernetes" },
	{ "flannel", "flannel, of Kubernetes" },
	{ "cali", "Calico, of Kubernetes" },
	{ "cilium", "Cilium, of Kubernetes" },
	{ "kube-", "Kubernetes" },
	{ "weave", "Weave, of Kubernetes" },
	{ "kuke-", "a space of Kukeon" },
	{ "tailscale", "Tailscale" },
	{ "nordlynx", "NordVPN" },
	{ "wg", "WireGuard" },
	{ "zt", "ZeroTier" },
	{ "ppp", "a dial-up or VPN connection" },
	{ "tun", "a VPN such as OpenVPN" },
	{ "tap", "a VPN or virtual machines" },
	{ "utun", "a VPN" },
	{ "vpn", "a VPN" },
};

static const struct {
	const char *kind, *tool;
} kinds[] = {
	{ "wireguard", "WireGuard" },
	{ "tun", "a VPN or virtual machines" },
	{ "ppp", "a dial-up or VPN connection" },
	{ "vxlan", "an overlay network" },
	{ "geneve", "an overlay network" },
	{ "ipip", "a tunnel" },
	{ "gre", "a tunnel" },
	{ "sit", "a tunnel" },
	{ "ip6tnl", "a tunnel" },
	{ "xfrm", "IPsec" },
	{ "vti", "IPsec" },
	{ "bridge", "a bridge" },
};

enum { DOCKER_DIGITS = 12 };

static bool is_docker_network(const char *link)
{
	size_t n = 0;

	while (isxdigit((unsigned char)link[strlen("br-") + n]))
		n++;
	return n == DOCKER_DIGITS && !link[strlen("br-") + n];
}

const char *route_words_tool(const char *link, const char *kind)
{
	for (size_t i = 0; link && i < ARRAY_SIZE(names); i++)
		if (str_starts_with(link, names[i].begin) &&
		    (!str_equal(names[i].begin, "br-") || is_docker_network(link)))
			return names[i].tool;
	for (size_t i = 0; kind && i < ARRAY_SIZE(kinds); i++)
		if (str_equal(kind, kinds[i].kind))
			return kinds[i].tool;
	return NULL;
}

const char *route_words_protocol(unsigned protocol)
{
	switch (protocol) {
	case RTPROT_KERNEL:
		return "of an address that this link has";
	case RTPROT_BOOT:
		return "set by hand or by a script";
	case RTPROT_STATIC:
		return "a static route of the host's network settings";
	case RTPROT_RA:
		return "learnt from a router";
	case RTPROT_DHCP:
		return "learnt by DHCP";
	case RTPROT_ZEBRA:
	case RTPROT_BIRD:
	case RTPROT_BGP:
	case RTPROT_OSPF:
	case RTPROT_RIP:
	case RTPROT_EIGRP:
	case RTPROT_ISIS:
	case RTPROT_BABEL:
		return "set by a routing daemon such as BIRD or FRR";
	case RTPROT_KEEPALIVED:
		return "set by keepalived";
	default:
		return "set by a program that does not say which";
	}
}

char *route_words(const char *link, const char *kind, unsigned protocol)
{
	const char *tool = route_words_tool(link, kind), *made = route_words_protocol(protocol);

	if (str_empty(link))
		return xasprintf("that drops packets, %s", made);
	return tool ? xasprintf("on %s (%s), %s", link, tool, made)
		    : xasprintf("on %s, %s", link, made);
}
