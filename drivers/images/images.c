/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/images/images.h"

#include "core/registry/reference.h"

/* More names than that on one host are a churn of tags: start over. */
enum { IMAGES_MAX = 1024 };

void images_init(struct images *images, struct ctd *ctd, const struct host *host)
{
	images->ctd = ctd;
	images->host = host;
	list_init(&images->resolving);
	list_init(&images->unpacking);
}

void images_fini(struct images *images)
{
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
