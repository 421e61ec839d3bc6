/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/throttle.h"

enum { AT_ONCE_PER_PROCESSOR = 2, AT_ONCE_MORE = 20 };

void throttle_init(struct throttle *throttle, unsigned processors)
{
	*throttle = (struct throttle){ .limit = AT_ONCE_PER_PROCESSOR * processors + AT_ONCE_MORE };
	list_init(&throttle->begun);
	list_init(&throttle->waiting);
}

static struct ticket *oldest(const struct throttle *throttle)
{
	return list_empty(&throttle->begun) ? NULL
					    : list_entry(throttle->begun.next, struct ticket, link);
}

uint64_t throttle_again_ms(const struct throttle *throttle)
{
	const struct ticket *ticket = throttle->n < throttle->limit ? NULL : oldest(throttle);

	return ticket ? ticket->since_ms + THROTTLE_PATIENCE_MS : 0;
}

bool throttle_may_begin(const struct throttle *throttle, uint64_t now_ms)
{
	return throttle_again_ms(throttle) <= now_ms;
}

void throttle_begin(struct throttle *throttle, struct ticket *ticket, uint64_t now_ms)
{
	throttle_end(throttle, ticket);
	if (throttle->n >= throttle->limit) /* patience with that one has ended */
		throttle_end(throttle, oldest(throttle));
	ticket->begun = true;
	ticket->since_ms = now_ms;
	list_append(&throttle->begun, &ticket->link);
	throttle->n++;
}

void throttle_wait(struct throttle *throttle, struct ticket *ticket)
{
	if (!list_linked(&ticket->link))
		list_append(&throttle->waiting, &ticket->link);
}

void throttle_end(struct throttle *throttle, struct ticket *ticket)
{
	throttle->n -= ticket->begun;
	ticket->begun = false;
	list_remove(&ticket->link);
}

struct ticket *throttle_first_waiting(const struct throttle *throttle)
{
	return list_empty(&throttle->waiting)
		       ? NULL
		       : list_entry(throttle->waiting.next, struct ticket, link);
}
