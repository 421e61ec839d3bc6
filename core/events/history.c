/* SPDX-License-Identifier: Apache-2.0 */
#include "core/events/history.h"

/* Longer than the longest pause of a restart, so that a container that fails again and again is a
 * handful of events and not the whole history. */
enum { REPEAT_MS = 120 * 1000 };

void history_init(struct history *history, int64_t now_ms)
{
	*history = (struct history){
		.next_sequence = now_ms > 0 ? (uint64_t)now_ms * 1000 : 1,
	};
	list_init(&history->readers);
}

void history_fini(struct history *history)
{
	check(list_empty(&history->readers));
	event_ring_fini(&history->ring);
}

static void drop_excess(struct history *history)
{
	struct history_reader *reader;
	struct event *event;

	while ((event = event_ring_take_excess(&history->ring))) {
		list_for_each(reader, &history->readers, link)
			if (event->sequence > reader->sequence && reader->wants &&
			    reader->wants(reader, event))
				reader->missed++;
		free(event);
	}
}

static void tell_readers(struct history *history)
{
	struct history_reader *reader;

	list_for_each(reader, &history->readers, link)
		reader->on_event(reader);
}

/* A clock that was set back or forth makes two events of one. */
static bool is_recent(const struct event *old, const struct event *event)
{
	int64_t apart_ms = event->last_ms - old->last_ms;

	return apart_ms > -REPEAT_MS && apart_ms < REPEAT_MS;
}

/* One is the other, or lies above it; the daemon lies above all. */
static bool is_related(const char *a, const char *b)
{
	size_t len = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
	const char *longer = strlen(a) < strlen(b) ? b : a;

	return len == 0 || (strncmp(a, b, len) == 0 && (!longer[len] || longer[len] == '/'));
}

static enum event_verdict judge(const struct event *old, const struct event *event)
{
	if (event->begins || (old->begins && is_related(old->key, event->key)))
		return EVENT_STOP;
	return event_is_same(old, event) && is_recent(old, event) ? EVENT_TAKE : EVENT_PASS;
}

/* It is what was told last of its object. */
static bool is_told(const struct event_ring *ring, const struct event *event)
{
	for (size_t i = ring->n; i > 0; i--) {
		const struct event *old = event_ring_at(ring, i - 1);

		if (strcmp(old->key, event->key) == 0)
			return event_is_same(old, event) && !event->begins;
	}
	return false;
}

void history_add(struct history *history, const struct event_source *source)
{
	struct event *event = event_new(source);
	struct event *old;

	if (source->again && is_told(&history->ring, event)) {
		free(event);
		return;
	}
	old = event_ring_take_same(&history->ring, event, judge);
	if (old) {
		event->first_ms = old->first_ms;
		event->count = old->count < UINT32_MAX ? old->count + 1 : old->count;
		free(old);
	}
	event->sequence = history->next_sequence++;
	event_ring_append(&history->ring, event);
	drop_excess(history);
	tell_readers(history);
}

void history_restore(struct history *history, struct event_ring *past)
{
	struct event_ring since = history->ring;
	uint64_t last = event_ring_last(past), shift = 0;

	if (since.n && event_ring_at(&since, 0)->sequence <= last)
		shift = last + 1 - event_ring_at(&since, 0)->sequence;
	history->ring = *past;
	*past = (struct event_ring){ 0 };
	history->loading = false;
	for (size_t i = 0; i < since.n; i++) {
		struct event *event = event_ring_at(&since, i);

		if (is_told(&history->ring, event)) { /* by a daemon that was killed */
			free(event);
			continue;
		}
		event->sequence += shift;
		event_ring_append(&history->ring, event);
		drop_excess(history);
	}
	since.n = 0; /* they have moved */
	event_ring_fini(&since);
	history->next_sequence += shift;
	if (history->next_sequence <= last)
		history->next_sequence = last + 1;
	tell_readers(history);
}

const struct event *history_next(const struct history *history, const struct history_reader *reader)
{
	size_t index = event_ring_count_until(&history->ring, reader->sequence);

	if (history->loading || index == history->ring.n)
		return NULL;
	return event_ring_at(&history->ring, index);
}
