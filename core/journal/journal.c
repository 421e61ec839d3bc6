/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two jobs on the pool, at most one of each at a time:
 *   writer  appends everything queued to the file, or, when the file is to be rewritten, writes a
 *           new one;
 *   syncer  runs one fdatasync for all appends that were written before it began and asked for it.
 * Appends move queue -> writing -> (done | unsynced -> syncing -> done). A rewrite waits for the
 * syncer, replaces the file with all live records and is on the disk when it ends, so whatever was
 * unsynced is done then too.
 *
 * When an append fails, all is written anew, into space that is kept for that (journal_file.h);
 * when that fails too, the calls fail. When a rewrite fails that was only to make the file shorter,
 * the file is as good as before, and is appended to.
 */
#include "core/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/journal/journal_file.h"

enum {
	COMPACT_MIN_DEAD_BYTES = 64 * 1024, /* below that a rewrite costs more than it saves */
	/* Live records, as much dead again before compaction, and a burst on top. */
	FILE_MAX_BYTES = 4 * JOURNAL_LIVE_MAX_BYTES,
};

/* One put or remove on its way to the disk. */
struct append {
	struct list link;
	struct call *call;
	bool sync;
};

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

/* ---- records in memory ---- */

static void record_free(struct journal_record *record)
{
	buf_fini(&record->encoded);
	free(record->key);
	free(record);
}

static struct journal_record *find(const struct journal *journal, const char *key)
{
	return map_entry(map_find(&journal->records, key), struct journal_record, node);
}

/* Takes the record of @key out of memory; its bytes in the file are dead from now on. */
static void forget(struct journal *journal, const char *key)
{
	struct journal_record *record = find(journal, key);

	if (!record)
		return;
	journal->stats.live_bytes -= record->encoded.len;
	journal->stats.dead_bytes += record->encoded.len;
	map_remove(&journal->records, &record->node);
	record_free(record);
}

/* @encoded is handed over. */
static void remember(struct journal *journal, const char *key, struct buf *encoded,
		     size_t value_len)
{
	struct journal_record *record = xnew(struct journal_record);

	*record = (struct journal_record){ .key = xstrdup(key),
					   .encoded = *encoded,
					   .value_len = value_len };
	record->value = record->encoded.data + record->encoded.len - value_len;
	*encoded = (struct buf){ 0 };
	forget(journal, key);
	check(map_insert(&journal->records, &record->node, record->key));
	journal->stats.live_bytes += record->encoded.len;
}

const struct journal_record *journal_find(const struct journal *journal, const char *key)
{
	return find(journal, key);
}

static const struct journal_record *with_prefix(struct map_node *node, const char *prefix)
{
	const struct journal_record *record = map_entry(node, struct journal_record, node);

	return record && str_starts_with(record->key, prefix) ? record : NULL;
}

const struct journal_record *journal_first(const struct journal *journal, const char *prefix)
{
	return with_prefix(map_find_from(&journal->records, prefix), prefix);
}

const struct journal_record *journal_next(const struct journal_record *record, const char *prefix)
{
	return with_prefix(map_next(&record->node), prefix);
}

void journal_get_stats(const struct journal *journal, struct journal_stats *ret_stats)
{
	*ret_stats = journal->stats;
}

/* ---- to the disk ---- */

static void pump(struct journal *journal);

static void complete_all(struct list *appends, int status, const struct error *err)
{
	struct list *link;

	while ((link = list_pop(appends))) {
		struct append *append = list_entry(link, struct append, link);

		call_complete(append->call, status, err);
		free(append);
	}
}

static void run_writer(struct work *work)
{
	struct journal *journal = container_of(work, struct journal, writer);
	const struct buf *batch = &journal->batch;
	struct error *err = &journal->write_err;
	int r;

	*err = (struct error){ 0 };
	if (journal->rewriting)
		r = journal_file_replace(&journal->file, batch->data, batch->len, err);
	else
		r = journal_file_append(&journal->file, batch->data, batch->len, err);
	if (r == 0)
		journal_file_reserve(&journal->file, journal->live_bytes);
}

/* What was written without @sync is done; the rest waits for the syncer. */
static void sort_written(struct journal *journal)
{
	struct list done, *link;

	list_init(&done);
	while ((link = list_pop(&journal->writing))) {
		bool sync = list_entry(link, struct append, link)->sync && !journal->rewriting;

		list_append(sync ? &journal->unsynced : &done, link);
	}
	complete_all(&done, 0, NULL);
	if (journal->rewriting)
		complete_all(&journal->unsynced, 0, NULL);
}

