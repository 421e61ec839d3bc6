/* SPDX-License-Identifier: Apache-2.0 */
#include "core/events/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"

enum {
	SETTLE_MS = 500,     /* events of a burst are written together */
	RETRY_MS = 5 * 1000, /* after a write that failed */
	FILE_MODE = 0600,
};

struct history_file {
	struct history *history;
	struct loop *loop;
	char *path;
	struct history_reader reader; /* reads what is to be written */
	struct timer settle;
	struct work work;
	bool working;
	bool rewrite; /* the file is to be written anew */
	bool failing; /* the last write failed, and that was said */
	size_t size;  /* of the file, and what it was when it was written anew */
	size_t base_size;
	void (*closed)(void *ctx);
	void *closed_ctx;

	/* the worker's while it works */
	struct event_ring past;       /* loading */
	struct history_parsed parsed; /* loading */
	struct event **batch;         /* writing: copies */
	size_t n_batch;
	struct error err;
};

/* ---- loading ---- */

/* A line with a count stands for those with a lower one before it. */
static enum event_verdict judge_line(const struct event *old, const struct event *event)
{
	return event_is_same(old, event) && old->first_ms == event->first_ms &&
			       old->count < event->count
		       ? EVENT_TAKE
		       : EVENT_PASS;
}

static bool add_parsed(struct event_ring *ring, struct event *event)
{
	struct event *excess;

	if (!event || event->sequence <= event_ring_last(ring)) {
		free(event);
		return false;
	}
	if (event->count > 1)
		free(event_ring_take_same(ring, event, judge_line));
	event_ring_append(ring, event);
	while ((excess = event_ring_take_excess(ring)))
		free(excess);
	return true;
}

struct history_parsed history_parse(const char *data, size_t len, struct event_ring *ret_ring)
{
	struct history_parsed parsed = { 0 };

	for (size_t at = 0; at < len;) {
		const char *end = memchr(data + at, '\n', len - at);

		if (!end) {
			parsed.torn = true;
			break;
		}
		if (!add_parsed(ret_ring, event_parse_line(data + at, (size_t)(end - data) - at)))
			parsed.damaged++;
		at = (size_t)(end - data) + 1;
	}
	return parsed;
}

/* What cannot be read now is not written over. */
static void set_aside(const struct history_file *file)
{
	AUTO_FREE char *aside = xasprintf("%s" HISTORY_FILE_ASIDE, file->path);

	if (rename(file->path, aside) < 0)
		log_warning("history: cannot rename %s: %s", file->path, strerror(errno));
}

static void run_load(struct work *work)
{
	struct history_file *file = container_of(work, struct history_file, work);
	AUTO_BUF struct buf text = { 0 };

	if (fs_read_file(AT_FDCWD, file->path, HISTORY_FILE_MAX_BYTES, &text, &file->err) < 0) {
		if (file->err.code != -ENOENT)
			set_aside(file);
		return;
	}
	file->size = text.len;
	file->parsed = history_parse(text.data, text.len, &file->past);
}

static void next(struct history_file *file);

static void on_loaded(struct work *work)
{
	struct history_file *file = container_of(work, struct history_file, work);

	file->working = false;
	if (file->err.code && file->err.code != -ENOENT)
		log_warning(
			"history: it begins anew, the old one is set aside as %s" HISTORY_FILE_ASIDE
			": %s",
			file->path, file->err.msg);
	if (file->parsed.damaged)
		log_warning("history: %zu damaged line%s of %s left out", file->parsed.damaged,
			    str_s(file->parsed.damaged), file->path);
	file->rewrite = (file->err.code && file->err.code != -ENOENT) || file->parsed.damaged ||
			file->parsed.torn;
	file->err = (struct error){ 0 };
	file->reader.sequence = event_ring_last(&file->past);
	history_restore(file->history, &file->past);
	next(file);
}

/* ---- writing ---- */

