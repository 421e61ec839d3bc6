/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: what must survive a crash and cannot be found by name afterwards (DESIGN 1.4, 6).
 * Keys and values in one append-only, checksummed file, all live records in memory.
 *
 * A put or remove is seen by journal_find() at once; its call completes when it is written (@sync
 * false: survives a crash of the daemon) or on the disk (@sync true: survives a power cut). Records
 * reach the file in the order in which they were given. All that is asked for while an fdatasync
 * runs shares the next one.
 *
 * On a full filesystem it goes on in space that it has in reserve (core/journal/journal_file.h). A
 * write that fails all the same fails its calls; the record stays in memory, and the next write
 * rewrites the whole file.
 */
#pragma once

#include "core/base/map.h"
#include "core/journal/journal_format.h"
#include "core/loop/call.h"

/* The sum of all live records; a put beyond it fails with -ENOSPC. */
enum { JOURNAL_LIVE_MAX_BYTES = 32 * 1024 * 1024 };

/* A live record. Valid until its key is put or removed again. */
struct journal_record {
	struct map_node node; /* struct journal.records */
	char *key;
	const char *value; /* value_len bytes, not NUL-terminated */
	size_t value_len;
	struct buf encoded; /* as in the file; value points into it */
};

/* Counters for tests and status. */
struct journal_stats {
	uint64_t writes, syncs, compactions;
	size_t live_bytes, dead_bytes;
};

struct journal;

/* What keys begin with of records that are of no object but the daemon's own. */
#define JOURNAL_OWN_PREFIX "kukeond/"

#define JOURNAL_DAMAGED_COPY ".damaged"
#define JOURNAL_TAIL_COPY ".tail"

/*
 * Reads the file, or makes an empty one (mode 0600); its directory exists. Blocks: for start-up. A
 * torn tail is cut off, and kept as "<path>.tail". Damage with records behind it is left out, the
 * records behind it are used like those before it, and the file as it was is kept as
 * "<path>.damaged". Both are said.
 */
int journal_open(struct journal **ret, struct loop *loop, const char *path, struct error *err);

/* Finishes what is under way, then runs @closed; nothing may be put any more. The memory is gone
 * when @closed runs. */
void journal_close(struct journal *journal, void (*closed)(void *ctx), void *ctx);

/* @key and @value are copied. */
void journal_put(struct journal *journal, const char *key, const void *value, size_t len, bool sync,
		 struct call *call);

/* Success also when there is no such key. */
void journal_remove(struct journal *journal, const char *key, bool sync, struct call *call);

/* The call of a put or a remove that nobody waits for. */
struct call *journal_errand(struct journal *journal);

/* NULL when there is none. */
const struct journal_record *journal_find(const struct journal *journal, const char *key);

/* The first record whose key begins with @prefix, and the one after @record; NULL when there is
 * none. By key order. */
const struct journal_record *journal_first(const struct journal *journal, const char *prefix);
const struct journal_record *journal_next(const struct journal_record *record, const char *prefix);
