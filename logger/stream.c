/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes are taken with splice(2), so that the length of the spill says how many. Those that are
 * dropped have to be looked at: only there a kill can lose some that should be kept, and then they
 * are of one reading, in a gap.
 *
 * A gap begins and ends with whole lines. The rest of the line that had begun before it is kept, up
 * to the size of a part; nothing is added behind a gap until all before it is written.
 */
#include "logger/stream.h"

#include <errno.h>
#include <fcntl.h>

enum {
	ROOM_MIN_BYTES = 4096, /* less is not worth a call */
	DROP_MAX_BYTES = 64 * 1024,
};

/* What is dropped is looked at here. */
static char scratch[DROP_MAX_BYTES];

static int index_of(const struct stream *stream)
{
	return (int)(stream - stream->entry->streams);
}

static void save_gap(struct stream *stream)
{
	state_save_gap(&stream->entry->state, index_of(stream), &stream->gap);
}

uint64_t stream_backlog(const struct stream *stream)
{
	return stream->taken - stream->written;
}

bool stream_has_gap(const struct stream *stream)
{
	return stream->gap.seq > stream->gaps_written;
}

static bool ends_in_line(const struct stream *stream)
{
	char last = '\n';

	if (stream->taken > stream->written)
		(void)!pread(stream->spill, &last, 1, (off_t)stream->taken - 1);
	return last != '\n';
}

void stream_open_gap(struct stream *stream)
{
	if (stream_has_gap(stream))
		return;
	stream->gap = (struct gap){
		.seq = stream->gap.seq + 1,
		.at = stream->taken,
		.is_open = true,
		.spare_bytes = ends_in_line(stream) ? LOG_PART_MAX_BYTES : 0,
	};
	save_gap(stream);
}

/* Adds to the spill what had to be looked at. */
static size_t keep(struct stream *stream, const char *data, size_t len)
{
	ssize_t n = pwrite(stream->spill, data, len, (off_t)stream->taken);

	if (n <= 0)
		return 0;
	stream->taken += (uint64_t)n;
	return (size_t)n;
}

/* The rest of the line that had begun before the gap. Returns how much of @data that is. */
static size_t keep_rest_of_line(struct stream *stream, const char *data, size_t len)
{
	struct gap *gap = &stream->gap;
	size_t most = len < gap->spare_bytes ? len : gap->spare_bytes, kept;
	const char *end = most > 0 ? memchr(data, '\n', most) : NULL;

	if (most == 0)
		return 0;
	kept = keep(stream, data, end != NULL ? (size_t)(end - data) + 1 : most);
	gap->at = stream->taken;
	gap->spare_bytes -= (uint32_t)kept;
	if (end != NULL || kept < most)
		gap->spare_bytes = 0;
	if (end == NULL && gap->spare_bytes == 0) /* too long: what follows is its rest */
		gap->in_line = true;
	return kept;
}

static void count_dropped(struct gap *gap, const char *data, size_t len)
{
	const char *end;

	gap->bytes += len;
	while (len > 0) {
		end = memchr(data, '\n', len);
		gap->in_line = end == NULL;
		if (end == NULL)
			return;
		gap->lines++;
		len -= (size_t)(end + 1 - data);
		data = end + 1;
	}
}

static bool is_drained(const struct stream *stream)
{
	return stream->gap.spare_bytes == 0 && stream->written >= stream->gap.at;
}

static void close_gap(struct stream *stream)
{
	struct gap *gap = &stream->gap;

	if (gap->in_line)
		gap->lines++;
	gap->is_open = gap->in_line = false;
	gap->spare_bytes = 0;
	if (gap->bytes == 0) /* nothing came meanwhile: there is none */
		gap->seq--;
	save_gap(stream);
}

/* @data goes by while lines are dropped; if that may end, it ends with the first line, and the rest
 * is kept. */
static void drop(struct stream *stream, const char *data, size_t len)
{
	size_t kept = keep_rest_of_line(stream, data, len);
	const char *end = NULL;

	data += kept;
	len -= kept;
	if (is_drained(stream) && len > 0)
		end = memchr(data, '\n', len);
	if (end == NULL) {
		count_dropped(&stream->gap, data, len);
		save_gap(stream);
		return;
	}
	count_dropped(&stream->gap, data, (size_t)(end + 1 - data));
	len -= (size_t)(end + 1 - data);
	close_gap(stream);
	if (len > 0)
		keep(stream, end + 1, len);
}

static enum take take_away(struct stream *stream)
{
	ssize_t n = read(stream->fifo, scratch, sizeof(scratch));

	if (n <= 0)
		return TAKE_EMPTY;
	drop(stream, scratch, (size_t)n);
	return TAKE_MORE;
}

static enum take take_to_spill(struct stream *stream, size_t room)
{
	off_t at = (off_t)stream->taken;
	ssize_t n = splice(stream->fifo, NULL, stream->spill, &at, room, SPLICE_F_NONBLOCK);

	if (n > 0)
		stream->taken += (uint64_t)n;
	if (n < 0 && errno != EAGAIN && errno != EINTR) /* no room for the spill */
		return TAKE_FULL;
	return n > 0 ? TAKE_MORE : TAKE_EMPTY;
}

enum take stream_take(struct stream *stream)
{
	uint64_t backlog = stream_backlog(stream);

	if (stream->fifo < 0)
		return TAKE_EMPTY;
	stream_try_close_gap(stream, false);
	if (stream->gap.is_open)
		return take_away(stream);
	if (backlog + ROOM_MIN_BYTES > SPILL_MAX_BYTES)
		return TAKE_FULL;
	return take_to_spill(stream, SPILL_MAX_BYTES - backlog);
}

void stream_try_close_gap(struct stream *stream, bool at_end)
{
	const struct gap *gap = &stream->gap;
	bool none_yet = gap->bytes == 0 && stream_backlog(stream) < SPILL_MAX_BYTES / 2;

	if (gap->is_open && (at_end || none_yet || (is_drained(stream) && !gap->in_line)))
		close_gap(stream);
}
