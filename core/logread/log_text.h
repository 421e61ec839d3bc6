/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of one log file, packed or not, from where one wants them. Whatever is in it, no more
 * than LOG_LINE_MAX bytes and a block are held. Everything here blocks. */
#pragma once

#include "core/logread/log_line.h"
#include "core/logread/log_listing.h"

struct archive;

struct log_text {
	int fd; /* -1: closed */
	dev_t device;
	ino_t inode;
	uint64_t run;
	struct archive *archive; /* of a packed one */
	uint64_t offset;         /* of what is read next */
	uint64_t limit;          /* nothing behind it is read; UINT64_MAX: none */
	char *data;              /* what was read: from @at to @end */
	size_t at, end, searched;
	bool cut;  /* the last piece had no end yet: the next one belongs to it */
	bool over; /* a packed one is at its end */
};

struct log_piece {
	const char *data; /* until the next call */
	size_t len;
	bool goes_on;   /* its line was too long: the next piece belongs to it */
	bool continues; /* belongs to the piece before */
};

/* Opens @file of @dirfd. -ESTALE: another one has its name by now. 0 or -errno. */
int log_text_open(struct log_text *text, int dirfd, const struct log_file *file, struct error *err);
void log_text_close(struct log_text *text);
static inline bool log_text_is_open(const struct log_text *text)
{
	return text->data != NULL;
}

/* 1: the next line; 0: there is no whole one (now); -errno. */
int log_text_next(struct log_text *text, struct log_piece *ret);

/* What is behind the last newline, once nothing follows. False: nothing is. */
bool log_text_rest(struct log_text *text, struct log_piece *ret);

/* Of one that is not packed: to its beginning. */
void log_text_rewind(struct log_text *text);

/* Of one that is not packed: to its first line of @time_ns or later, by halves. */
int log_text_seek_time(struct log_text *text, int64_t time_ns);

/* The same, but nothing from there on is read. */
int log_text_end_at_time(struct log_text *text, int64_t time_ns);

/*
 * Goes to where *@n whole lines follow, with all of their parts. 1: done; 0: there are fewer, *@n
 * is what is missing, and it stands at the beginning; -errno. @until_ns: of a packed one, later
 * lines do not count; 0: all do.
 */
int log_text_seek_tail(struct log_text *text, uint64_t *n, int64_t until_ns);
