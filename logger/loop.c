/* SPDX-License-Identifier: Apache-2.0 */
/* The reading thread: descriptors that are watched, and what is done when they have something. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <time.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "logger/entry.h"
#include "logger/logger.h"
#include "logger/reader.h"
#include "logger/spool.h"
#include "logger/writer.h"

enum {
	EVENTS_AT_ONCE = 64,
	INOTIFY_BYTES = 4096,
	DIR_MODE = 0700,
	PACE_US = 1000, /* in which a FIFO takes some 250 KB */
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int64_t logger_now_ms(void)
{
	return now_us() / 1000;
}

/* ---- set up ---- */

static int open_dir(const char *path, struct error *err)
{
	int fd, r = fs_make_dirs(path, DIR_MODE, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : fs_error(err, -errno, "cannot open", path);
}

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Writes to the FIFOs are no events: no IN_MODIFY. */
static int open_inotify(const char *spool)
{
	AUTO_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0 || inotify_add_watch(fd, spool,
					IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF |
						IN_ONLYDIR) < 0)
		return -1;
	return take_fd(&fd);
}

static int watch(struct logger *logger, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

	return *fd < 0 ? -1 : epoll_ctl(logger->epoll_fd, EPOLL_CTL_ADD, *fd, &event);
}

static void init_writers(struct logger *logger)
{
	pthread_mutex_init(&logger->lock, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(logger->writers); i++) {
		list_init(&logger->writers[i].queue);
		pthread_cond_init(&logger->writers[i].wakes, NULL);
	}
}

int logger_open(struct logger *logger, const char *spool, const char *state, struct error *err)
{
	int r;

	list_init(&logger->entries);
	init_writers(logger);
	logger->wait_ms = -1;
	logger->spool_fd = open_dir(spool, err);
	if (logger->spool_fd < 0)
		return logger->spool_fd;
	logger->state_fd = open_dir(state, err);
	if (logger->state_fd < 0)
		return logger->state_fd;
	r = spool_lock(logger->spool_fd, err); /* held until the end of the process */
	if (r < 0)
		return r;
	logger->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	logger->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	logger->signal_fd = open_signals();
	logger->inotify_fd = open_inotify(spool);
	if (watch(logger, &logger->kick_fd) < 0 || watch(logger, &logger->signal_fd) < 0 ||
	    watch(logger, &logger->inotify_fd) < 0)
		return error_set(err, -errno, "cannot watch %s: %m", spool);
	return 0;
}

/* ---- the spool ---- */

static void on_scanned(const char *name, void *arg)
{
	reader_on_name(arg, name);
}

static bool is_known(const char *entry, void *arg)
{
	return entry_find(arg, entry) != NULL;
}

static int scan(struct logger *logger, struct error *err)
{
	return spool_scan(logger->spool_fd, on_scanned, logger, err);
}

static int on_inotify_event(struct logger *logger, const struct inotify_event *event,
			    struct error *err)
{
	if (event->mask & IN_Q_OVERFLOW)
		return scan(logger, err);
	if (event->mask & (IN_DELETE_SELF | IN_IGNORED))
		return error_set(err, -ENOENT, "the spool was taken away");
	if (event->len == 0)
		return 0;
	if (event->mask & IN_DELETE)
		reader_on_gone(logger, event->name);
	else
		reader_on_name(logger, event->name);
	return 0;
}

static int on_inotify(struct logger *logger, struct error *err)
{
	char events[INOTIFY_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(logger->inotify_fd, events, sizeof(events));
	const struct inotify_event *event;
	int r = 0;

	for (char *at = events; r == 0 && n > 0 && at < events + n;
	     at += sizeof(*event) + event->len) {
		event = (const struct inotify_event *)at;
		r = on_inotify_event(logger, event, err);
	}
	return r;
}

/* ---- run ---- */

static int on_event(struct logger *logger, void *what, struct error *err)
{
	eventfd_t n;

	if (what == &logger->kick_fd) {
		(void)!eventfd_read(logger->kick_fd, &n);
		logger->ticks = true;
	} else if (what == &logger->inotify_fd) {
		return on_inotify(logger, err);
	} else if (what == &logger->signal_fd) {
		logger->is_ended = true;
	} else {
		reader_on_stream(logger, what);
	}
	return 0;
}

/* What was kicked is looked at once for all events; clocks run only while somebody waits. */
static void look_if_due(struct logger *logger)
{
	int64_t passed = logger_now_ms() - logger->looked_ms;
	bool is_due = logger->wait_ms >= 0 && passed >= logger->wait_ms;

	if (logger->ticks || is_due)
		reader_look(logger, is_due);
}

/* The first thing after a rest is done at once. Behind it come turns of PACE_US, in which a busy
 * container prints many lines: one at a time, each would cost more than what is done with it. */
static void keep_pace(struct logger *logger)
{
	int64_t now = now_us(), due = logger->turned_us + PACE_US;
	const struct timespec pause = { .tv_nsec = (due - now) * 1000 };

	if (due > now)
		nanosleep(&pause, NULL);
	logger->turned_us = due > now ? due : now;
}

static int turn(struct logger *logger, struct error *err)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n = epoll_wait(logger->epoll_fd, events, EVENTS_AT_ONCE, logger->wait_ms), r = 0;

	if (n < 0 && errno != EINTR)
		return error_set(err, -errno, "cannot wait: %m");
	keep_pace(logger);
	for (int i = 0; i < n && r == 0; i++)
		r = on_event(logger, events[i].data.ptr, err);
	look_if_due(logger);
	return r;
}

int logger_run(struct logger *logger, struct error *err)
{
	int r = scan(logger, err);

	if (r == 0)
		state_sweep(logger->state_fd, is_known, logger);
	reader_look(logger, false);
	while (r == 0 && !logger->is_ended)
		r = turn(logger, err);
	reader_take_all(logger);
	if (!writers_stop(logger))
		log_warning("not all could be written: the rest is written by the next kukeon-log");
	return r;
}
