/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history on disk: one event a line, in JSON. Read once, on a worker thread, while the daemon
 * starts; appended to a little after events happened, on a worker thread, without a sync: a crash
 * of the daemon loses the last half second, a power cut some seconds.
 *
 * When the file has grown it is replaced by what is in memory. The same happens after a write that
 * failed: nothing is lost that is still in memory. A torn or damaged line is left out at load.
 */
#pragma once

/* A file that cannot be read is renamed so. */
#define HISTORY_FILE_ASIDE ".damaged"

#include "core/events/history.h"
#include "core/loop/loop.h"

enum {
	HISTORY_FILE_GROWTH_BYTES = 1024 * 1024,  /* until it is written anew */
	HISTORY_FILE_MAX_BYTES = 8 * 1024 * 1024, /* more than it ever has: not read */
};

struct history_file;

/* Begins to load; until that is done the history is loading. @path is copied; its directory
 * exists. */
void history_file_open(struct history_file **ret_file, struct history *history, struct loop *loop,
		       const char *path);

/* Writes what is not written, then runs @closed; may do so before it returns. */
void history_file_close(struct history_file *file, void (*closed)(void *ctx), void *ctx);

struct history_parsed {
	size_t damaged; /* lines that are no event, or out of order */
	bool torn;      /* the last line has no end */
};

/* The events of such a file, whatever is in it. @ring is empty. */
struct history_parsed history_parse(const char *data, size_t len, struct event_ring *ret_ring);
