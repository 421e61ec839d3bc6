/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of one nftables table by others than us, from the kernel's notifications. The kernel
 * numbers its transactions and sends the number behind what each one changed: ours are known by
 * theirs.
 */
#pragma once

#include "core/loop/loop.h"

struct nft_events;

/* @changed runs on the loop when another hand touched inet/@table, or may have: perhaps often in a
 * row. */
int nft_events_open(struct nft_events **ret, struct loop *loop, const char *table,
		    void (*changed)(void *ctx), void *ctx, struct error *err);

/* A transaction of ours begins: until its end nothing is told. */
void nft_events_hold(struct nft_events *events);

/* It was between the generations @from and @to. Returns whether another hand touched the table
 * since nft_events_hold(). */
bool nft_events_release(struct nft_events *events, uint32_t from, uint32_t to);

void nft_events_close(struct nft_events *events, void (*closed)(void *ctx), void *ctx);
