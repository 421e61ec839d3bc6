/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many cells come up at once: after a boot, or when containerd comes back without its tasks,
 * all of them want to. Pure.
 *
 * A cell holds a ticket from its first act until its root runs, something of it fails, or patience
 * with it ends, so that those that hang hold up nobody for long. While there are tickets, nobody
 * waits: one crash is mended at once.
 */
#pragma once

#include <stdint.h>

#include "core/base/list.h"

/* Coming up takes well below a second; what takes longer than this waits for something else. */
enum { THROTTLE_PATIENCE_MS = 5000 };

struct ticket {
	struct list link; /* struct throttle.begun or .waiting */
	bool begun;
	uint64_t since_ms;
};

struct throttle {
	unsigned limit, n;
	struct list begun;   /* struct ticket.link, oldest first */
	struct list waiting; /* struct ticket.link, first come, first served */
};

/* The more processors, the more at once; the rest is for what mostly waits for others. */
void throttle_init(struct throttle *throttle, unsigned processors);

/* Whether one more may begin. */
bool throttle_may_begin(const struct throttle *throttle, uint64_t now_ms);

/* When to ask again at the latest, if not; 0: any time. */
uint64_t throttle_again_ms(const struct throttle *throttle);

/* It begins, it waits, it has done either. Each may be repeated. */
void throttle_begin(struct throttle *throttle, struct ticket *ticket, uint64_t now_ms);
void throttle_wait(struct throttle *throttle, struct ticket *ticket);
void throttle_end(struct throttle *throttle, struct ticket *ticket);

/* The one that waits longest; NULL: nobody does. */
struct ticket *throttle_first_waiting(const struct throttle *throttle);
