/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify says that there may be something to read, and no more: the files are listed and read
 * again then. Where it cannot be had, or a directory is not there, it is looked every half second.
 */
#include "core/logread/log_read.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <time.h>

#include "core/base/wall.h"

enum {
	LOG_LOOK_MS = 500,       /* for directories that cannot be watched */
	LOG_GATHER_NS = 5000000, /* what is written meanwhile is read in one go */
	LOG_OTHERS_EVERY = 256,  /* entries; then the others are asked, too */
	NS_PER_MS = 1000000,
};

struct followed {
	struct log_source source;
	struct log_entry entry;
	bool has_entry;
	bool dry;  /* has nothing until something happens */
	int watch; /* -1: none */
};

struct reader {
	const struct log_reading *reading;
	struct followed *all;
	size_t n;
	int inotify; /* -1: none */
	unsigned since_asked;
};

/* Before it is read: what comes afterwards is told. */
static void watch(struct reader *reader, struct followed *one)
{
	const uint32_t events = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
				IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

	if (reader->inotify >= 0 && one->watch < 0)
		one->watch = inotify_add_watch(reader->inotify, one->source.dir, events);
}

static int ask(struct reader *reader, struct followed *one, struct error *err)
{
	int r;

	if (one->has_entry || one->dry || one->source.ended)
		return 0;
	watch(reader, one);
	r = log_source_next(&one->source, &one->entry, err);
	one->has_entry = r > 0;
	one->dry = r == 0;
	return r < 0 ? r : 0;
}

static void wet(struct reader *reader)
{
	reader->since_asked = 0;
	for (size_t i = 0; i < reader->n; i++)
		reader->all[i].dry = false;
}

static struct followed *earliest(struct reader *reader)
{
	struct followed *best = NULL;

	for (size_t i = 0; i < reader->n; i++) {
		struct followed *one = &reader->all[i];

		if (one->has_entry && (!best || one->entry.time_ns < best->entry.time_ns))
			best = one;
	}
	return best;
}

static bool give(const struct reader *reader, const struct followed *one,
		 const struct log_entry *entry)
{
	return reader->reading->on_entry(reader->reading->ctx, (size_t)(one - reader->all), entry);
}

/* What has been joined is shown when nothing follows: a question without a newline, say. */
static bool flush(struct reader *reader)
{
	struct log_entry entry;

	for (size_t i = 0; i < reader->n; i++) {
		while (log_source_flush(&reader->all[i].source, &entry)) {
			if (!give(reader, &reader->all[i], &entry))
				return false;
		}
	}
	return reader->reading->on_idle(reader->reading->ctx);
}

/* ---- waiting ---- */

static bool all_ended(const struct reader *reader)
{
	for (size_t i = 0; i < reader->n; i++) {
		if (!reader->all[i].source.ended)
			return false;
	}
	return true;
}

/* Milliseconds; -1: until something happens. */
static int patience(const struct reader *reader)
{
	int64_t until_ns = reader->reading->query.until_ns, left = -1;

	for (size_t i = 0; i < reader->n; i++) {
		if (reader->all[i].watch < 0)
			left = LOG_LOOK_MS;
	}
	if (until_ns) {
		int64_t due = until_ns / NS_PER_MS - wall_now_ms() + 1;

		due = due < 0 ? 0 : due;
		left = left < 0 || due < left ? due : left;
	}
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void unwatch(struct reader *reader, int wd)
{
	for (size_t i = 0; i < reader->n; i++) {
		if (reader->all[i].watch == wd)
			reader->all[i].watch = -1;
	}
}

static void drain(struct reader *reader)
{
	_Alignas(struct inotify_event) char data[4096];
	ssize_t n;

	while ((n = read(reader->inotify, data, sizeof(data))) > 0) {
		for (char *at = data; at < data + n;) {
			const struct inotify_event *event = (const void *)at;

			if (event->mask & IN_MOVE_SELF)
				inotify_rm_watch(reader->inotify, event->wd);
			if (event->mask & (IN_IGNORED | IN_MOVE_SELF))
				unwatch(reader, event->wd);
			at += sizeof(*event) + event->len;
		}
	}
}

/* False: nobody reads any more, or the time is over. */
static bool wait_for_more(struct reader *reader)
{
	const struct timespec gather = { .tv_nsec = LOG_GATHER_NS };
	int64_t until_ns = reader->reading->query.until_ns;
	struct pollfd fds[] = {
		{ .fd = reader->inotify, .events = POLLIN },
		{ .fd = reader->reading->peer_fd },
	};

	if (until_ns && wall_now_ms() > until_ns / NS_PER_MS)
		return false;
	if (poll(fds, ARRAY_SIZE(fds), patience(reader)) < 0 && errno != EINTR)
		return false;
	if (fds[1].revents)
		return false;
	nanosleep(&gather, NULL);
	if (reader->inotify >= 0)
		drain(reader);
	wet(reader);
	return true;
}

/* ---- the whole ---- */

static int gather(struct reader *reader, struct error *err)
{
	int r = 0;

	if (++reader->since_asked >= LOG_OTHERS_EVERY)
		wet(reader);
	for (size_t i = 0; r == 0 && i < reader->n; i++)
		r = ask(reader, &reader->all[i], err);
	return r;
}

static int run(struct reader *reader, struct error *err)
{
	for (;;) {
		int r = gather(reader, err);
		struct followed *next = earliest(reader);

		if (r < 0)
			return r;
		if (next) {
			next->has_entry = false;
			if (!give(reader, next, &next->entry))
				return 0;
			continue;
		}
		if (!flush(reader) || all_ended(reader) || !wait_for_more(reader))
			return 0;
	}
}

int log_read(const struct log_reading *reading, struct error *err)
{
	struct reader reader = { .reading = reading, .n = reading->n_dirs, .inotify = -1 };
	int r;

	if (reading->query.follow)
		reader.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	reader.all = xcalloc(reader.n ? reader.n : 1, sizeof(*reader.all));
	for (size_t i = 0; i < reader.n; i++) {
		log_source_init(&reader.all[i].source, &reading->query, reading->dirs[i]);
		reader.all[i].watch = -1;
	}
	r = run(&reader, err);
	for (size_t i = 0; i < reader.n; i++)
		log_source_fini(&reader.all[i].source);
	free(reader.all);
	if (reader.inotify >= 0)
		close(reader.inotify);
	return r;
}
