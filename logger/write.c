/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "core/base/log.h"
#include "logger/journal.h"
#include "logger/logfile.h"
#include "logger/record.h"
#include "logger/stream.h"
#include "logger/writer.h"

enum {
	PUNCH_BYTES = 64 * 1024,         /* of the spill, once so much is written */
	PUNCH_DRAINED_BYTES = 16 * 1024, /* or so much, when that was all */
	PAGE_BYTES = 4096,
};

/* Of a stream, as it was when looked at. */
struct view {
	int i;
	uint64_t taken, written;
	bool has_gap, all_taken;
	struct gap gap;
};

static const char *const stream_names[N_STREAMS] = { "stdout", "stderr" };

static struct view look(struct logger *logger, struct entry *entry, int i)
{
	const struct stream *stream = &entry->streams[i];
	struct view view = { .i = i };

	pthread_mutex_lock(&logger->lock);
	view.taken = stream->taken;
	view.written = stream->written;
	view.gap = stream->gap;
	view.has_gap = stream_has_gap(stream);
	view.all_taken = entry->all_taken;
	pthread_mutex_unlock(&logger->lock);
	return view;
}

/* ---- what is written is written down ---- */

static void punch(struct stream *stream)
{
	uint64_t done = stream->written - stream->punched;
	uint64_t whole = stream->written / PAGE_BYTES * PAGE_BYTES;

	if (done < PUNCH_DRAINED_BYTES || (done < PUNCH_BYTES && stream_backlog(stream) > 0))
		return;
	fallocate(stream->spill, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)stream->punched,
		  (off_t)(whole - stream->punched));
	stream->punched = whole;
}

static bool reader_waits(const struct stream *stream)
{
	return (stream->is_paused && stream_backlog(stream) <= SPILL_MAX_BYTES / 2) ||
	       (stream->gap.is_open && stream->written >= stream->gap.at);
}

static void commit(struct logger *logger, struct entry *entry, const struct view *view, size_t n)
{
	struct cursor *cursor = &entry->state.cursor;
	struct stream *stream = &entry->streams[view->i];
	bool waits;

	cursor->written[view->i] += n;
	state_save_cursor(&entry->state, cursor);
	pthread_mutex_lock(&logger->lock);
	stream->written = cursor->written[view->i];
	stream->gaps_written = cursor->gaps_written[view->i];
	entry->dropped = (struct log_stat){ cursor->dropped_lines, cursor->dropped_bytes };
	waits = reader_waits(stream);
	pthread_mutex_unlock(&logger->lock);
	punch(stream);
	if (waits)
		writer_kick(logger);
}

/* ---- to one of the two places ---- */

static void stamp_now(char ret[RECORD_STAMP_BYTES])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	record_stamp(&now, ret);
}

static int put_file(struct logger *logger, struct entry *entry, int stream, const char *in,
		    size_t len, bool end, struct batch *batch, size_t *ret_taken)
{
	char stamp[RECORD_STAMP_BYTES];
	size_t out_len, taken;
	int r = 0;

	stamp_now(stamp);
	taken = record_print_all(in, len, end, stamp, stream_names[stream], batch->out,
				 sizeof(batch->out), &out_len);
	if (taken > 0)
		r = logfile_add(logger, entry, batch->out, out_len);
	if (r == 0)
		*ret_taken = taken;
	return r;
}

/* One at a time: a kill doubles one at most. */
static int put_journal(struct logger *logger, struct entry *entry, int stream, const char *in,
		       size_t len, bool end, size_t *ret_taken)
{
	struct record record;
	int r;

	*ret_taken = 0;
	if (!record_next(in, len, end, &record))
		return 0;
	r = journal_send(logger->journal, &entry->conf, stream == 1 ? JOURNAL_ERR : JOURNAL_INFO,
			 &record);
	if (r == 0)
		*ret_taken = record.n_taken;
	return r;
}

static int put(struct logger *logger, struct entry *entry, int stream, const char *in, size_t len,
	       bool end, struct batch *batch, size_t *ret_taken)
{
	if (entry->conf.driver == LOG_DRIVER_JOURNALD)
		return put_journal(logger, entry, stream, in, len, end, ret_taken);
	return put_file(logger, entry, stream, in, len, end, batch, ret_taken);
}

/* ---- a batch ---- */

static int write_gap(struct logger *logger, struct entry *entry, const struct view *view,
		     struct batch *batch)
{
	struct cursor *cursor = &entry->state.cursor;
	char text[160];
	size_t taken;
	int r;

	snprintf(text, sizeof(text),
		 "[kukeon: %llu lines (%llu bytes) were dropped: the log could not be written]\n",
		 (unsigned long long)view->gap.lines, (unsigned long long)view->gap.bytes);
	r = put(logger, entry, 1, text, strlen(text), false, batch, &taken);
	if (r < 0)
		return r;
	cursor->gaps_written[view->i] = view->gap.seq;
	cursor->dropped_lines += view->gap.lines;
	cursor->dropped_bytes += view->gap.bytes;
	commit(logger, entry, view, 0);
	return 1;
}

/* 1: something, 0: nothing was to be written. */
static int write_stream(struct logger *logger, struct entry *entry, int i, struct batch *batch)
{
	struct view view = look(logger, entry, i);
	uint64_t limit = view.has_gap ? view.gap.at : view.taken, left = limit - view.written;
	bool ends = view.has_gap ? view.gap.spare_bytes == 0 : view.all_taken;
	size_t taken = 0;
	ssize_t n;
	int r;

	if (left == 0)
		return view.has_gap && !view.gap.is_open ? write_gap(logger, entry, &view, batch)
							 : 0;
	n = pread(entry->streams[i].spill, batch->in,
		  left < sizeof(batch->in) ? left : sizeof(batch->in), (off_t)view.written);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	r = put(logger, entry, i, batch->in, (size_t)n, ends && (uint64_t)n == left, batch, &taken);
	if (r < 0)
		return r;
	if (taken > 0)
		commit(logger, entry, &view, taken);
	return taken > 0;
}

static void say_once(const struct entry *entry, int r)
{
	if (r < 0 && !entry->is_failing)
		log_warning("a log cannot be written: %s entry=%s", strerror(-r), entry->name);
	if (r >= 0 && entry->is_failing)
		log_info("a log can be written again entry=%s", entry->name);
}

static bool is_all(struct logger *logger, struct entry *entry)
{
	bool all;

	pthread_mutex_lock(&logger->lock);
	all = entry->all_taken;
	for (int i = 0; i < N_STREAMS; i++)
		all = all && stream_backlog(&entry->streams[i]) == 0 &&
		      !stream_has_gap(&entry->streams[i]);
	pthread_mutex_unlock(&logger->lock);
	return all;
}

static void end(struct logger *logger, struct entry *entry)
{
	if (entry->log_fd >= 0)
		close(entry->log_fd);
	entry->log_fd = -1;
	pthread_mutex_lock(&logger->lock);
	entry->all_written = true;
	pthread_mutex_unlock(&logger->lock);
}

enum written write_some(struct logger *logger, struct entry *entry, struct batch *batch)
{
	bool some = false;
	int r = entry->conf.driver == LOG_DRIVER_FILE ? logfile_open(logger, entry) : 0;

	for (int i = 0; r >= 0 && i < N_STREAMS; i++) {
		r = write_stream(logger, entry, i, batch);
		some = some || r > 0;
	}
	say_once(entry, r);
	if (r < 0)
		return WRITTEN_FAILED;
	if (!some && is_all(logger, entry))
		end(logger, entry);
	return some ? WRITTEN_SOME : WRITTEN_NOTHING;
}
