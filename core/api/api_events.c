/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: the history that matches, then, if asked to, what happens from now on. A stream is a
 * reader of the history (core/events/history.h): it holds a number, not messages.
 */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/base/wall.h"
#include "core/status/record.h"
#include "core/status/status.h"

struct events {
	struct pending_reply reply;
	struct api *api;
	struct history_reader reader;
	bool begun; /* the place to read from is known */
	struct deferred pump;
};

/* ---- what matches ---- */

static bool has_scope(const Api__Selector *s)
{
	return !str_empty(s->realm) || !str_empty(s->space) || !str_empty(s->stack) ||
	       !str_empty(s->cell) || !str_empty(s->name);
}

static bool part_matches(const char *wanted, const char *have)
{
	return str_empty(wanted) || strcmp(wanted, have) == 0;
}

/* The containers of a cell belong to it. */
static bool kind_matches(const Api__Selector *s, enum kind kind)
{
	return !s->has_kind || model_kind(s->kind) == kind ||
	       (s->kind == API__KIND__KIND_CELL && kind == KIND_CONTAINER);
}

static bool selects(const Api__Selector *s, const char *key)
{
	struct key_parts parts;

	if (!*key)
		return !s->has_kind && !has_scope(s);
	return key_split(key, &parts) && kind_matches(s, parts.kind) &&
	       part_matches(s->realm, parts.part[KIND_REALM]) &&
	       part_matches(s->space, parts.part[KIND_SPACE]) &&
	       part_matches(s->stack, parts.part[KIND_STACK]) &&
	       part_matches(s->cell, parts.part[KIND_CELL]) &&
	       (!s->has_kind || part_matches(s->name, parts.part[model_kind(s->kind)]));
}

static const Api__EventsRequest *request_of(const struct events *events)
{
	return (const Api__EventsRequest *)events->reply.request;
}

static bool matches(const struct events *events, const struct event *event)
{
	const Api__Selector *selector = request_of(events)->selector;

	return !selector || selects(selector, event->key);
}

static bool wants(const struct history_reader *reader, const struct event *event)
{
	return matches(container_of(reader, struct events, reader), event);
}

/* ---- where to begin ---- */

static const struct history *history_of(const struct events *events)
{
	return &events->api->options.engine->history;
}

static bool is_recent(const struct events *events, const struct event *event, int64_t now_ms)
{
	uint32_t since = request_of(events)->since_seconds;

	return !since || event->last_ms >= now_ms - (int64_t)since * 1000;
}

/* From the latest backwards, until the limit is reached or what comes is too old. */
static uint64_t first_sequence(const struct events *events)
{
	const struct event_ring *ring = &history_of(events)->ring;
	int64_t now_ms = wall_now_ms();
	uint64_t after = request_of(events)->after;
	uint32_t limit = request_of(events)->limit, n = 0;

	for (size_t i = ring->n; i > 0; i--) {
		const struct event *event = event_ring_at(ring, i - 1);

		n += matches(events, event);
		if (!is_recent(events, event, now_ms) || (limit && n > limit))
			return event->sequence > after ? event->sequence : after;
	}
	return after;
}

/* ---- sending ---- */

static void send_missed(struct events *events)
{
	Api__Event event = API__EVENT__INIT;
	AUTO_FREE char *time = wall_text(wall_now_ms());
	uint64_t missed = events->reader.missed;

	events->reader.missed = 0;
	event.has_count = event.has_type = true;
	event.time = time;
	event.count = missed < UINT32_MAX ? (uint32_t)missed : UINT32_MAX;
	event.type = API__EVENT__TYPE__TYPE_WARNING;
	event.reason = (char *)record_reason_name(RECORD_EVENTS_MISSED);
	event.message = (char *)"events were missed: they came faster than they were read";
	rpc_server_send(events->reply.call, &event.base);
}

/* Moves the reader to the next event that matches; NULL when there is none. */
static const struct event *next_match(struct events *events)
{
	const struct event *event;

	while ((event = history_next(history_of(events), &events->reader))) {
		events->reader.sequence = event->sequence;
		if (matches(events, event))
			return event;
	}
	return NULL;
}

static void send_next(struct events *events)
{
	const struct event *event = next_match(events);
	Api__Event *message;

	if (event) {
		message = event_render(event);
		rpc_server_send(events->reply.call, &message->base);
		protobuf_c_message_free_unpacked(&message->base, NULL);
	} else if (!request_of(events)->watch) {
		reply_end_stream(&events->reply);
	}
}

static void pump(struct events *events)
{
	if (!rpc_server_call_writable(events->reply.call) || history_of(events)->loading)
		return;
	if (!events->begun) {
		events->begun = true;
		events->reader.sequence = first_sequence(events);
	}
	if (events->reader.missed)
		send_missed(events);
	else
		send_next(events);
}

static void on_pump(struct deferred *deferred)
{
	pump(container_of(deferred, struct events, pump));
}

static void on_event(struct history_reader *reader)
{
	struct events *events = container_of(reader, struct events, reader);

	loop_defer(events->api->options.engine->loop, &events->pump, on_pump);
}

/* ---- life ---- */

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	pump(owner);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	reply_closed(&((struct events *)owner)->reply);
}

static void on_ended(struct pending_reply *reply)
{
	struct events *events = container_of(reply, struct events, reply);

	list_remove(&events->reader.link);
	deferred_cancel(&events->pump);
	free(events);
}

static int check_selector(const Api__Selector *selector, struct error *err)
{
	if (!selector)
		return 0;
	if (selector->has_kind && model_kind(selector->kind) == KIND_COUNT)
		return error_set(err, -EINVAL, "the request selects no kind");
	if (!selector->has_kind && !str_empty(selector->name))
		return error_set(err, -EINVAL, "the request has a name and no kind");
	if (!str_empty(selector->labels))
		return error_set(err, -EINVAL, "events cannot be selected by labels");
	return 0;
}

void api_on_events(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_writable,
							   .on_closed = on_closed };
	static const struct reply_kind kind = { .ended = on_ended, .stream = true };
	const Api__EventsRequest *request = (const Api__EventsRequest *)message;
	struct api *api = ctx;
	struct events *events;
	struct error err;

	if (check_selector(request->selector, &err) < 0)
		return rpc_server_fail(call, err.code, &err);
	events = xnew(struct events);
	events->api = api;
	reply_begin(&events->reply, &api->replies, &kind, call, message);
	events->reader.sequence = UINT64_MAX; /* misses nothing before it begins */
	events->reader.wants = wants;
	events->reader.on_event = on_event;
	list_append(&api->options.engine->history.readers, &events->reader.link);
	rpc_server_stream(call, &handler, events);
	pump(events);
}