/* To be written once more, before what came meanwhile. */
static void write_again(struct journal *journal, struct buf *bytes)
{
	struct list *link;

	while ((link = list_pop(&journal->queue)))
		list_append(&journal->writing, link);
	list_swap_out(&journal->writing, &journal->queue);
	buf_add(bytes, journal->queue_bytes.data, journal->queue_bytes.len);
	buf_fini(&journal->queue_bytes);
	journal->queue_bytes = *bytes;
	*bytes = (struct buf){ 0 };
}

static void write_failed(struct journal *journal)
{
	int status = journal->write_err.code;

	if (!journal->rewriting) {
		journal->rewrite = true;
		write_again(journal, &journal->batch);
	} else if (journal->compacting) {
		journal->compact_min_dead_bytes =
			journal->stats.dead_bytes + COMPACT_MIN_DEAD_BYTES;
		write_again(journal, &journal->held);
	} else {
		journal->rewrite = true;
		complete_all(&journal->writing, status, &journal->write_err);
		complete_all(&journal->unsynced, status, &journal->write_err);
	}
}

static void written(struct journal *journal)
{
	if (journal->rewriting) {
		journal->stats.dead_bytes -= journal->batch_dead_bytes;
		journal->compact_min_dead_bytes = COMPACT_MIN_DEAD_BYTES;
	}
	sort_written(journal);
}

static void on_writer_done(struct work *work)
{
	struct journal *journal = container_of(work, struct journal, writer);

	journal->writer_busy = false;
	if (journal->write_err.code < 0)
		write_failed(journal);
	else
		written(journal);
	buf_fini(&journal->batch);
	buf_fini(&journal->held);
	journal->rewriting = journal->compacting = false;
	pump(journal);
}

/* Everything live as one file; the queue is part of that. */
static void begin_rewrite(struct journal *journal)
{
	struct journal_record *record;

	buf_add(&journal->batch, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES);
	map_for_each(record, &journal->records, node)
		buf_add(&journal->batch, record->encoded.data, record->encoded.len);
	journal->held = journal->queue_bytes;
	journal->queue_bytes = (struct buf){ 0 };
	journal->batch_dead_bytes = journal->stats.dead_bytes;
	journal->stats.compactions++;
	journal->rewriting = true;
	journal->compacting = !journal->rewrite;
	journal->rewrite = false;
}

static bool begin_write(struct journal *journal)
{
	const struct journal_stats *stats = &journal->stats;
	bool rewrite = journal->rewrite || (stats->dead_bytes > stats->live_bytes &&
					    stats->dead_bytes > journal->compact_min_dead_bytes);

	if (journal->writer_busy || (rewrite && journal->syncer_busy))
		return false;
	if (list_empty(&journal->queue) && (!journal->rewrite || list_empty(&journal->unsynced)))
		return false;
	list_swap_out(&journal->queue, &journal->writing);
	if (rewrite) {
		begin_rewrite(journal);
	} else {
		journal->batch = journal->queue_bytes;
		journal->queue_bytes = (struct buf){ 0 };
	}
	journal->live_bytes = stats->live_bytes;
	journal->stats.writes++;
	journal->writer_busy = true;
	return true;
}

static void run_syncer(struct work *work)
{
	struct journal *journal = container_of(work, struct journal, syncer);

	journal->sync_err = (struct error){ 0 };
	if (fdatasync(journal->file.fd) < 0)
		fs_error(&journal->sync_err, -errno, "cannot sync the journal", journal->file.path);
}

static void on_syncer_done(struct work *work)
{
	struct journal *journal = container_of(work, struct journal, syncer);

	journal->syncer_busy = false;
	if (journal->sync_err.code < 0)
		journal->rewrite =
			true; /* the kernel may have dropped the pages; a second sync would lie */
	complete_all(&journal->syncing, journal->sync_err.code, &journal->sync_err);
	pump(journal);
}

/* After a failed write or sync the file is not to be trusted: what is unsynced then waits for the
 * rewrite. */
static bool begin_sync(struct journal *journal)
{
	if (journal->syncer_busy || journal->rewriting || journal->rewrite ||
	    list_empty(&journal->unsynced))
		return false;
	list_swap_out(&journal->unsynced, &journal->syncing);
	journal->stats.syncs++;
	journal->syncer_busy = true;
	return true;
}

