/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/logs/log_frames.h"

#include <errno.h>

#include "api/kukeon.pb-c.h"

enum {
	GATHERED_BYTES = 32 * 1024, /* then they leave, or when nothing follows */
	LINES_TAG = 1 << 3 | 2,     /* of the field "lines": bytes with their length */
	VARINT_MAX = 5,
};

struct writer {
	const struct log_feed *feed;
	int fd;
	bool failed; /* nobody reads */
	struct buf lines;
};

static bool put(struct writer *writer, const void *data, size_t len)
{
	const char *at = data;

	while (len && !writer->failed) {
		ssize_t n = write(writer->fd, at, len);

		if (n < 0 && errno != EINTR)
			writer->failed = true;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return !writer->failed;
}

static bool put_frame(struct writer *writer, enum log_frame_kind kind, const void *data, size_t len)
{
	const struct log_frame frame = { .kind = kind, .len = (uint32_t)len };

	return put(writer, &frame, sizeof(frame)) && put(writer, data, len);
}

static bool send_lines(struct writer *writer)
{
	size_t len = writer->lines.len;

	writer->lines.len = 0;
	return !len || put_frame(writer, LOG_FRAME_LINES, writer->lines.data, len);
}

static void add_length(struct buf *out, size_t len)
{
	char *to = buf_reserve(out, VARINT_MAX);
	size_t n = 0;

	for (; len >= 0x80; len >>= 7)
		to[n++] = (char)((len & 0x7f) | 0x80);
	to[n++] = (char)len;
	out->len += n;
}

static void add_line(struct buf *out, const Api__LogLine *line)
{
	size_t len = protobuf_c_message_get_packed_size(&line->base);
	const char tag = LINES_TAG;

	buf_add(out, &tag, 1);
	add_length(out, len);
	protobuf_c_message_pack(&line->base, (uint8_t *)buf_reserve(out, len));
	out->len += len;
}

static bool on_entry(void *ctx, size_t number, const struct log_entry *entry)
{
	struct writer *writer = ctx;
	Api__LogLine line = API__LOG_LINE__INIT;

	line.container = (char *)writer->feed->names[number];
	line.has_stream = line.has_time_ns = line.has_text = true;
	line.stream = entry->stream == LOG_STDERR ? API__LOG_LINE__STREAM__STREAM_STDERR
						  : API__LOG_LINE__STREAM__STREAM_STDOUT;
	line.time_ns = (uint64_t)entry->time_ns;
	line.text.data = (uint8_t *)entry->text;
	line.text.len = entry->len;
	line.has_partial = line.partial = entry->partial;
	add_line(&writer->lines, &line);
	return writer->lines.len < GATHERED_BYTES || send_lines(writer);
}

static bool on_idle(void *ctx)
{
	struct writer *writer = ctx;

	/* With nothing to say it tells that the directory answers. */
	return writer->lines.len ? send_lines(writer)
				 : put_frame(writer, LOG_FRAME_OPENED, NULL, 0);
}

void log_frames_write(const struct log_feed *feed, int fd)
{
	struct writer writer = { .feed = feed, .fd = fd };
	const struct log_reading reading = {
		.query = feed->query,
		.dirs = feed->dirs,
		.n_dirs = feed->n_dirs,
		.peer_fd = fd,
		.on_entry = on_entry,
		.on_idle = on_idle,
		.ctx = &writer,
	};
	struct error err;

	if (log_read(&reading, &err) < 0) {
		send_lines(&writer);
		put_frame(&writer, LOG_FRAME_FAILED, err.msg, strlen(err.msg));
	} else {
		put_frame(&writer, LOG_FRAME_DONE, NULL, 0);
	}
	buf_fini(&writer.lines);
}
