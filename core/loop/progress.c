/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/progress.h"

void progress_init(struct progress *progress, struct loop *loop)
{
	*progress = (struct progress){ .loop = loop };
	list_init(&progress->waiting);
}

void progress_fini(struct progress *progress)
{
	check(list_empty(&progress->waiting));
	deferred_cancel(&progress->tell);
}

/* Who waits again is not asked twice. */
static void tell(struct deferred *deferred)
{
	struct progress *progress = container_of(deferred, struct progress, tell);
	struct list batch, *link;

	list_swap_out(&progress->waiting, &batch);
	while ((link = list_pop(&batch))) {
		struct progress_waiter *waiter = list_entry(link, struct progress_waiter, link);

		progress->looks++;
		waiter->look(waiter);
	}
}

void progress_made(struct progress *progress)
{
	if (!list_empty(&progress->waiting))
		loop_defer(progress->loop, &progress->tell, tell);
}

void progress_await(struct progress *progress, struct progress_waiter *waiter,
		    void (*look)(struct progress_waiter *waiter))
{
	waiter->look = look;
	if (!list_linked(&waiter->link))
		list_append(&progress->waiting, &waiter->link);
}

void progress_leave(struct progress_waiter *waiter)
{
	list_remove(&waiter->link);
}
