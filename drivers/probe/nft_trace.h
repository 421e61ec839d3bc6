/* SPDX-License-Identifier: Apache-2.0 */
/* What rules a traced packet has met, as the kernel tells it, of every table of nftables and in the
 * order in which it met them. Blocks for some milliseconds: worker threads only. */
#pragma once

#include <netlink/netlink.h>
#include <stdint.h>

#include "core/base/error.h"

/* One rule that matched, or the policy of a chain. What it points to is valid in the callback. */
struct nft_trace {
	uint32_t id;    /* of the packet, for as long as it is in one hook */
	uint8_t family; /* of the table: NFPROTO_ */
	const char *table, *chain;
	uint64_t handle;  /* of the rule; 0: the chain's policy */
	uint32_t verdict; /* NF_DROP; more than NF_MAX_VERDICT: it goes on in a chain */
	uint32_t mark;
	int oif; /* 0: not known yet */
	/* Of the first message of a chain at a hook: how the packet looks there; else NULL. */
	const unsigned char *network, *transport;
	size_t network_len, transport_len;
};

typedef void (*nft_trace_fn)(const struct nft_trace *trace, void *ctx);

/* A socket that hears of all traced packets. */
int nft_trace_open(struct nl_sock **ret, struct error *err);

/* Reads what there is, waiting for up to @wait_ms for the first of it. @ret_lost: some of it did
 * not fit. */
int nft_trace_read(struct nl_sock *sock, int wait_ms, nft_trace_fn fn, void *ctx, bool *ret_lost,
		   struct error *err);
