/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/reader.h"

#include <errno.h>
#include <sys/epoll.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "logger/entry.h"
#include "logger/spool.h"
#include "logger/stream.h"
#include "logger/writer.h"

enum { TAKES_AT_END = 64 }; /* of one that ends, before others have their turn */

/* ---- streams; with logger.lock held ---- */

static void set_watch(struct logger *logger, struct stream *stream, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = stream };

	epoll_ctl(logger->epoll_fd, EPOLL_CTL_MOD, stream->fifo, &event);
}

static void pause_stream(struct logger *logger, struct stream *stream)
{
	if (stream->is_paused)
		return;
	stream->is_paused = true;
	stream->paused_ms = logger_now_ms();
	stream->paused_written = stream->written;
	logger->ticks = true;
	set_watch(logger, stream, 0);
}

static void resume(struct logger *logger, struct stream *stream)
{
	stream->is_paused = false;
	set_watch(logger, stream, EPOLLIN);
}

/* There is no room: the FIFO waits, unless waiting would be of no use. */
static void on_full(struct logger *logger, struct stream *stream)
{
	if (stream->entry->is_failing) {
		stream_open_gap(stream);
		logger->ticks = true;
	}
	if (!stream->gap.is_open)
		pause_stream(logger, stream);
}

static bool has_stalled(struct stream *stream)
{
	int64_t now = logger_now_ms();

	if (stream->written != stream->paused_written) {
		stream->paused_written = stream->written;
		stream->paused_ms = now;
	}
	return stream->entry->is_failing || now - stream->paused_ms >= STALL_MS;
}

static void look_at_stream(struct logger *logger, struct stream *stream)
{
	if (stream->is_paused) {
		if (stream_backlog(stream) <= SPILL_MAX_BYTES / 2) {
			resume(logger, stream);
		} else if (has_stalled(stream)) {
			stream_open_gap(stream);
			if (stream->gap.is_open)
				resume(logger, stream);
		}
	}
	if (stream->gap.is_open) {
		stream_try_close_gap(stream, false);
		if (!stream->gap.is_open)
			writer_queue_locked(logger, stream->entry);
	}
}

/* ---- an end; with logger.lock held ---- */

static enum take take_rest(struct stream *stream)
{
	enum take take = TAKE_MORE;

	for (int i = 0; i < TAKES_AT_END && take == TAKE_MORE; i++)
		take = stream_take(stream);
	return take;
}

/* Of one that ends: takes the rest; is all taken then, the writer is told. */
static void try_to_end(struct logger *logger, struct entry *entry)
{
	bool all = true;

	for (int i = 0; i < N_STREAMS; i++) {
		enum take take = take_rest(&entry->streams[i]);

		if (take == TAKE_FULL)
			on_full(logger, &entry->streams[i]);
		all = all && take == TAKE_EMPTY;
	}
	for (int i = 0; all && i < N_STREAMS; i++)
		stream_try_close_gap(&entry->streams[i], true);
	entry->all_taken = all;
	writer_queue_locked(logger, entry);
}

/* ---- what happened ---- */

void reader_on_stream(struct logger *logger, struct stream *stream)
{
	pthread_mutex_lock(&logger->lock);
	if (stream->entry->is_ending) {
		if (!stream->entry->all_taken)
			try_to_end(logger, stream->entry);
	} else if (stream_take(stream) == TAKE_FULL) {
		on_full(logger, stream);
	}
	writer_queue_locked(logger, stream->entry);
	pthread_mutex_unlock(&logger->lock);
}

static void begin_end(struct logger *logger, struct entry *entry)
{
	pthread_mutex_lock(&logger->lock);
	entry->is_ending = true;
	try_to_end(logger, entry);
	pthread_mutex_unlock(&logger->lock);
}

static void open_entry(struct logger *logger, const char *name, bool is_ending)
{
	struct entry *entry;
	struct error err;

	int r = entry_open(logger, name, is_ending, &entry, &err);

	if (r < 0 && r != -ENOENT) /* which is renamed by now: that is an event of its own */
		log_warning("a log cannot be opened: %s", err.msg);
	else if (r == 0 && is_ending)
		begin_end(logger, entry);
}

void reader_on_name(struct logger *logger, const char *name)
{
	char entry_name[LOG_NAME_MAX_BYTES];
	enum log_suffix suffix;
	struct entry *entry;

	if (str_equal(name, LOG_PING_NAME))
		spool_answer(logger->spool_fd);
	if (!log_spool_parse(name, entry_name, &suffix) ||
	    (suffix != LOG_SPOOL_CONF && suffix != LOG_SPOOL_DONE))
		return;
	entry = entry_find(logger, entry_name);
	if (entry == NULL)
		open_entry(logger, entry_name, suffix == LOG_SPOOL_DONE);
	else if (suffix == LOG_SPOOL_CONF)
		entry_reread(logger, entry);
	else if (!entry->is_ending)
		begin_end(logger, entry);
}

void reader_on_gone(struct logger *logger, const char *name)
{
	char entry_name[LOG_NAME_MAX_BYTES];
	enum log_suffix suffix;
	struct entry *entry;

	if (!log_spool_parse(name, entry_name, &suffix) || suffix != LOG_SPOOL_CONF)
		return;
	entry = entry_find(logger, entry_name);
	if (entry != NULL && !entry->is_ending &&
	    !spool_has(logger->spool_fd, entry_name, LOG_SPOOL_CONF))
		begin_end(logger, entry); /* whoever made it took it away */
}

/* ---- all of them ---- */

static void wait_at_most(struct logger *logger, int ms)
{
	if (logger->wait_ms < 0 || logger->wait_ms > ms)
		logger->wait_ms = ms;
}

/* Whether the entry is all written. */
static bool look_at_entry(struct logger *logger, struct entry *entry, bool retries)
{
	bool is_done;

	pthread_mutex_lock(&logger->lock);
	for (int i = 0; i < N_STREAMS; i++)
		look_at_stream(logger, &entry->streams[i]);
	if (entry->is_ending && !entry->all_taken)
		try_to_end(logger, entry);
	if (entry->is_failing && retries)
		writer_queue_locked(logger, entry);
	for (int i = 0; i < N_STREAMS; i++) {
		if (entry->streams[i].is_paused || stream_has_gap(&entry->streams[i]))
			wait_at_most(logger, TICK_MS);
	}
	if (entry->is_failing)
		wait_at_most(logger, RETRY_MS);
	is_done = entry->all_written && !entry->is_busy && !list_linked(&entry->queued);
	pthread_mutex_unlock(&logger->lock);
	return is_done;
}

void reader_look(struct logger *logger, bool retries)
{
	struct entry *entry;

	logger->ticks = false;
	logger->wait_ms = -1;
	logger->looked_ms = logger_now_ms();
	list_for_each(entry, &logger->entries, link) {
		bool is_done = look_at_entry(logger, entry, retries);

		entry_tell_dropped(logger, entry);
		if (is_done)
			entry_finish(logger, entry);
	}
}

void reader_take_all(struct logger *logger)
{
	struct entry *entry;

	list_for_each(entry, &logger->entries, link) {
		pthread_mutex_lock(&logger->lock);
		for (int i = 0; i < N_STREAMS; i++)
			stream_take(&entry->streams[i]);
		writer_queue_locked(logger, entry);
		pthread_mutex_unlock(&logger->lock);
	}
}