static void on_gone(struct deferred *deferred)
{
	struct journal *journal = container_of(deferred, struct journal, gone);
	void (*closed)(void *ctx) = journal->closed;
	struct journal_record *record;
	void *ctx = journal->closed_ctx;

	map_for_each(record, &journal->records, node) {
		map_remove(&journal->records, &record->node);
		record_free(record);
	}
	journal_file_fini(&journal->file);
	buf_fini(&journal->queue_bytes);
	free(journal);
	if (closed)
		closed(ctx);
}

/* Starts whatever can start now. */
static void pump(struct journal *journal)
{
	if (begin_write(journal))
		loop_work(journal->loop, &journal->writer, run_writer, on_writer_done);
	if (begin_sync(journal))
		loop_work(journal->loop, &journal->syncer, run_syncer, on_syncer_done);
	if (journal->closing && !journal->writer_busy && !journal->syncer_busy)
		loop_defer(journal->loop, &journal->gone, on_gone);
}

static void enqueue(struct journal *journal, bool sync, struct call *call)
{
	struct append *append = xnew(struct append);

	check(!journal->closing);
	append->call = call;
	append->sync = sync;
	list_append(&journal->queue, &append->link);
	pump(journal);
}

static void on_errand_done(struct call *call)
{
	free(call);
}

struct call *journal_errand(struct journal *journal)
{
	struct call *call = xnew(struct call);

	call_init(call, journal->loop, on_errand_done);
	return call;
}

void journal_put(struct journal *journal, const char *key, const void *value, size_t len, bool sync,
		 struct call *call)
{
	AUTO_BUF struct buf encoded = { 0 };
	struct error err = { 0 };

	check(*key && strlen(key) <= JOURNAL_KEY_MAX_BYTES);
	if (len > JOURNAL_VALUE_MAX_BYTES ||
	    journal->stats.live_bytes + len > JOURNAL_LIVE_MAX_BYTES) {
		int r = len > JOURNAL_VALUE_MAX_BYTES ? -EMSGSIZE : -ENOSPC;

		error_set(
			&err, r,
			"journal: record %s of %zu bytes does not fit: at most %d each, %d in all",
			key, len, JOURNAL_VALUE_MAX_BYTES, JOURNAL_LIVE_MAX_BYTES);
		call_complete(call, r, &err);
		return;
	}
	journal_encode(&encoded, JOURNAL_PUT, key, value, len);
	buf_add(&journal->queue_bytes, encoded.data, encoded.len);
	remember(journal, key, &encoded, len);
	enqueue(journal, sync, call);
}

void journal_remove(struct journal *journal, const char *key, bool sync, struct call *call)
{
	size_t before = journal->queue_bytes.len;

	if (!find(journal, key)) {
		call_complete(call, 0, NULL);
		return;
	}
	journal_encode(&journal->queue_bytes, JOURNAL_REMOVE, key, NULL, 0);
	journal->stats.dead_bytes += journal->queue_bytes.len - before;
	forget(journal, key);
	enqueue(journal, sync, call);
}

/* ---- life ---- */

static void apply(struct journal *journal, const char *data, const struct journal_entry *entry)
{
	AUTO_FREE char *key = xstrndup(entry->key, entry->key_len);
	AUTO_BUF struct buf encoded = { 0 };

	if (entry->op == JOURNAL_REMOVE) {
		forget(journal, key);
		journal->stats.dead_bytes += entry->size;
		return;
	}
	buf_add(&encoded, data, entry->size);
	remember(journal, key, &encoded, entry->value_len);
}

/* A hard link, so that the records stay under one name or the other whatever happens next. */
static void keep_damaged(const struct journal *journal)
{
	AUTO_FREE char *kept = xasprintf("%s" JOURNAL_DAMAGED_COPY, journal->file.path);

	unlink(kept);
	if (link(journal->file.path, kept) < 0)
		log_warning("cannot keep the damaged journal error=\"%m\" path=%s", kept);
	else
		log_warning("journal is damaged, as it was it is kept as %s", kept);
}

