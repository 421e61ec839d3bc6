/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an entry outlives kukeon-log: files <entry>.pos, .out and .err of its state directory,
 * which is on a tmpfs.
 *
 * Why kill -9 loses and doubles nothing. Bytes go from the FIFO to the end of the spill (.out,
 * .err) by splice(2), which takes from the one what it has added to the other, also when it is
 * killed: the length of the spill is how much was ever taken. What is written of it to the log is
 * said by the cursor (.pos) together with the length of the log file, in one write within a page.
 * Whoever starts again cuts the log to that length, and goes on there: what had been written behind
 * it is written once more, and what was taken is still in the spill. Behind the cursor the spill is
 * a hole.
 */
#pragma once

#include "core/base/error.h"

enum { N_STREAMS = 2 }; /* stdout, stderr */

/* How far the log is; only who writes the log changes it. */
struct cursor {
	uint32_t magic;
	uint32_t version;
	uint64_t file_ino;                     /* the log file... */
	uint64_t file_bytes;                   /* ...and what of it is whole */
	uint64_t written[N_STREAMS];           /* of each stream: what is in the log */
	uint64_t gaps_written[N_STREAMS];      /* the last gap that is in the log */
	uint64_t dropped_lines, dropped_bytes; /* of all gaps in the log */
};

/* Where bytes of a stream were dropped; only who reads the FIFO changes it. */
struct gap {
	uint64_t seq; /* counts gaps, 0: there was none */
	uint64_t at;  /* it is behind so many bytes of the stream */
	uint64_t lines, bytes;
	uint32_t spare_bytes; /* may still be kept of a line that began before */
	uint8_t is_open;      /* it grows */
	uint8_t in_line;      /* what was dropped last is the beginning of a line */
};

/* What is known of the entry; zeroed when nothing is, which makes its files anew. */
struct state {
	int fd;
	bool is_new;
	struct cursor cursor;
	struct gap gaps[N_STREAMS];
};

int state_open(int dirfd, const char *entry, struct state *ret, struct error *err);
void state_close(struct state *state);

int state_save_cursor(const struct state *state, const struct cursor *cursor);
int state_save_gap(const struct state *state, int stream, const struct gap *gap);

/* The spill of a stream, emptied when @state is new; its length is what was taken. Returns the
 * descriptor. */
int state_open_spill(int dirfd, const char *entry, int stream, bool is_new, uint64_t *ret_len,
		     struct error *err);

void state_remove(int dirfd, const char *entry);

/* The same of all entries that @is_wanted does not know. */
void state_sweep(int dirfd, bool (*is_wanted)(const char *entry, void *arg), void *arg);
