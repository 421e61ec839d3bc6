/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/probe/packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <netinet/tcp.h>
#include <string.h>

/* Led through one host it is at its end: should it ever leave, the next one drops it. */
enum { HOPS = 2, WINDOW = 1024, VERSION4 = 4, VERSION6 = 6, WORD = 4 };

/* Whom nobody answers: a locally given address that no link has. */
static const unsigned char from_mac[PACKET_MAC_BYTES] = { 0x02, 'k', 'u', 'k', 'e', 0x01 };

static uint32_t add_up(const void *data, size_t len, uint32_t sum)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static size_t print_ip4(const struct packet *packet, unsigned char *at)
{
	const size_t skip = IP_V4_BEGINS / 8;
	struct iphdr ip = { .version = VERSION4,
			    .ihl = sizeof(ip) / WORD,
			    .tot_len = htons(sizeof(ip) + sizeof(struct tcphdr)),
			    .id = htons((uint16_t)packet->sequence),
			    .ttl = HOPS,
			    .protocol = IPPROTO_TCP };

	memcpy(&ip.saddr, packet->from.bytes + skip, sizeof(ip.saddr));
	memcpy(&ip.daddr, packet->to.bytes + skip, sizeof(ip.daddr));
	ip.check = fold(add_up(&ip, sizeof(ip), 0));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t print_ip6(const struct packet *packet, unsigned char *at)
{
	struct ipv6hdr ip = { .version = VERSION6,
			      .payload_len = htons(sizeof(struct tcphdr)),
			      .nexthdr = IPPROTO_TCP,
			      .hop_limit = HOPS };

	memcpy(&ip.saddr, packet->from.bytes, sizeof(ip.saddr));
	memcpy(&ip.daddr, packet->to.bytes, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t print_tcp(const struct packet *packet, unsigned char *at)
{
	struct tcphdr tcp = { .source = htons(packet->from_port),
			      .dest = htons(packet->to_port),
			      .seq = htonl(packet->sequence),
			      .ack_seq = htonl(packet->acknowledged),
			      .doff = sizeof(tcp) / WORD,
			      .syn = 1,
			      .window = htons(WINDOW) };
	size_t skip = ip_is_v4(&packet->from) ? IP_V4_BEGINS / 8 : 0;
	uint32_t sum = IPPROTO_TCP + sizeof(tcp);

	sum = add_up(packet->from.bytes + skip, sizeof(packet->from.bytes) - skip, sum);
	sum = add_up(packet->to.bytes + skip, sizeof(packet->to.bytes) - skip, sum);
	tcp.check = fold(add_up(&tcp, sizeof(tcp), sum));
	memcpy(at, &tcp, sizeof(tcp));
	return sizeof(tcp);
}

size_t packet_print(const struct packet *packet, unsigned char ret[PACKET_MAX_BYTES])
{
	bool v4 = ip_is_v4(&packet->from);
	struct ethhdr link = { .h_proto = htons(v4 ? ETH_P_IP : ETH_P_IPV6) };
	size_t len = sizeof(link);

	memcpy(link.h_dest, packet->to_mac, sizeof(link.h_dest));
	memcpy(link.h_source, from_mac, sizeof(link.h_source));
	memcpy(ret, &link, sizeof(link));
	len += v4 ? print_ip4(packet, ret + len) : print_ip6(packet, ret + len);
	return len + print_tcp(packet, ret + len);
}
