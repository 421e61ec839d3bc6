/* SPDX-License-Identifier: Apache-2.0 */
/* One thing that happened, as the history keeps it: compact, in memory or on a line of its file. */
#pragma once

#include "api/kukeon.pb-c.h"
#include "core/base/buf.h"
#include "core/base/error.h"

enum {
	EVENT_REASON_MAX_BYTES = 64,
	EVENT_MESSAGE_MAX_BYTES = 1024, /* what is longer is cut in its middle */
	EVENT_LINE_MAX_BYTES = 16 * 1024,
};

/* What is to be told; the strings are copied. */
struct event_source {
	const char *key; /* "" for the daemon as a whole */
	const char *reason, *message;
	bool warning;
	bool begins; /* somebody did something: what follows is no repetition of what was before */
	bool again;  /* left out when it is what was told last of its object */
	int64_t now_ms; /* wall clock */
};

struct event {
	uint64_t sequence;
	int64_t first_ms, last_ms; /* wall clock since the epoch */
	uint32_t count;
	uint32_t hash; /* of what makes two events the same */
	bool warning;
	bool begins; /* not kept in the file: only the latest events repeat */
	const char *key, *reason, *message; /* into text */
	size_t text_bytes;
	char text[];
};

/* Free with free(). Message and reason become one line of valid text within their bounds. */
struct event *event_new(const struct event_source *source);
struct event *event_copy(const struct event *event);

/* The same happened to the same object. */
bool event_is_same(const struct event *a, const struct event *b);

/* The message of the API. Free with protobuf_c_message_free_unpacked(). */
Api__Event *event_render(const struct event *event);

/* Appends one line with its end: JSON, as the API says it. */
void event_add_line(const struct event *event, struct buf *out);

/* The event of such a line (without its end), NULL when it is none. Free with free(). */
struct event *event_parse_line(const char *line, size_t len);
