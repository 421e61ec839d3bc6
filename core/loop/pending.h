/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is under way, counted, for an end that waits for it. Zeroed memory: nothing is, and nobody
 * waits.
 */
#pragma once

struct pending {
	unsigned n;
	void (*none)(void *ctx); /* NULL: nobody waits */
	void *ctx;
};

void pending_begin(struct pending *pending);

/* The last one may run the callback, which may free what holds @pending: nothing of that is used
 * afterwards. */
void pending_end(struct pending *pending);

/* Runs @none once nothing is under way, which may be now. */
void pending_await(struct pending *pending, void (*none)(void *ctx), void *ctx);
