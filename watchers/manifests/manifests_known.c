/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/manifests/manifests_known.h"

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
	manifests_dirs_clear(&known->dirs);
	manifests_dirs_clear(&known->kept);
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

void manifests_known_expect(struct manifests_known *known, const char *path)
{
	file_get(known, path)->delivered = true;
}

bool manifests_known_has_below(const struct manifests_known *known, const char *dir)
{
	AUTO_FREE char *prefix = xasprintf("%s/", dir);
	const struct map_node *node = map_find_from(&known->files, prefix);

	return node && str_starts_with(node->key, prefix);
}

/* The content is not what the listener has, whatever it is. */
static void forget_content(struct manifests_file *file)
{
	file->trusted = false;
	file->hash[0] = '\0';
	free(file->error);
	file->error = NULL;
}

static void report_error(struct manifests_file *file, const struct error *err,
			 struct manifests_changes *changes)
{
	if (file->error && strcmp(file->error, err->msg) == 0)
		return;
	free(file->error);
	file->error = xstrdup(err->msg);
	file->delivered = true;
	file->hidden = false;
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
	file->hidden = false;
	memcpy(file->hash, found->hash, sizeof(file->hash));
	change_add(changes, MANIFESTS_CHANGE_FILE, file->path)->content = found->content;
	found->content = (struct buf){ 0 };
}

/* Nothing is known of its content yet, but that it is there. */
static void report_pending(struct manifests_file *file, struct manifests_changes *changes)
{
	forget_content(file);
	file->delivered = true;
	file->hidden = false;
	change_add(changes, MANIFESTS_CHANGE_PENDING, file->path);
}

/*
 * A file that is being written. The first scan says so at once: who starts from it must know that
 * the file is there. Later ones wait for the writer for a while before they call it an error.
 */
static void report_held(struct manifests_file *file, bool first_scan, uint64_t now_ms,
			struct manifests_changes *changes)
{
	struct error err;

	if (!file->held_since_ms)
		file->held_since_ms = now_ms;
	if (!first_scan && now_ms - file->held_since_ms < HELD_REPORT_MS) {
		if (!file->delivered || file->hidden)
			report_pending(file, changes);
		return;
	}
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

static void report_hidden(struct manifests_known *known, struct manifests_file *file,
			  const struct error *why, struct manifests_changes *changes)
{
	manifests_kept_use(&known->kept, &known->dirs, file->path);
	if (file->hidden)
		return;
	forget_content(file);
	file->hidden = true;
	change_add(changes, MANIFESTS_CHANGE_HIDDEN, file->path)->err = *why;
}

static void apply_missing(struct manifests_known *known, struct manifests_file *file,
			  const struct map *found, const struct map *dirs,
			  struct manifests_changes *changes)
{
	const struct map *before = file->hidden ? &known->kept : &known->dirs;
	struct error why;

	if (file->delivered && manifests_is_hidden(before, dirs, found, file->path, &why)) {
		report_hidden(known, file, &why, changes);
		return;
	}
	if (file->delivered)
		change_add(changes, MANIFESTS_CHANGE_GONE, file->path);
	file_free(known, file);
}

void manifests_diff(struct manifests_known *known, struct map *found, struct map *dirs,
		    bool keep_missing, uint64_t now_ms, struct manifests_changes *changes)
{
	struct map_node *old = map_first(&known->files), *new = map_first(found);

	if (!keep_missing)
		manifests_kept_unuse(&known->kept);
	while (old || new) {
		int order = !old ? 1 : !new ? -1 : strcmp(old->key, new->key);
		struct map_node *next_old = old && order <= 0 ? map_next(old) : old;

		if (order < 0 && !keep_missing)
			apply_missing(known, map_entry(old, struct manifests_file, node), found,
				      dirs, changes);
		if (order >= 0) {
			apply_found(known, map_entry(new, struct manifests_found, node), now_ms,
				    changes);
			new = map_next(new);
		}
		old = next_old;
	}
	if (keep_missing)
		return;
	manifests_kept_drop(&known->kept);
	manifests_dirs_replace(&known->dirs, dirs);
}
