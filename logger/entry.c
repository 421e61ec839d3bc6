/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "logger/spool.h"
#include "logger/stream.h"
#include "logger/writer.h"

struct entry *entry_find(struct logger *logger, const char *name)
{
	struct entry *entry;

	list_for_each(entry, &logger->entries, link) {
		if (str_equal(entry->name, name))
			return entry;
	}
	return NULL;
}

/* ---- what stands in the spool ---- */

static int read_conf(struct logger *logger, const char *name, bool is_ending, struct log_conf *ret,
		     struct error *err)
{
	char file[LOG_NAME_MAX_BYTES];
	AUTO_BUF struct buf text = { 0 };
	int r;

	if (!log_spool_format(name, is_ending ? LOG_SPOOL_DONE : LOG_SPOOL_CONF, file))
		return error_set(err, -ENAMETOOLONG, "its name is too long");
	r = fs_read_file(logger->spool_fd, file, LOG_CONF_MAX_BYTES, &text, err);
	return r < 0 ? r : log_conf_parse(text.data, text.len, ret, err);
}

static int open_fifo(struct logger *logger, const char *name, int stream, struct error *err)
{
	char file[LOG_NAME_MAX_BYTES];
	struct stat st;

	if (!log_spool_format(name, stream == 0 ? LOG_SPOOL_OUT : LOG_SPOOL_ERR, file))
		return error_set(err, -ENAMETOOLONG, "its name is too long");
	AUTO_CLOSE int fd =
		openat(logger->spool_fd, file, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "cannot open %s: %m", file);
	if (!S_ISFIFO(st.st_mode))
		return error_set(err, -EINVAL, "%s is no FIFO", file);
	if (fcntl(fd, F_GETPIPE_SZ) < SPILL_PIPE_BYTES)
		(void)fcntl(fd, F_SETPIPE_SZ, SPILL_PIPE_BYTES); /* as wide as it may be */
	return take_fd(&fd);
}

static int watch(struct logger *logger, struct stream *stream, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = stream };

	if (epoll_ctl(logger->epoll_fd, EPOLL_CTL_ADD, stream->fifo, &event) < 0)
		return error_set(err, -errno, "cannot watch it: %m");
	return 0;
}

static int open_stream(struct logger *logger, struct entry *entry, int i, struct error *err)
{
	struct stream *stream = &entry->streams[i];
	const struct state *state = &entry->state;

	stream->fifo = open_fifo(logger, entry->name, i, err);
	/* With a terminal there is no second one; of one that ended, they may be gone. */
	if (stream->fifo == -ENOENT && (i == 1 || entry->is_ending))
		stream->fifo = -1;
	else if (stream->fifo < 0)
		return stream->fifo;
	stream->spill = state_open_spill(logger->state_fd, entry->name, i, state->is_new,
					 &stream->taken, err);
	if (stream->spill < 0)
		return stream->spill;
	stream->written = state->cursor.written[i];
	stream->gaps_written = state->cursor.gaps_written[i];
	stream->gap = state->gaps[i];
	return stream->fifo >= 0 ? watch(logger, stream, err) : 0;
}

/* ---- its life ---- */

static void close_stream(struct stream *stream)
{
	if (stream->fifo >= 0)
		close(stream->fifo); /* leaves epoll with it: nobody else has it */
	if (stream->spill >= 0)
		close(stream->spill);
	stream->fifo = stream->spill = -1;
}

static void entry_free(struct entry *entry)
{
	for (int i = 0; i < N_STREAMS; i++)
		close_stream(&entry->streams[i]);
	state_close(&entry->state);
	if (entry->log_fd >= 0)
		close(entry->log_fd);
	log_conf_fini(&entry->conf);
	free(entry);
}

static struct entry *entry_new(const char *name, bool is_ending)
{
	struct entry *entry = xnew(struct entry);

	str_copy(entry->name, sizeof(entry->name), name);
	entry->is_ending = is_ending;
	entry->log_fd = entry->state.fd = -1;
	for (int i = 0; i < N_STREAMS; i++) {
		entry->streams[i].entry = entry;
		entry->streams[i].fifo = entry->streams[i].spill = -1;
	}
	return entry;
}

