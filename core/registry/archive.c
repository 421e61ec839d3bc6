/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/archive.h"

#include <errno.h>

#include "core/registry/json.h"
#include "core/registry/reference.h"

#define SHA256 "sha256:"
#define NAME_ANNOTATION "io.containerd.image.name"
#define REF_ANNOTATION "org.opencontainers.image.ref.name"

static void image_fini(struct archive_image *image)
{
	strv_fini(&image->names);
	strv_fini(&image->layers);
	free(image->tag);
	free(image->media_type);
	free(image->digest);
	free(image->config);
	*image = (struct archive_image){ 0 };
}

void archive_images_fini(struct archive_images *images)
{
	for (size_t i = 0; i < images->n; i++)
		image_fini(&images->items[i]);
	free(images->items);
	*images = (struct archive_images){ 0 };
}

/* ---- entries ---- */

bool archive_path_is_inside(const char *path)
{
	size_t len = strlen(path);

	if (len == 0 || len > ARCHIVE_PATH_MAX_BYTES || path[0] == '/')
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || !part[2]))
			return false;
	}
	return true;
}

char *archive_blob_path(const char *digest)
{
	return xasprintf("blobs/sha256/%s",
			 digest + (str_starts_with(digest, SHA256) ? strlen(SHA256) : 0));
}

/* ---- names ---- */

static int add_name(struct archive_image *image, const char *text, struct error *err)
{
	AUTO(reference_fini) struct reference reference = { 0 };
	AUTO_FREE char *name = NULL;
	int r = reference_parse(text, &reference, err);

	if (r < 0)
		return error_wrap(err, -EBADMSG, "name \"%.300s\"", text);
	if (image->names.n >= ARCHIVE_NAMES_MAX)
		return error_set(err, -EFBIG, "it has more than %d names", ARCHIVE_NAMES_MAX);
	name = reference_name(&reference);
	if (!strv_has(&image->names, name))
		strv_add(&image->names, name);
	return 0;
}

/* Many write a mere tag there, some a whole name. */
static int read_ref(struct archive_image *image, const char *ref, struct error *err)
{
	if (!*ref)
		return 0;
	if (strpbrk(ref, "/:"))
		return add_name(image, ref, err);
	image->tag = xstrdup(ref);
	return 0;
}

static int read_names(struct archive_image *image, const json_t *annotations, struct error *err)
{
	const char *name = registry_json_string(annotations, NAME_ANNOTATION);

	if (*name)
		return add_name(image, name, err);
	return read_ref(image, registry_json_string(annotations, REF_ANNOTATION), err);
}

/* ---- layout ---- */

static int read_layout_entry(const json_t *entry, struct archive_image *image, struct error *err)
{
	const char *digest = registry_json_string(entry, "digest");
	const json_t *size = json_object_get(entry, "size");

	if (!reference_digest_is_valid(digest))
		return error_set(err, -EBADMSG, "\"%.80s\" is no digest; expected sha256", digest);
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return error_set(err, -EBADMSG, "it has no size");
	image->media_type = xstrdup(registry_json_string(entry, "mediaType"));
	image->digest = xstrdup(digest);
	image->size = json_integer_value(size);
	return read_names(image, json_object_get(entry, "annotations"), err);
}

/* ---- docker save ---- */

static int read_paths(const json_t *list, struct strv *paths, struct error *err)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) == 0 ||
	    json_array_size(list) > ARCHIVE_LAYERS_MAX)
		return error_set(err, -EBADMSG, "Layers: expected 1 to %d entries",
				 ARCHIVE_LAYERS_MAX);
	json_array_foreach(list, i, item) {
		const char *path = json_string_value(item);

		if (!path || !archive_path_is_inside(path))
			return error_set(err, -EBADMSG,
					 "layer %zu: expected an entry of the archive", i);
		strv_add(paths, path);
	}
	return 0;
}

static int read_tags(const json_t *list, struct archive_image *image, struct error *err)
{
	const json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, item) {
		r = json_is_string(item) ? add_name(image, json_string_value(item), err)
					 : error_set(err, -EBADMSG, "RepoTags: expected names");
		if (r < 0)
			break;
	}
	return r;
}

static int read_docker_entry(const json_t *entry, struct archive_image *image, struct error *err)
{
	const char *config = registry_json_string(entry, "Config");
	int r;

	if (!archive_path_is_inside(config))
		return error_set(err, -EBADMSG, "Config: expected an entry of the archive");
	image->config = xstrdup(config);
	r = read_paths(json_object_get(entry, "Layers"), &image->layers, err);
	return r < 0 ? r : read_tags(json_object_get(entry, "RepoTags"), image, err);
}

/* ---- both ---- */

typedef int (*entry_fn)(const json_t *entry, struct archive_image *image, struct error *err);

static int read_entries(const json_t *list, entry_fn read, struct archive_images *ret_images,
			struct error *err)
{
	AUTO(archive_images_fini) struct archive_images images = { 0 };
	const json_t *entry;
	size_t i, n = json_array_size(list);

	if (n == 0 || n > ARCHIVE_IMAGES_MAX)
		return error_set(err, -EBADMSG, "expected 1 to %d images, there are %zu",
				 ARCHIVE_IMAGES_MAX, n);
	images.items = xcalloc(n, sizeof(*images.items));
	json_array_foreach(list, i, entry) {
		int r = read(entry, &images.items[images.n++], err);

		if (r < 0)
			return error_wrap(err, r, "image %zu of the archive", i);
	}
	*ret_images = images;
	images = (struct archive_images){ 0 };
	return 0;
}

int archive_parse_layout(const char *index, size_t len, struct archive_images *ret_images,
			 struct error *err)
{
	AUTO(registry_json_unref) json_t *root = NULL;
	int r = registry_json_parse("index.json", index, len, &root, err);

	return r < 0 ? r
		     : read_entries(json_object_get(root, "manifests"), read_layout_entry,
				    ret_images, err);
}

int archive_parse_docker(const char *manifest, size_t len, struct archive_images *ret_images,
			 struct error *err)
{
	AUTO(registry_json_unref) json_t *root = NULL;
	int r = registry_json_parse_list("manifest.json", manifest, len, &root, err);

	return r < 0 ? r : read_entries(root, read_docker_entry, ret_images, err);
}
