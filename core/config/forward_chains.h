/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of others that drop what is forwarded unless a rule of theirs accepts it (policy drop).
 *
 * Every chain at that place of the kernel has to let a packet through, so nothing that ours accepts
 * passes one of these. Blocks for some milliseconds.
 */
#pragma once

#include "core/base/error.h"

/* What the names of our bridges begin with. */
#define FORWARD_CHAINS_BRIDGES "kuke-"

enum forward_chain_kind {
	FORWARD_CHAIN_NFT,
	FORWARD_CHAIN_IPTABLES, /* of nftables too, but made by iptables */
	FORWARD_CHAIN_LEGACY,   /* iptables without nftables */
};

struct forward_chain {
	enum forward_chain_kind kind;
	uint8_t family; /* NFPROTO_* */
	char *table, *name;
	bool knows_us; /* a rule of its table names bridges of ours: whoever wrote that decides */
};

/* A zeroed struct is empty. */
struct forward_chains {
	struct forward_chain *items;
	size_t n;
};

void forward_chains_fini(struct forward_chains *chains);

/* A kernel without packet filters has none. -EPERM: only root can see them. */
int forward_chains_list(struct forward_chains *ret, struct error *err);

/* "chain forward of table inet firewall", and the commands that let our bridges pass. Free with
 * free(). */
char *forward_chain_describe(const struct forward_chain *chain);
char *forward_chain_remedy(const struct forward_chain *chain);
