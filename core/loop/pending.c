/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/pending.h"

#include "core/base/util.h"

static void run_if_none(struct pending *pending)
{
	void (*none)(void *) = pending->none;

	if (pending->n || !none)
		return;
	pending->none = NULL;
	none(pending->ctx);
}

void pending_begin(struct pending *pending)
{
	pending->n++;
}

void pending_end(struct pending *pending)
{
	check(pending->n > 0);
	pending->n--;
	run_if_none(pending);
}

void pending_await(struct pending *pending, void (*none)(void *ctx), void *ctx)
{
	check(none && !pending->none);
	pending->none = none;
	pending->ctx = ctx;
	run_if_none(pending);
}
