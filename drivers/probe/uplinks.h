/* SPDX-License-Identifier: Apache-2.0 */
/* The links by which the host reaches the world, and what probes need to know of links. Blocks for
 * some milliseconds: worker threads only. */
#pragma once

#include <netlink/netlink.h>

#include "core/base/error.h"
#include "core/base/ip.h"
#include "drivers/probe/packet.h"

enum { UPLINKS_MAX = 4 };

struct uplink {
	int ifindex;
	struct ip ip; /* of the host, there */
};

struct uplinks {
	struct nl_sock *sock;     /* for the routes */
	struct uplink *addresses; /* of the host, that can be reached from elsewhere */
	size_t n_addresses;
	/* By family, IPv4 first: */
	struct ip world[2]; /* an address far away: the first of the root name servers, or what is
			       there where the host has no way to all */
	bool reached[2];    /* the host itself has a way there, */
	int taken[2];       /* by this link */
	struct uplink links[2]
			   [UPLINKS_MAX]; /* each has a way there, not only the one that is taken */
	size_t n_links[2];
};

/* @with_v6: of IPv6 too. */
int uplinks_find(struct uplinks *ret, bool with_v6, struct error *err);
void uplinks_fini(struct uplinks *uplinks);

/* An address of the link that can be reached from elsewhere; false: it has none. */
bool uplinks_address_of(const struct uplinks *uplinks, int ifindex, bool v6, struct ip *ret);

/* False: there is no such link, or it has none. */
bool uplinks_mac_of(const char *name, unsigned char ret[PACKET_MAC_BYTES]);
