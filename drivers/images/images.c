/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/images.h"

#include "core/registry/reference.h"

/* More names than that on one host are a churn of tags: start over. */
enum { IMAGES_MAX = 1024 };

/* The lease of a pull that was cut off. */
struct kept {
	struct map_node node; /* struct images.kept */
	char *key;            /* "<namespace> <lease>" */
	uint64_t until_ms;
};

void images_init(struct images *images, struct ctd *ctd, const struct host *host)
{
	images->ctd = ctd;
	images->host = host;
	list_init(&images->resolving);
	list_init(&images->unpacking);
	images->opened_ms = loop_now_ms(ctd->ops.loop);
}

static void drop(struct images *images, struct kept *kept)
{
	map_remove(&images->kept, &kept->node);
	free(kept->key);
	free(kept);
}

/* What is not kept any more as well. */
static void drop_until(struct images *images, uint64_t ms)
{
	struct kept *kept;

	map_for_each(kept, &images->kept, node)
		if (kept->until_ms <= ms)
			drop(images, kept);
}

static struct kept *find_kept(const struct images *images, const char *namespace_,
			      const char *lease)
{
	AUTO_FREE char *key = xasprintf("%s %s", namespace_, lease);

	return map_entry(map_find(&images->kept, key), struct kept, node);
}

void images_keep(struct images *images, const char *namespace_, const char *lease)
{
	uint64_t now_ms = loop_now_ms(images->ctd->ops.loop);
	struct kept *kept = xnew(struct kept);

	drop_until(images, now_ms);
	images_keep_no_more(images, namespace_, lease);
	kept->key = xasprintf("%s %s", namespace_, lease);
	kept->until_ms = now_ms + PULL_KEEP_MS;
	map_insert(&images->kept, &kept->node, kept->key);
}

void images_keep_no_more(struct images *images, const char *namespace_, const char *lease)
{
	struct kept *kept = find_kept(images, namespace_, lease);

	if (kept)
		drop(images, kept);
}

bool images_keeps(const struct images *images, const char *namespace_, const char *lease)
{
	uint64_t now_ms = loop_now_ms(images->ctd->ops.loop);
	const struct kept *kept = find_kept(images, namespace_, lease);

	return now_ms < images->opened_ms + PULL_KEEP_MS || (kept && now_ms < kept->until_ms);
}

void images_fini(struct images *images)
{
	drop_until(images, UINT64_MAX);
	check(list_empty(&images->resolving) && list_empty(&images->unpacking));
	image_forget_all(images);
}

char *image_key(const char *namespace_, const char *name)
{
	AUTO_FREE char *whole = reference_name_of(name);

	return xasprintf("%s %s", namespace_, whole);
}

const struct image *image_find(const struct images *images, const char *namespace_,
			       const char *name)
{
	AUTO_FREE char *key = image_key(namespace_, name);

	return map_entry(map_find(&images->by_key, key), struct image, node);
}

static void forget(struct images *images, struct image *image)
{
	if (!image)
		return;
	map_remove(&images->by_key, &image->node);
	image_config_fini(&image->config);
	free(image->key);
	free(image->digest);
	free(image->chain_id);
	free(image);
}

void image_forget(struct images *images, const char *namespace_, const char *name)
{
	forget(images, (struct image *)image_find(images, namespace_, name));
}

void image_forget_all(struct images *images)
{
	struct image *image;

	map_for_each(image, &images->by_key, node)
		forget(images, image);
}

void image_remember(struct images *images, const char *namespace_, const char *name,
		    const char *digest, struct image_config *config)
{
	struct image *image = xnew(struct image);

	image_forget(images, namespace_, name);
	if (images->by_key.count >= IMAGES_MAX)
		image_forget_all(images);
	image->key = image_key(namespace_, name);
	image->digest = xstrdup(digest);
	image->chain_id = image_chain_id(&config->diff_ids, config->diff_ids.n);
	image->config = *config;
	*config = (struct image_config){ 0 };
	map_insert(&images->by_key, &image->node, image->key);
}
