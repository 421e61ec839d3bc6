/* SPDX-License-Identifier: Apache-2.0 */
#include "core/events/event.h"

#include "core/base/str.h"
#include "core/base/text.h"
#include "core/base/wall.h"
#include "core/manifest/manifest.h"

/* What every reader of JSON can hold; wall time in microseconds gets there in two centuries. */
#define SEQUENCE_END ((uint64_t)1 << 53)

static uint32_t hash_add(uint32_t h, const char *s)
{
	for (const char *p = s; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return (h ^ 0xff) * 16777619u; /* an end that no text holds */
}

/* On one line, valid, not longer than @max_bytes. */
static char *tidy(const char *text, size_t max_bytes)
{
	char *copy = xcalloc(max_bytes + 1, 1);

	str_fit(copy, max_bytes + 1, text);
	text_flatten(copy);
	return copy;
}

static const char *put(char **at, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *begin = *at;

	memcpy(begin, text, bytes);
	*at += bytes;
	return begin;
}

struct event *event_new(const struct event_source *source)
{
	AUTO_FREE char *reason = tidy(source->reason, EVENT_REASON_MAX_BYTES);
	AUTO_FREE char *message = tidy(source->message, EVENT_MESSAGE_MAX_BYTES);
	size_t bytes = strlen(source->key) + strlen(reason) + strlen(message) + 3;
	struct event *event = xcalloc(1, sizeof(*event) + bytes);
	char *at = event->text;

	event->first_ms = event->last_ms = source->now_ms;
	event->count = 1;
	event->warning = source->warning;
	event->begins = source->begins;
	event->key = put(&at, source->key);
	event->reason = put(&at, reason);
	event->message = put(&at, message);
	event->text_bytes = bytes;
	event->hash = hash_add(hash_add(hash_add(2166136261u, event->key), reason), message);
	return event;
}

struct event *event_copy(const struct event *event)
{
	size_t bytes = sizeof(*event) + event->text_bytes;
	struct event *copy = xcalloc(1, bytes);

	memcpy(copy, event, bytes);
	copy->key = copy->text + (event->key - event->text);
	copy->reason = copy->text + (event->reason - event->text);
	copy->message = copy->text + (event->message - event->text);
	return copy;
}

bool event_is_same(const struct event *a, const struct event *b)
{
	return a->hash == b->hash && a->warning == b->warning && str_equal(a->key, b->key) &&
	       str_equal(a->reason, b->reason) && str_equal(a->message, b->message);
}

Api__Event *event_render(const struct event *event)
{
	Api__Event *out = xnew(Api__Event);

	api__event__init(out);
	out->has_sequence = out->has_type = true;
	out->sequence = event->sequence;
	out->time = wall_text(event->last_ms);
	out->type = event->warning ? API__EVENT__TYPE__TYPE_WARNING : API__EVENT__TYPE__TYPE_NORMAL;
	if (event->count > 1) {
		out->has_count = true;
		out->count = event->count;
		out->first_time = wall_text(event->first_ms);
	}
	if (*event->key) {
		out->has_kind = true;
		out->kind = model_api_kind(key_kind(event->key));
		out->key = xstrdup(event->key);
	}
	out->reason = xstrdup(event->reason);
	out->message = xstrdup(event->message);
	return out;
}

void event_add_line(const struct event *event, struct buf *out)
{
	Api__Event *message = event_render(event);

	manifest_emit_json_line(&message->base, out);
	buf_add_str(out, "\n");
	protobuf_c_message_free_unpacked(&message->base, NULL);
}

static struct event *from_message(const Api__Event *message)
{
	struct event_source source = {
		.key = message->key ? message->key : "",
		.reason = message->reason,
		.message = message->message ? message->message : "",
		.warning = message->has_type && message->type == API__EVENT__TYPE__TYPE_WARNING,
		.now_ms = wall_parse(message->time),
	};
	struct key_parts parts;
	struct event *event;

	if (!message->sequence || message->sequence >= SEQUENCE_END || source.now_ms <= 0 ||
	    str_empty(source.reason) || (*source.key && !key_split(source.key, &parts)))
		return NULL;
	event = event_new(&source);
	event->sequence = message->sequence;
	if (message->count > 1 && wall_parse(message->first_time) > 0) {
		event->count = message->count;
		event->first_ms = wall_parse(message->first_time);
	}
	return event;
}

struct event *event_parse_line(const char *line, size_t len)
{
	ProtobufCMessage *message = NULL;
	struct event *event;

	if (len == 0 || len > EVENT_LINE_MAX_BYTES ||
	    manifest_parse_stored("event", line, len, &api__event__descriptor, &message, NULL) < 0)
		return NULL;
	event = from_message((const Api__Event *)message);
	protobuf_c_message_free_unpacked(message, NULL);
	return event;
}
