/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal/journal_private.h"

#include <errno.h>
#include <fcntl.h>

#include "core/base/fs.h"
#include "core/base/log.h"

/* Live records, as much dead again before compaction, and a burst on top. */
enum { FILE_MAX_BYTES = 4 * JOURNAL_LIVE_MAX_BYTES };

static void apply(struct journal *journal, const char *data, const struct journal_entry *entry)
{
	AUTO_FREE char *key = xstrndup(entry->key, entry->key_len);
	AUTO_BUF struct buf encoded = { 0 };

	if (entry->op == JOURNAL_REMOVE) {
		journal_forget(journal, key);
		journal->stats.dead_bytes += entry->size;
		return;
	}
	buf_add(&encoded, data, entry->size);
	journal_remember(journal, key, &encoded, entry->value_len);
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

	journal_begin_rewrite(journal);
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

int journal_load(struct journal *journal, struct error *err)
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
