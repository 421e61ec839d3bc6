/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the history, whatever is in it: no crash, everything within its bounds, and what was
 * read is written and read again as the same. */
#include "core/events/history_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_bounds(const struct event_ring *ring)
{
	check(ring->n <= EVENT_RING_MAX && ring->text_bytes <= EVENT_RING_TEXT_MAX_BYTES);
	for (size_t i = 0; i < ring->n; i++) {
		const struct event *event = event_ring_at(ring, i);

		check(event->count && *event->reason &&
		      strlen(event->message) <= EVENT_MESSAGE_MAX_BYTES);
		check(!i || event->sequence > event_ring_at(ring, i - 1)->sequence);
	}
}

/* A daemon goes on with it, whatever its clock says. */
static void go_on(struct event_ring *past)
{
	struct event_source source = { .key = "", .reason = "R", .message = "m", .now_ms = 1 };
	struct history history;

	history_init(&history, source.now_ms);
	history_add(&history, &source);
	history_restore(&history, past);
	source.message = "other";
	history_add(&history, &source);
	check_bounds(&history.ring);
	history_fini(&history);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct event_ring ring = { 0 }, again = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct history_parsed parsed;

	history_parse((const char *)data, len, &ring);
	check_bounds(&ring);
	for (size_t i = 0; i < ring.n; i++)
		event_add_line(event_ring_at(&ring, i), &text);
	parsed = history_parse(text.data ? text.data : "", text.len, &again);
	check(!parsed.torn && !parsed.damaged);
	check(again.n <= ring.n && event_ring_last(&again) == event_ring_last(&ring));
	go_on(&ring);
	event_ring_fini(&again);
	return 0;
}
