/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For those who wait for what others bring about, instead of looking every few milliseconds:
 * whoever brings something about says so, and on the next turn of the loop each who waits looks
 * once, however much that was. It is a hint like any other; where nobody waits it costs nothing.
 */
#pragma once

#include "core/loop/loop.h"

struct progress {
	struct loop *loop;
	struct list waiting; /* struct progress_waiter.link */
	struct deferred tell;
	uint64_t looks; /* so many were had; for tests */
};

/* Embedded in its owner; zeroed memory waits for nothing. */
struct progress_waiter {
	struct list link;
	void (*look)(struct progress_waiter *waiter);
};

void progress_init(struct progress *progress, struct loop *loop);

/* Nobody may be waiting any more. */
void progress_fini(struct progress *progress);

/* Something has come about. */
void progress_made(struct progress *progress);

/* @look runs once, when something has: it looks, and waits again if that was not all. Who waits
 * already goes on waiting. */
void progress_await(struct progress *progress, struct progress_waiter *waiter,
		    void (*look)(struct progress_waiter *waiter));
void progress_leave(struct progress_waiter *waiter);
