/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of one nftables table by others than us, and of tables that are none of ours, from the
 * kernel's notifications. The kernel
 * numbers its transactions and sends the number behind what each one changed: ours are known by
 * theirs.
 */
#pragma once

#include "core/loop/loop.h"

struct nft_events;

/* Both run on the loop, perhaps often in a row. */
struct nft_events_listener {
	void *ctx;
	void (*changed)(void *ctx); /* another hand touched the table, or may have */
	/* So did somebody with a table whose name is none of ours. @bridge: one of ours, as they
	 * are named, of which that speaks; NULL: of none. */
	void (*others)(void *ctx, const char *bridge);
};

/* For inet/@table. */
int nft_events_open(struct nft_events **ret, struct loop *loop, const char *table,
		    const struct nft_events_listener *listener, struct error *err);

/* A transaction of ours begins: until its end nothing is told. */
void nft_events_hold(struct nft_events *events);

/* It was between the generations @from and @to. Returns whether another hand touched the table
 * since nft_events_hold(). */
bool nft_events_release(struct nft_events *events, uint32_t from, uint32_t to);

void nft_events_close(struct nft_events *events, void (*closed)(void *ctx), void *ctx);
