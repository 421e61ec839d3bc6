/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's packet filter: one nftables table, what of it was applied last, and whether another
 * hand changed it since. A change is sent as the difference; after a foreign change, a failure or a
 * start the whole table is replaced, in one transaction like every other.
 */
#pragma once

#include "core/driver/filter.h"
#include "core/loop/op.h"
#include "drivers/nft/held_ports.h"
#include "drivers/nft/nft_events.h"

struct netfilter {
	struct ops *ops; /* the driver's */
	char *table;
	bool begun; /* it was applied before, by this process */
	bool known; /* the kernel has: */
	struct filter_wish applied;
	uint32_t generation;       /* of the kernel's tables when that was so */
	struct nft_events *events; /* NULL: not watched */
	struct filter_listener listener;
	struct held_ports held; /* the act's while it is busy */
	bool busy;
};

/* @runtime_dir, "/run/kukeon/.", tells instances of the daemon apart: each has a table of its own.
 */
void netfilter_init(struct netfilter *netfilter, struct ops *ops, const char *runtime_dir);

/* Whether some instance of the daemon, on this host or another, would name its table so:
 * "inet/kukeon-0a1b2c3d". */
bool netfilter_is_instance_table(const char *table);

/* Frees everything but the events, which are closed before. */
void netfilter_fini(struct netfilter *netfilter);

/* Methods of struct network_ops. */
int netfilter_watch(struct netfilter *netfilter, const struct filter_listener *listener,
		    struct error *err);
void netfilter_apply(struct netfilter *netfilter, struct filter_wish *wish, struct call *call);
void netfilter_drops(struct netfilter *netfilter, struct filter_drops *ret_drops,
		     struct call *call);
