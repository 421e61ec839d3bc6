/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line for each image, "<milliseconds since 1970> <realm> <name>". It is a hint: what is
 * missing counts from now on, so a damaged file is not worth a word.
 */
#include "core/desired/image_garbage_file.h"

#include <fcntl.h>
#include <inttypes.h>

#include "core/base/fs.h"
#include "core/base/log.h"

enum { FILE_MAX_BYTES = 4 << 20, FILE_MODE = 0600 };

struct unused_image {
	struct map_node node; /* struct unused_images.by_key */
	char *key;            /* "<realm> <name>" */
	int64_t since_ms;
};

static struct unused_image *find(const struct unused_images *unused, const char *key)
{
	return map_entry(map_find(&unused->by_key, key), struct unused_image, node);
}

static struct unused_image *add(struct unused_images *unused, const char *key)
{
	struct unused_image *image = xnew(struct unused_image);

	image->key = xstrdup(key);
	map_insert(&unused->by_key, &image->node, image->key);
	return image;
}

static void remove_one(struct unused_images *unused, struct unused_image *image)
{
	map_remove(&unused->by_key, &image->node);
	free(image->key);
	free(image);
	unused->changed = true;
}

void unused_images_fini(struct unused_images *unused)
{
	struct unused_image *image;

	map_for_each(image, &unused->by_key, node)
		remove_one(unused, image);
	free(unused->path);
	buf_fini(&unused->text);
}

/* ---- the file ---- */

static void load_line(struct unused_images *unused, const char *line)
{
	char *end;
	int64_t since_ms = strtoll(line, &end, 10);

	if (end > line && *end == ' ' && since_ms > 0 && !find(unused, end + 1))
		add(unused, end + 1)->since_ms = since_ms;
}

void unused_images_load(struct unused_images *unused)
{
	AUTO_BUF struct buf text = { 0 };
	char *rest, *line;

	if (!unused->path ||
	    fs_read_file(AT_FDCWD, unused->path, FILE_MAX_BYTES, &text, NULL) < 0 || !text.data)
		return;
	for (rest = text.data; (line = strsep(&rest, "\n"));)
		load_line(unused, line);
}

bool unused_images_prepare(struct unused_images *unused)
{
	struct unused_image *image;

	if (!unused->path || !unused->changed)
		return false;
	unused->changed = false;
	buf_fini(&unused->text);
	buf_add_str(&unused->text, "");
	map_for_each(image, &unused->by_key, node)
		buf_printf(&unused->text, "%" PRId64 " %s\n", image->since_ms, image->key);
	return true;
}

void unused_images_write(struct unused_images *unused)
{
	struct error err;

	if (fs_write_file_atomic(unused->path, unused->text.data, unused->text.len, FILE_MODE,
				 &err) == 0)
		return;
	unused->changed = true; /* the next look writes it */
	log_warning("since when images are unused cannot be kept: %s", err.msg);
}

/* ---- what is known ---- */

static char *key_of(const char *realm, const char *name)
{
	return xasprintf("%s %s", realm, name);
}

int64_t unused_images_since(struct unused_images *unused, const char *realm,
			    const struct image_fact *fact, int64_t now_ms)
{
	AUTO_FREE char *key = key_of(realm, fact->name);
	struct unused_image *image = find(unused, key);

	if (image && image->since_ms <= now_ms && image->since_ms >= fact->updated_at_ms)
		return image->since_ms;
	if (!image)
		image = add(unused, key);
	image->since_ms = now_ms;
	unused->changed = true;
	return now_ms;
}

void unused_images_forget(struct unused_images *unused, const char *realm, const char *name)
{
	AUTO_FREE char *key = key_of(realm, name);
	struct unused_image *image = find(unused, key);

	if (image)
		remove_one(unused, image);
}

void unused_images_keep(struct unused_images *unused, const char *realm,
			const struct image_facts *facts)
{
	AUTO_FREE char *prefix = key_of(realm, "");
	struct map_node *node = map_find_from(&unused->by_key, prefix);
	size_t at = 0, len = strlen(prefix);

	while (node && str_starts_with(node->key, prefix)) {
		struct unused_image *image = container_of(node, struct unused_image, node);

		node = map_next(node);
		while (at < facts->n && strcmp(facts->items[at].name, image->key + len) < 0)
			at++;
		if (at == facts->n || strcmp(facts->items[at].name, image->key + len) != 0)
			remove_one(unused, image);
	}
}

void unused_images_keep_realms(struct unused_images *unused,
			       bool (*is_there)(void *ctx, const char *realm), void *ctx)
{
	struct unused_image *image;

	map_for_each(image, &unused->by_key, node) {
		AUTO_FREE char *realm = xstrndup(image->key, strcspn(image->key, " "));

		if (!is_there(ctx, realm))
			remove_one(unused, image);
	}
}
