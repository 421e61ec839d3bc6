/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/nf_family.h"

#include <linux/netfilter.h>
#include <string.h>

#include "core/base/util.h"

static const struct {
	const char *name;
	uint8_t family;
} families[] = {
	{ "inet", NFPROTO_INET },     { "ip", NFPROTO_IPV4 }, { "ip6", NFPROTO_IPV6 },
	{ "bridge", NFPROTO_BRIDGE }, { "arp", NFPROTO_ARP }, { "netdev", NFPROTO_NETDEV },
};

const char *nf_family_name(uint8_t family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].family == family)
			return families[i].name;
	return NULL;
}

bool nf_family_parse(const char *name, size_t len, uint8_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (strlen(families[i].name) != len || strncmp(families[i].name, name, len) != 0)
			continue;
		*ret = families[i].family;
		return true;
	}
	return false;
}
