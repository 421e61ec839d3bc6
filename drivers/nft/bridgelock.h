/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second lock of a space's bridge: it leads nothing between its cells and the IP stack of the
 * host that the packet filter has not seen. Whoever flushes the filter closes the bridge with the
 * same stroke, and it needs no daemon to stay closed. Within the bridge everything passes.
 *
 * It hangs on the bridge itself (two programs in its clsact queue) and goes with it. Blocks for
 * some milliseconds: worker threads only.
 */
#pragma once

#include <stdbool.h>

struct nl_sock;
struct strv;

/* The bit of a packet's mark that says: the filter has seen it. Nobody else sees it: it is taken
 * away where it is asked for. */
#define BRIDGELOCK_SEEN "0x1000"

/* Locks the bridges of these names; those that are not there are left out, and so are those that
 * have a lock, unless @anew. Once the filter is in force, or nothing passes. What the kernel
 * refuses is logged, and told by bridgelock_works(). */
void bridgelock_set(const struct strv *bridges, bool anew);
void bridgelock_set_one(const char *bridge);

/* The bridge of this index has both programs. */
bool bridgelock_is_whole(struct nl_sock *sock, int ifindex);

/* Some bridge was locked by this process, and none was refused: a bridge without is to get one. */
bool bridgelock_works(void);
