/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/manifests_known.h"

#include <errno.h>

/* A writer that takes longer than this is worth a word; below it, it is a copy under way. */
enum { HELD_REPORT_MS = 10000 };

/* ---- lists ---- */

static void file_free(struct manifests_known *known, struct manifests_file *file)
{
	map_remove(&known->files, &file->node);
	free(file->path);
	free(file->error);
	free(file);
}

void manifests_known_fini(struct manifests_known *known)
{
	struct manifests_file *file;

	map_for_each(file, &known->files, node)
		file_free(known, file);
}

const struct manifests_file *manifests_known_find(const struct manifests_known *known,
						  const char *path)
{
	return map_entry(map_find(&known->files, path), struct manifests_file, node);
}

struct manifests_found *manifests_found_new(struct map *found, const char *path)
{
	struct manifests_found *item = xnew(struct manifests_found);

	item->path = xstrdup(path);
	check(map_insert(found, &item->node, item->path));
	return item;
}

void manifests_found_clear(struct map *found)
{
	struct manifests_found *item;

	map_for_each(item, found, node) {
		map_remove(found, &item->node);
		buf_fini(&item->content);
		free(item->path);
		free(item);
	}
}

static struct manifests_change *change_add(struct manifests_changes *changes,
					   enum manifests_change_kind kind, const char *path)
{
	if (changes->n == changes->capacity) {
		changes->capacity = changes->capacity ? 2 * changes->capacity : 8;
		changes->items =
			xrealloc(changes->items, changes->capacity * sizeof(*changes->items));
	}
	changes->items[changes->n] =
		(struct manifests_change){ .kind = kind, .path = xstrdup(path) };
	return &changes->items[changes->n++];
}

void manifests_changes_fini(struct manifests_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		buf_fini(&changes->items[i].content);
		free(changes->items[i].path);
	}
	free(changes->items);
	*changes = (struct manifests_changes){ 0 };
}

/* ---- the difference ---- */

static bool same_root(const struct manifests_root *a, const struct manifests_root *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->born_ns == b->born_ns;
}

bool manifests_emptied_at_once(const struct manifests_known *known,
			       const struct manifests_root *root)
{
	return known->files.count > 1 ||
	       (known->files.count == 1 && !same_root(&known->root, root));
}

static struct manifests_file *file_get(struct manifests_known *known, const char *path)
{
	struct manifests_file *file =
		map_entry(map_find(&known->files, path), struct manifests_file, node);

	if (file)
		return file;
	file = xnew(struct manifests_file);
	file->path = xstrdup(path);
	check(map_insert(&known->files, &file->node, file->path));
	return file;
}

static void report_error(struct manifests_file *file, const struct error *err,
			 struct manifests_changes *changes)
{
	if (file->error && strcmp(file->error, err->msg) == 0)
		return;
	free(file->error);
	file->error = xstrdup(err->msg);
	file->delivered = true;
	change_add(changes, MANIFESTS_CHANGE_ERROR, file->path)->err = *err;
}

static void report_content(struct manifests_file *file, struct manifests_found *found,
			   struct manifests_changes *changes)
{
	bool same = file->delivered && !file->error && strcmp(file->hash, found->hash) == 0;

	file->identity = found->identity;
	file->trusted = found->trusted;
	file->held_since_ms = 0;
	if (same)
		return;
	free(file->error);
	file->error = NULL;
	file->delivered = true;
	memcpy(file->hash, found->hash, sizeof(file->hash));
	change_add(changes, MANIFESTS_CHANGE_FILE, file->path)->content = found->content;
	found->content = (struct buf){ 0 };
}

/*
 * A file that is being written. The first scan says so at once: who starts from it must know that
 * the file is there. Later ones wait for the writer for a while.
 */
static void report_held(struct manifests_file *file, bool first_scan, uint64_t now_ms,
			struct manifests_changes *changes)
{
	struct error err;

	if (!file->held_since_ms)
		file->held_since_ms = now_ms;
	if (!first_scan && now_ms - file->held_since_ms < HELD_REPORT_MS)
		return;
	error_set(&err, -EBUSY,
		  "%s is open for writing by another process: it is read when that closes it",
		  file->path);
	report_error(file, &err, changes);
}

static void apply_found(struct manifests_known *known, struct manifests_found *found,
			uint64_t now_ms, struct manifests_changes *changes)
{
	struct manifests_file *file = file_get(known, found->path);

	switch (found->outcome) {
	case MANIFESTS_UNCHANGED:
		file->held_since_ms = 0;
		break;
	case MANIFESTS_CONTENT:
		report_content(file, found, changes);
		break;
	case MANIFESTS_HELD:
		report_held(file, !known->scanned, now_ms, changes);
		break;
	case MANIFESTS_ERROR:
		file->trusted = false;
		file->held_since_ms = 0;
		report_error(file, &found->err, changes);
		break;
	}
}

static void apply_missing(struct manifests_known *known, struct manifests_file *file,
			  struct manifests_changes *changes)
{
	if (file->delivered)
		change_add(changes, MANIFESTS_CHANGE_GONE, file->path);
	file_free(known, file);
}

void manifests_diff(struct manifests_known *known, struct map *found, bool keep_missing,
		    uint64_t now_ms, struct manifests_changes *changes)
{
	struct map_node *old = map_first(&known->files), *new = map_first(found);

	while (old || new) {
		int order = !old ? 1 : !new ? -1 : strcmp(old->key, new->key);
		struct map_node *next_old = old && order <= 0 ? map_next(old) : old;

		if (order < 0 && !keep_missing)
			apply_missing(known, map_entry(old, struct manifests_file, node), changes);
		if (order >= 0) {
			apply_found(known, map_entry(new, struct manifests_found, node), now_ms,
				    changes);
			new = map_next(new);
		}
		old = next_old;
	}
}
