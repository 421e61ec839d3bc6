/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one container wrote, line by line, through all its files: while they are turned (each gets
 * the next number, or is packed) and when a next run begins. A file is known by its inode; the one
 * that is read stays open, so nothing of it is missed.
 */
#pragma once

#include "core/base/buf.h"
#include "core/logread/log_text.h"

enum log_runs {
	LOG_RUNS_LAST,     /* and with @follow those after it */
	LOG_RUNS_PREVIOUS, /* the one before the last */
	LOG_RUNS_ALL,      /* that there are */
};

enum { LOG_TAIL_ALL = -1 };

struct log_query {
	enum log_runs runs;
	bool follow;
	int64_t tail;     /* so many last lines of what is there; LOG_TAIL_ALL */
	int64_t since_ns; /* of this time and later; 0: all */
	int64_t until_ns; /* before this time; 0: all */
};

/* A line, or with @partial a piece of one that goes on in the next entry of the same stream. */
struct log_entry {
	int64_t time_ns;
	enum log_stream stream;
	bool partial;
	const char *text; /* until the source is asked again */
	size_t len;
};

struct log_source {
	const struct log_query *query;
	const char *dir; /* need not be there (yet) */
	int64_t tail;
	uint64_t from_run; /* none before it */
	bool sealed;       /* there is a file after this one: once more to its end, then on */
	bool lost;         /* between two files: the one that was read is gone */
	bool ended;        /* nothing will come */
	struct log_text text;
	dev_t end_device; /* without @follow: it ends in this file ... */
	ino_t end_inode;
	uint64_t end_offset;       /* ... at this place */
	int64_t last_ns;           /* of the line before */
	struct log_line long_line; /* whose pieces come */
	struct buf joined[LOG_STREAMS], out;
	int64_t joined_ns[LOG_STREAMS];
};

/* @query and @dir stay. */
void log_source_init(struct log_source *source, const struct log_query *query, const char *dir);
void log_source_fini(struct log_source *source);

/* 1: an entry; 0: there is none now, and with @source->ended never; -errno. */
int log_source_next(struct log_source *source, struct log_entry *ret, struct error *err);

/* What has been joined of a line that has not ended. False: nothing has. */
bool log_source_flush(struct log_source *source, struct log_entry *ret);
