/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host name stands for: the last answer of each family, and what has left them a short while
 * ago, for whoever still goes by the old one. Only a new answer takes the place of an answer. Pure.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/ip.h"

enum {
	EGRESS_ADDRESSES_MAX = 32,
	EGRESS_GRACE_MS = 5 * 60 * 1000, /* for what has left the answers */
	EGRESS_NOTE_MAX_BYTES = EGRESS_ADDRESSES_MAX * IP_TEXT_BYTES,
};

struct egress_addresses {
	struct egress_address {
		struct ip address;
		uint64_t until_ms; /* loop time; 0: no newer answer is without it */
	} items[EGRESS_ADDRESSES_MAX];
	size_t n;
};

/* The answer of now for one family; @n 0: it has none. True: something else is allowed than
 * before. */
bool egress_addresses_take(struct egress_addresses *addresses, bool v6, const struct ip *answer,
			   size_t n, uint64_t now_ms);

/* As text, for the next daemon. Of any text only what is an address is taken back, and not more
 * than a host has; each stays until an answer takes its place. */
void egress_addresses_format(const struct egress_addresses *addresses, struct buf *ret);
void egress_addresses_parse(const char *text, size_t len, struct egress_addresses *ret);
