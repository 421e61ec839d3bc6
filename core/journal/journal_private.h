/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal is made of. Private to it. */
#pragma once

#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/journal/journal.h"
#include "core/journal/journal_file.h"

/* Below that a rewrite costs more than it saves. */
enum { COMPACT_MIN_DEAD_BYTES = 64 * 1024 };

struct journal {
	struct loop *loop;
	struct journal_file file; /* the writer's */
	struct map records;       /* struct journal_record.node */
	struct journal_stats stats;
	struct list queue, writing, unsynced, syncing; /* struct append.link */
	struct buf queue_bytes;                        /* encoded records of queue */
	struct buf batch; /* the writer's: of writing, or the whole file */
	struct buf held;  /* encoded records of writing, while the file is rewritten */
	size_t live_bytes, batch_dead_bytes; /* as they were when the writer began */
	size_t compact_min_dead_bytes;
	bool rewrite;               /* the file cannot be appended to */
	bool rewriting, compacting; /* the latter: the file could be appended to */
	bool writer_busy, syncer_busy, closing;
	struct work writer, syncer;
	struct error write_err, sync_err;
	struct deferred gone;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

void journal_record_free(struct journal_record *record);

struct journal_record *journal_lookup(const struct journal *journal, const char *key);

/* Takes the record of @key out of memory; its bytes in the file are dead from now on. */
void journal_forget(struct journal *journal, const char *key);

/* @encoded is handed over. */
void journal_remember(struct journal *journal, const char *key, struct buf *encoded,
		      size_t value_len);

/* Reads the file into memory, and makes a new one of it where that must be. */
int journal_load(struct journal *journal, struct error *err);

/* Starts whatever can start now. */
void journal_pump(struct journal *journal);

/* Everything live as one file; the queue is part of that. */
void journal_begin_rewrite(struct journal *journal);

/* The last one of ours has ended: frees it, and says so. */
void journal_on_gone(struct deferred *deferred);
