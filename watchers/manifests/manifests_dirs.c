/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/manifests/manifests_dirs.h"

#include <errno.h>

#include "core/base/str.h"

static struct manifests_dir *find(const struct map *dirs, const char *path)
{
	return map_entry(map_find(dirs, path), struct manifests_dir, node);
}

struct manifests_dir *manifests_dirs_get(struct map *dirs, const char *path)
{
	struct manifests_dir *dir = find(dirs, path);

	if (dir)
		return dir;
	dir = xnew(struct manifests_dir);
	dir->path = xstrdup(path);
	check(map_insert(dirs, &dir->node, dir->path));
	return dir;
}

static void dir_free(struct map *dirs, struct manifests_dir *dir)
{
	map_remove(dirs, &dir->node);
	free(dir->real_path);
	free(dir->path);
	free(dir);
}

void manifests_dirs_clear(struct map *dirs)
{
	struct manifests_dir *dir;

	map_for_each(dir, dirs, node)
		dir_free(dirs, dir);
}

/* ---- the way to a file ---- */

/* The directories on the way to "a/b/c.yaml" are "", "a" and "a/b": the next one after the first
 * @len bytes of the path. NULL when that was the last. */
static char *next_dir(const char *path, size_t *len)
{
	const char *rest = path + *len + (*len ? 1 : 0);
	const char *slash = strchr(rest, '/');

	if (!slash)
		return NULL;
	*len = (size_t)(slash - path);
	return xstrndup(path, *len);
}

/* ---- what hides ---- */

static bool has_manifest(const struct map *found, const char *dir)
{
	AUTO_FREE char *prefix = *dir ? xasprintf("%s/", dir) : xstrdup("");
	const struct map_node *node = map_find_from(found, prefix);

	return node && str_starts_with(node->key, prefix);
}

static const char *shown(const char *dir)
{
	return *dir ? dir : "the manifests directory";
}

enum verdict { GO_ON, REMOVED, HIDDEN };

bool manifests_place_is(const struct manifests_place *a, const struct manifests_place *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->born_ns == b->born_ns &&
	       a->mount_id == b->mount_id;
}

/* Nothing was known of it, or a link leads to it now. */
static enum verdict judge_new(const char *path, const struct map *found, enum verdict otherwise,
			      struct error *ret_why)
{
	if (has_manifest(found, path))
		return otherwise;
	error_set(ret_why, -ENODATA, "%s holds no manifest at all", shown(path));
	return HIDDEN;
}

/* At the same path. */
static void say_replaced(const struct manifests_dir *old, const struct manifests_dir *new,
			 const struct map *found, struct error *ret_why)
{
	if (old->place.dev != new->place.dev || old->place.mount_id != new->place.mount_id)
		error_set(ret_why, -EXDEV, "something was mounted or unmounted at %s",
			  shown(old->path));
	else
		error_set(ret_why, has_manifest(found, old->path) ? -ENOENT : -ENODATA,
			  "%s was replaced by another directory", shown(old->path));
}

static enum verdict judge(const struct manifests_dir *old, const struct manifests_dir *new,
			  const char *path, const struct map *found, struct error *ret_why)
{
	if (!new) {
		error_set(ret_why, -ENOENT, "%s is gone as a whole", path);
		return HIDDEN;
	}
	if (new->ignored)
		return REMOVED;
	if (new->err.code) {
		error_set(ret_why, new->err.code, "%s", new->err.msg);
		return HIDDEN;
	}
	if (!old)
		return judge_new(path, found, GO_ON, ret_why);
	if (!old->real_path) { /* it was hidden at its first sight, and is not seen yet */
		error_set(ret_why, -ENODATA, "%s holds no such manifest", shown(path));
		return HIDDEN;
	}
	if (!str_equal(old->real_path, new->real_path))
		return judge_new(path, found, REMOVED, ret_why);
	if (manifests_place_is(&old->place, &new->place))
		return GO_ON;
	say_replaced(old, new, found, ret_why);
	return HIDDEN;
}

bool manifests_is_hidden(const struct map *old, const struct map *new, const struct map *found,
			 const char *path, struct error *ret_why)
{
	enum verdict verdict = judge(find(old, ""), find(new, ""), "", found, ret_why);
	size_t len = 0;
	char *dir;

	while (verdict == GO_ON && (dir = next_dir(path, &len))) {
		verdict = judge(find(old, dir), find(new, dir), dir, found, ret_why);
		free(dir);
	}
	return verdict == HIDDEN;
}

/* ---- from scan to scan ---- */

void manifests_kept_unuse(struct map *kept)
{
	struct manifests_dir *dir;

	map_for_each(dir, kept, node)
		dir->used = false;
}

static void use(struct map *kept, const struct map *dirs, const char *path)
{
	const struct manifests_dir *seen = find(dirs, path);
	struct manifests_dir *dir = find(kept, path);

	if (!dir) {
		dir = manifests_dirs_get(kept, path);
		dir->real_path = seen ? xstrdup(seen->real_path) : NULL;
		dir->place = seen ? seen->place : (struct manifests_place){ 0 };
	}
	dir->used = true;
}

void manifests_kept_use(struct map *kept, const struct map *dirs, const char *path)
{
	size_t len = 0;
	char *dir;

	use(kept, dirs, "");
	while ((dir = next_dir(path, &len))) {
		use(kept, dirs, dir);
		free(dir);
	}
}

void manifests_kept_drop(struct map *kept)
{
	struct manifests_dir *dir;

	map_for_each(dir, kept, node)
		if (!dir->used)
			dir_free(kept, dir);
}

void manifests_dirs_replace(struct map *dirs, struct map *new)
{
	struct manifests_dir *dir;

	manifests_dirs_clear(dirs);
	map_for_each(dir, new, node) {
		if (dir->err.code || !dir->real_path) {
			dir_free(new, dir);
			continue;
		}
		map_remove(new, &dir->node);
		check(map_insert(dirs, &dir->node, dir->path));
	}
}
