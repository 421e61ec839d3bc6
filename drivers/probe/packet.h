/* SPDX-License-Identifier: Apache-2.0 */
/* The first packet of a TCP connection, as it stands on a link. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/base/ip.h"

enum { PACKET_MAC_BYTES = 6, PACKET_LINK_BYTES = 14, PACKET_MAX_BYTES = 14 + 40 + 20 };

struct packet {
	unsigned char to_mac[PACKET_MAC_BYTES];
	struct ip from, to; /* of one family */
	uint16_t from_port, to_port;
	uint32_t sequence;
	uint32_t acknowledged; /* means nothing in a first packet: there to be known by */
};

/* Returns its length. The first PACKET_LINK_BYTES are the link's. */
size_t packet_print(const struct packet *packet, unsigned char ret[PACKET_MAX_BYTES]);
