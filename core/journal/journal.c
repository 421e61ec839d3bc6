/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal/journal_private.h"

#include "core/base/str.h"
#include "core/journal/journal_test.h"

/* ---- records in memory ---- */

void journal_record_free(struct journal_record *record)
{
	buf_fini(&record->encoded);
	free(record->key);
	free(record);
}

struct journal_record *journal_lookup(const struct journal *journal, const char *key)
{
	return map_entry(map_find(&journal->records, key), struct journal_record, node);
}

void journal_forget(struct journal *journal, const char *key)
{
	struct journal_record *record = journal_lookup(journal, key);

	if (!record)
		return;
	journal->stats.live_bytes -= record->encoded.len;
	journal->stats.dead_bytes += record->encoded.len;
	map_remove(&journal->records, &record->node);
	journal_record_free(record);
}

void journal_remember(struct journal *journal, const char *key, struct buf *encoded,
		      size_t value_len)
{
	struct journal_record *record = xnew(struct journal_record);

	*record = (struct journal_record){ .key = xstrdup(key),
					   .encoded = *encoded,
					   .value_len = value_len };
	record->value = record->encoded.data + record->encoded.len - value_len;
	*encoded = (struct buf){ 0 };
	journal_forget(journal, key);
	check(map_insert(&journal->records, &record->node, record->key));
	journal->stats.live_bytes += record->encoded.len;
}

const struct journal_record *journal_find(const struct journal *journal, const char *key)
{
	return journal_lookup(journal, key);
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

/* ---- life ---- */

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
	r = journal_load(journal, err);
	if (r < 0) {
		journal_on_gone(&journal->gone);
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
	journal_pump(journal);
}