/* The end of a write that a crash cut off, as far as can be told: nothing follows it. */
static void keep_tail(const struct journal *journal, const char *tail, size_t len)
{
	AUTO_FREE char *kept = xasprintf("%s" JOURNAL_TAIL_COPY, journal->file.path);
	struct error err = { 0 };

	while (len && !tail[len - 1]) /* blocks that were never written */
		len--;
	if (!len)
		return;
	if (fs_write_file_atomic(kept, tail, len, 0600, &err) < 0)
		log_info("journal: the last record is not whole, %zu bytes are cut off: %s", len,
			 err.msg);
	else
		log_info("journal: the last record is not whole, %zu bytes are cut off kept=%s",
			 len, kept);
}

static int rewrite_now(struct journal *journal, struct error *err)
{
	int r;

	begin_rewrite(journal);
	r = journal_file_replace(&journal->file, journal->batch.data, journal->batch.len, err);
	journal->rewriting = journal->compacting = false;
	journal->stats.compactions = 0;
	journal->stats.dead_bytes = 0;
	buf_fini(&journal->batch);
	return r;
}

/* Applies the records up to the next that is none. */
static enum journal_decoded apply_records(struct journal *journal, const struct buf *file,
					  size_t *offset)
{
	struct journal_entry entry;
	enum journal_decoded decoded;

	while ((decoded = journal_decode(file->data + *offset, file->len - *offset, &entry)) ==
	       JOURNAL_RECORD) {
		apply(journal, file->data + *offset, &entry);
		*offset += entry.size;
	}
	return decoded;
}

/* What lies behind damage is used too: each record carries its own checksum. Returns whether there
 * is any damage; @offset is behind what has been read. */
static bool apply_all(struct journal *journal, const struct buf *file, size_t *offset)
{
	bool damaged = false;

	for (;;) {
		enum journal_decoded decoded = apply_records(journal, file, offset);
		size_t left = file->len - *offset;
		size_t next = decoded == JOURNAL_END
				      ? left
				      : journal_find_record(file->data + *offset, left);

		if (decoded == JOURNAL_END || (decoded == JOURNAL_TORN && next == left))
			return damaged;
		if (!damaged)
			keep_damaged(journal);
		damaged = true;
		log_warning(
			"journal: what stands there is no record and is left out offset=%zu bytes=%zu",
			*offset, next);
		*offset += next;
	}
}

/* Puts the live records in order and the file into a state that can be appended to. */
static int replay(struct journal *journal, const struct buf *file, struct error *err)
{
	size_t offset = JOURNAL_MAGIC_BYTES;

	if (file->len < JOURNAL_MAGIC_BYTES && memcmp(file->data, JOURNAL_MAGIC, file->len) == 0)
		return rewrite_now(journal, err); /* new, or cut off while it was new */
	if (file->len < JOURNAL_MAGIC_BYTES ||
	    memcmp(file->data, JOURNAL_MAGIC, JOURNAL_MAGIC_BYTES) != 0)
		return error_set(err, -EINVAL,
				 "%s is not a journal that this version can read; move it away "
				 "to start with an empty one",
				 journal->file.path);
	if (apply_all(journal, file, &offset))
		return rewrite_now(journal, err);
	keep_tail(journal, file->data + offset, file->len - offset);
	return journal_file_open(&journal->file, (off_t)offset, err);
}

static int load(struct journal *journal, struct error *err)
{
	AUTO_BUF struct buf file = { 0 };
	int r = fs_read_file(AT_FDCWD, journal->file.path, FILE_MAX_BYTES, &file, err);

	if (r < 0 && r != -ENOENT)
		return r;
	buf_reserve(&file, 0); /* data is not NULL, also when there is no file */
	r = replay(journal, &file, err);
	if (r == 0)
		journal_file_reserve(&journal->file, journal->stats.live_bytes);
	return r;
}

int journal_open(struct journal **ret, struct loop *loop, const char *path, struct error *err)
{
	struct journal *journal = xnew(struct journal);
	int r;

	journal->loop = loop;
	journal->compact_min_dead_bytes = COMPACT_MIN_DEAD_BYTES;
	journal_file_init(&journal->file, path);
	list_init(&journal->queue);
	list_init(&journal->writing);
	list_init(&journal->unsynced);
	list_init(&journal->syncing);
	r = load(journal, err);
	if (r < 0) {
		on_gone(&journal->gone);
		return error_wrap(err, r, "journal");
	}
	*ret = journal;
	return 0;
}

void journal_close(struct journal *journal, void (*closed)(void *ctx), void *ctx)
{
	check(!journal->closing);
	journal->closing = true;
	journal->closed = closed;
	journal->closed_ctx = ctx;
	pump(journal);
}
