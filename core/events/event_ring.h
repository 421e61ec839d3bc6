/* SPDX-License-Identifier: Apache-2.0 */
/* The latest events by sequence number, oldest first, bounded in number and in text. A zeroed
 * struct is an empty ring. */
#pragma once

#include "core/events/event.h"

enum {
	EVENT_RING_MAX = 4096,
	EVENT_RING_TEXT_MAX_BYTES = 512 * 1024,
};

struct event_ring {
	struct event **items; /* EVENT_RING_MAX + 1, once there is one */
	size_t first, n;
	size_t text_bytes;
};

void event_ring_fini(struct event_ring *ring);

/* Takes @event, whose sequence number is the highest. */
void event_ring_append(struct event_ring *ring, struct event *event);

/* Takes the oldest out when there is more than the bounds allow, else NULL. Asked after each append
 * until it is NULL. */
struct event *event_ring_take_excess(struct event_ring *ring);

enum event_verdict {
	EVENT_PASS, /* look further back */
	EVENT_TAKE, /* this is the one */
	EVENT_STOP, /* there is none */
};

typedef enum event_verdict (*event_judge_fn)(const struct event *old, const struct event *event);

/* Takes out the latest that @judge takes for @event, NULL when there is none. It is not looked for
 * far back. */
struct event *event_ring_take_same(struct event_ring *ring, const struct event *event,
				   event_judge_fn judge);

/* By age: 0 is the oldest. */
struct event *event_ring_at(const struct event_ring *ring, size_t index);

/* How many have a sequence number up to this one: the index of the next. */
size_t event_ring_count_until(const struct event_ring *ring, uint64_t sequence);

/* The sequence number of the latest, 0 when there is none. */
uint64_t event_ring_last(const struct event_ring *ring);
