/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history: what happened to the objects and what was decided about them, in the order in which
 * it happened. Bounded; what repeats within a short time without anybody having done something is
 * one event with a count, at its latest place. In memory; core/events/history_file.h keeps it over
 * restarts.
 *
 * A reader is a sequence number: what is above it was not given yet. Nothing waits for a reader but
 * the events themselves, so a slow one costs nothing and may miss some.
 */
#pragma once

#include "core/base/list.h"
#include "core/events/event_ring.h"

struct history_reader {
	struct list link;  /* struct history.readers */
	uint64_t sequence; /* of the event that was given last */
	uint64_t missed;   /* events that it @wants and that went before they were given */
	bool (*wants)(const struct history_reader *reader, const struct event *event);
	/* There is more to read. May be told again and again; not the place to read it. */
	void (*on_event)(struct history_reader *reader);
};

struct history {
	struct event_ring ring;
	uint64_t next_sequence;
	struct list readers; /* struct history_reader.link */
	bool loading;        /* what was before is being read: nothing is given to readers yet */
};

/* @now_ms: wall clock; sequence numbers begin there, so that none comes twice even when the file of
 * the last ones is lost. */
void history_init(struct history *history, int64_t now_ms);

/* No reader may be left. */
void history_fini(struct history *history);

/* Costs a few microseconds at most. */
void history_add(struct history *history, const struct event_source *source);

/* What was before: goes in front of what happened since, and is not told again. Ends loading; takes
 * what is in @past. */
void history_restore(struct history *history, struct event_ring *past);

/* The next event for the reader, NULL when it has had all of them or they are being loaded. */
const struct event *history_next(const struct history *history,
				 const struct history_reader *reader);