static int open_parts(struct logger *logger, struct entry *entry, struct error *err)
{
	const struct cursor *cursor = &entry->state.cursor;
	int r = read_conf(logger, entry->name, entry->is_ending, &entry->conf, err);

	if (r == 0)
		r = state_open(logger->state_fd, entry->name, &entry->state, err);
	for (int i = 0; r == 0 && i < N_STREAMS; i++)
		r = open_stream(logger, entry, i, err);
	if (r == 0 && entry->state.is_new) /* from here on the spills are believed */
		r = state_save_cursor(&entry->state, cursor);
	entry->dropped = (struct log_stat){ cursor->dropped_lines, cursor->dropped_bytes };
	return r;
}

int entry_open(struct logger *logger, const char *name, bool is_ending, struct entry **ret,
	       struct error *err)
{
	struct entry *entry = entry_new(name, is_ending);
	int r = open_parts(logger, entry, err);

	if (r == 0)
		r = writer_start(logger, entry->conf.driver, err);
	if (r < 0) {
		entry_free(entry);
		return error_wrap(err, r, "%s", name);
	}
	list_append(&logger->entries, &entry->link);
	writer_queue(logger, entry);
	*ret = entry;
	return 0;
}

void entry_reread(struct logger *logger, struct entry *entry)
{
	AUTO(log_conf_fini) struct log_conf conf = { 0 };
	struct error err;

	if (read_conf(logger, entry->name, false, &conf, &err) < 0) {
		log_warning("settings of a log cannot be read: %s entry=%s", err.msg, entry->name);
		return;
	}
	pthread_mutex_lock(&logger->lock);
	entry->conf.max_bytes = conf.max_bytes;
	entry->conf.max_files = conf.max_files;
	entry->conf.compress = conf.compress;
	pthread_mutex_unlock(&logger->lock);
}

void entry_close(struct logger *logger UNUSED, struct entry *entry)
{
	list_remove(&entry->link);
	entry_free(entry);
}

static void unlink_from_spool(struct logger *logger, const char *name, enum log_suffix suffix)
{
	char file[LOG_NAME_MAX_BYTES];

	if (log_spool_format(name, suffix, file))
		unlinkat(logger->spool_fd, file, 0);
}

void entry_finish(struct logger *logger, struct entry *entry)
{
	unlink_from_spool(logger, entry->name, LOG_SPOOL_OUT);
	unlink_from_spool(logger, entry->name, LOG_SPOOL_ERR);
	unlink_from_spool(logger, entry->name, LOG_SPOOL_STAT);
	/* Of one that begins again in the middle of this, what was written stands in the state: it
	 * is kept until nobody can ask for it. */
	unlink_from_spool(logger, entry->name, LOG_SPOOL_DONE);
	state_remove(logger->state_fd, entry->name);
	entry_close(logger, entry);
}

/* ---- what was dropped ---- */

static struct log_stat dropped_now(const struct entry *entry)
{
	struct log_stat stat = entry->dropped;

	for (int i = 0; i < N_STREAMS; i++) {
		if (stream_has_gap(&entry->streams[i])) {
			stat.dropped_lines += entry->streams[i].gap.lines;
			stat.dropped_bytes += entry->streams[i].gap.bytes;
		}
	}
	return stat;
}

static int write_stat(struct logger *logger, const struct entry *entry, const struct log_stat *stat)
{
	char file[LOG_NAME_MAX_BYTES];
	AUTO_BUF struct buf text = { 0 };

	if (!log_spool_format(entry->name, LOG_SPOOL_STAT, file))
		return -ENAMETOOLONG;
	log_stat_format(stat, &text);
	return spool_put(logger->spool_fd, file, text.data, text.len);
}

void entry_tell_dropped(struct logger *logger, struct entry *entry)
{
	struct log_stat stat;

	pthread_mutex_lock(&logger->lock);
	stat = dropped_now(entry);
	pthread_mutex_unlock(&logger->lock);
	if (stat.dropped_bytes != entry->told.dropped_bytes &&
	    write_stat(logger, entry, &stat) == 0)
		entry->told = stat;
}
