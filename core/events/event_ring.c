/* SPDX-License-Identifier: Apache-2.0 */
#include "core/events/event_ring.h"

enum {
	CAPACITY = EVENT_RING_MAX + 1, /* one too many stands there until it is taken out */
	LOOK_BACK = 256,               /* a repeated event is looked for among these */
};

static struct event **slot(const struct event_ring *ring, size_t index)
{
	return &ring->items[(ring->first + index) % CAPACITY];
}

struct event *event_ring_at(const struct event_ring *ring, size_t index)
{
	check(index < ring->n);
	return *slot(ring, index);
}

void event_ring_fini(struct event_ring *ring)
{
	for (size_t i = 0; i < ring->n; i++)
		free(*slot(ring, i));
	free(ring->items);
	*ring = (struct event_ring){ 0 };
}

uint64_t event_ring_last(const struct event_ring *ring)
{
	return ring->n ? event_ring_at(ring, ring->n - 1)->sequence : 0;
}

void event_ring_append(struct event_ring *ring, struct event *event)
{
	if (!ring->items)
		ring->items = xcalloc(CAPACITY, sizeof(*ring->items));
	check(ring->n < CAPACITY && event->sequence > event_ring_last(ring));
	*slot(ring, ring->n++) = event;
	ring->text_bytes += event->text_bytes;
}

static struct event *take(struct event_ring *ring, size_t index)
{
	struct event *event = event_ring_at(ring, index);

	for (size_t i = index; i + 1 < ring->n; i++)
		*slot(ring, i) = *slot(ring, i + 1);
	ring->n--;
	ring->text_bytes -= event->text_bytes;
	return event;
}

struct event *event_ring_take_excess(struct event_ring *ring)
{
	struct event *oldest;

	if (ring->n <= EVENT_RING_MAX && ring->text_bytes <= EVENT_RING_TEXT_MAX_BYTES)
		return NULL;
	oldest = event_ring_at(ring, 0);
	ring->first = (ring->first + 1) % CAPACITY;
	ring->n--;
	ring->text_bytes -= oldest->text_bytes;
	return oldest;
}

struct event *event_ring_take_same(struct event_ring *ring, const struct event *event,
				   event_judge_fn judge)
{
	size_t end = ring->n > LOOK_BACK ? ring->n - LOOK_BACK : 0;

	for (size_t i = ring->n; i > end; i--) {
		enum event_verdict verdict = judge(event_ring_at(ring, i - 1), event);

		if (verdict != EVENT_PASS)
			return verdict == EVENT_TAKE ? take(ring, i - 1) : NULL;
	}
	return NULL;
}

size_t event_ring_count_until(const struct event_ring *ring, uint64_t sequence)
{
	size_t low = 0, high = ring->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (event_ring_at(ring, middle)->sequence <= sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