/* After a failure the file ends where it did. */
static int append_to(int fd, const struct buf *text)
{
	off_t end = lseek(fd, 0, SEEK_END);

	for (size_t done = 0; done < text->len;) {
		ssize_t n = write(fd, text->data + done, text->len - done);
		int r = -errno;

		if (n < 0 && errno != EINTR) {
			if (end >= 0 && ftruncate(fd, end) < 0)
				log_debug("history: half a line is left error=\"%m\"");
			return r;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int append(const struct history_file *file, const struct buf *text, struct error *err)
{
	AUTO_CLOSE int fd =
		open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int r = fd < 0 ? -errno : append_to(fd, text);

	return r < 0 ? fs_error(err, r, "cannot write", file->path) : 0;
}

static void write_batch(struct history_file *file)
{
	AUTO_BUF struct buf text = { 0 };
	int r;

	for (size_t i = 0; i < file->n_batch; i++) {
		event_add_line(file->batch[i], &text);
		free(file->batch[i]);
	}
	if (file->rewrite)
		r = fs_write_file_atomic(file->path, text.data, text.len, FILE_MODE, &file->err);
	else
		r = append(file, &text, &file->err);
	if (r < 0)
		return;
	file->size = file->rewrite ? text.len : file->size + text.len;
	if (file->rewrite)
		file->base_size = file->size;
}

/* A copy of all events is much next to what the daemon holds: it is given back at once. */
static void run_write(struct work *work)
{
	struct history_file *file = container_of(work, struct history_file, work);
	bool all = file->rewrite;

	write_batch(file);
	if (all)
		malloc_trim(0);
}

static void on_written(struct work *work)
{
	struct history_file *file = container_of(work, struct history_file, work);
	bool failed = file->err.code != 0;

	file->working = false;
	if (failed && !file->failing)
		log_warning("history: %s; it is kept in memory until it can be written",
			    file->err.msg);
	else if (!failed && file->failing)
		log_info("history: it can be written again");
	file->rewrite = file->failing = failed;
	file->err = (struct error){ 0 };
	next(file);
}

static void write_new(struct history_file *file)
{
	const struct event_ring *ring = &file->history->ring;
	size_t from;

	file->rewrite |= file->size > file->base_size + HISTORY_FILE_GROWTH_BYTES;
	from = file->rewrite ? 0 : event_ring_count_until(ring, file->reader.sequence);
	file->n_batch = ring->n - from;
	file->batch = xrealloc(file->batch, (file->n_batch + 1) * sizeof(struct event *));
	for (size_t i = 0; i < file->n_batch; i++)
		file->batch[i] = event_copy(event_ring_at(ring, from + i));
	file->reader.sequence = event_ring_last(ring);
	file->working = true;
	loop_work(file->loop, &file->work, run_write, on_written);
}

static void on_settled(struct timer *timer)
{
	write_new(container_of(timer, struct history_file, settle));
}

static void on_event(struct history_reader *reader)
{
	struct history_file *file = container_of(reader, struct history_file, reader);

	if (!file->working && !file->closed && !timer_active(&file->settle))
		timer_start(file->loop, &file->settle, file->failing ? RETRY_MS : SETTLE_MS,
			    on_settled);
}

/* ---- life ---- */

static void file_free(struct history_file *file)
{
	void (*closed)(void *) = file->closed;
	void *ctx = file->closed_ctx;

	timer_stop(&file->settle);
	list_remove(&file->reader.link);
	event_ring_fini(&file->past);
	free(file->batch);
	free(file->path);
	free(file);
	closed(ctx);
}

/* Nobody works: is there more to do? */
static void next(struct history_file *file)
{
	bool more = history_next(file->history, &file->reader);

	if (file->closed && more)
		write_new(file);
	else if (file->closed)
		file_free(file);
	else if (more || file->failing)
		on_event(&file->reader);
}

void history_file_open(struct history_file **ret_file, struct history *history, struct loop *loop,
		       const char *path)
{
	struct history_file *file = xnew(struct history_file);

	file->history = history;
	file->loop = loop;
	file->path = xstrdup(path);
	file->reader.on_event = on_event;
	list_append(&history->readers, &file->reader.link);
	history->loading = file->working = true;
	loop_work(loop, &file->work, run_load, on_loaded);
	*ret_file = file;
}

void history_file_close(struct history_file *file, void (*closed)(void *ctx), void *ctx)
{
	file->closed = closed;
	file->closed_ctx = ctx;
	timer_stop(&file->settle);
	if (!file->working && file->failing)
		write_new(file); /* a last try */
	else if (!file->working)
		next(file);
}
