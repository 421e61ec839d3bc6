/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kukeon-log, of which there is one a host: reads what containers print and writes it to their logs
 * (core/logs/log_names.h says what it is told, logger/state.h why no kill of it loses or doubles a
 * line).
 *
 * One thread reads (loop.c): it takes from the FIFOs to the spills, and touches nothing but the
 * spool and the state directory. What writes is a thread of its own for files and one for the
 * journal (writer.c): when a disk hangs, only that thread does. A spill holds a bounded amount.
 * While it is full the FIFO waits, as it would for any reader that is slow; when nothing at all
 * could be written for STALL_MS, or the disk says that it is full, the reader goes on, drops whole
 * lines and counts them (stream.c).
 *
 * Nothing wakes it while nothing is written; its clocks run while something waits or has failed.
 */
#pragma once

#include <pthread.h>

#include "core/base/list.h"
#include "core/logs/log_names.h"
#include "logger/state.h"

enum {
	SPILL_MAX_BYTES = 256 * 1024,  /* of a stream: taken and not yet written */
	SPILL_PIPE_BYTES = 256 * 1024, /* a FIFO holds as much while nobody reads */
	STALL_MS = 2000,               /* nothing could be written for so long: lines are dropped */
	TICK_MS = 250,   /* while a FIFO waits or lines are dropped: looked at again */
	RETRY_MS = 1000, /* while something cannot be written: tried again */
	DRAIN_MS = 5000, /* at SIGTERM what was taken may be written for so long; the rest stays in
			    the spills */
};

struct entry;

struct stream {
	struct entry *entry;
	int fifo, spill; /* -1: there is none */
	/* Under logger.lock: the reader adds to the first two, the writer to the others. */
	uint64_t taken; /* bytes of the run that were taken from the FIFO: the end of the spill */
	struct gap gap;
	uint64_t written, gaps_written;
	bool is_paused; /* the spill is full, the FIFO waits */
	/* The reader's. */
	int64_t paused_ms;       /* since when, or since when nothing was written... */
	uint64_t paused_written; /* ...beyond this */
	/* The writer's. */
	uint64_t punched; /* before this the spill is a hole */
};

struct entry {
	struct list link;   /* logger.entries, the reader's */
	struct list queued; /* writer.queue, under logger.lock */
	char name[LOG_NAME_MAX_BYTES];
	struct log_conf conf; /* numbers under logger.lock, texts never change */
	struct stream streams[N_STREAMS];
	struct state state; /* its cursor is the writer's */
	int log_fd;         /* the writer's; -1: not open */
	/* The reader's. */
	bool is_ending;       /* the task is gone */
	struct log_stat told; /* in .stat */
	/* Under logger.lock. */
	bool is_busy, is_failing;
	bool all_taken, all_written; /* of one that is ending */
	struct log_stat dropped;     /* of all gaps in the log */
};

/* A thread and what it has to write. */
struct writer {
	struct logger *logger;
	pthread_t thread;
	pthread_cond_t wakes;
	struct list queue; /* struct entry.queued */
	bool is_running;
};

struct logger {
	pthread_mutex_t lock;
	struct writer writers[LOG_DRIVER_JOURNALD + 1]; /* by enum log_driver */
	struct list entries;                            /* struct entry.link */
	int spool_fd, state_fd;
	int epoll_fd, inotify_fd, signal_fd;
	int kick_fd;         /* an eventfd: the writers have something for the reader */
	gid_t gid;           /* of directories and files of logs */
	const char *journal; /* the socket of journald */
	bool is_stopping;    /* under lock: the writers end */
	bool is_ended;       /* the reader was told to end */
	bool ticks;          /* the reader's: a FIFO has begun to wait */
	int wait_ms;         /* how long it may sleep, -1: until something happens */
	int64_t turned_us;   /* when its last turn began */
	int64_t looked_ms;   /* when it looked at all last */
};

/* Sets up threads, descriptors and the lock of the spool; waits for another kukeon-log to be gone.
 */
int logger_open(struct logger *logger, const char *spool, const char *state, struct error *err);

/* Until SIGTERM or SIGINT, then writes what was taken. Returns 0, or what went wrong. */
int logger_run(struct logger *logger, struct error *err);

/* Milliseconds of a clock that nobody sets. */
int64_t logger_now_ms(void);
