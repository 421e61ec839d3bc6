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
#include "core/journal/journal_private.h"

#include <errno.h>

#include "core/base/fs.h"

/* One put or remove on its way to the disk. */
struct append {
	struct list link;
	struct call *call;
	bool sync;
};

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
	journal_pump(journal);
}

void journal_begin_rewrite(struct journal *journal)
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
		journal_begin_rewrite(journal);
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
	journal_pump(journal);
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

void journal_on_gone(struct deferred *deferred)
{
	struct journal *journal = container_of(deferred, struct journal, gone);
	void (*closed)(void *ctx) = journal->closed;
	struct journal_record *record;
	void *ctx = journal->closed_ctx;

	map_for_each(record, &journal->records, node) {
		map_remove(&journal->records, &record->node);
		journal_record_free(record);
	}
	journal_file_fini(&journal->file);
	buf_fini(&journal->queue_bytes);
	free(journal);
	if (closed)
		closed(ctx);
}

void journal_pump(struct journal *journal)
{
	if (begin_write(journal))
		loop_work(journal->loop, &journal->writer, run_writer, on_writer_done);
	if (begin_sync(journal))
		loop_work(journal->loop, &journal->syncer, run_syncer, on_syncer_done);
	if (journal->closing && !journal->writer_busy && !journal->syncer_busy)
		loop_defer(journal->loop, &journal->gone, journal_on_gone);
}

static void enqueue(struct journal *journal, bool sync, struct call *call)
{
	struct append *append = xnew(struct append);

	check(!journal->closing);
	append->call = call;
	append->sync = sync;
	list_append(&journal->queue, &append->link);
	journal_pump(journal);
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
	journal_remember(journal, key, &encoded, len);
	enqueue(journal, sync, call);
}

void journal_remove(struct journal *journal, const char *key, bool sync, struct call *call)
{
	size_t before = journal->queue_bytes.len;

	if (!journal_lookup(journal, key)) {
		call_complete(call, 0, NULL);
		return;
	}
	journal_encode(&journal->queue_bytes, JOURNAL_REMOVE, key, NULL, 0);
	journal->stats.dead_bytes += journal->queue_bytes.len - before;
	journal_forget(journal, key);
	enqueue(journal, sync, call);
}
