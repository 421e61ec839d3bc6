/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/image.h"

#include <errno.h>

#include "core/registry/json.h"

/* Bounds on lists in a document. */
enum {
	INDEX_ENTRIES_MAX = 1024,
	INDEX_CHOICES_MAX = 8, /* of them that run here: levels of one architecture */
	DIGEST_MAX_BYTES = 256,
};

bool image_digest_is_valid(const char *digest)
{
	size_t algorithm = strspn(digest, "abcdefghijklmnopqrstuvwxyz0123456789+._-");
	const char *hex = digest + algorithm + 1;

	if (algorithm == 0 || digest[algorithm] != ':' || strlen(digest) > DIGEST_MAX_BYTES)
		return false;
	return strlen(hex) >= 32 && strspn(hex, "0123456789abcdef") == strlen(hex);
}

/* ---- index and manifest ---- */

void image_blob_fini(struct image_blob *blob)
{
	free(blob->media_type);
	free(blob->digest);
	*blob = (struct image_blob){ 0 };
}

void image_manifest_fini(struct image_manifest *manifest)
{
	image_blob_fini(&manifest->blob);
	for (size_t i = 0; i < manifest->n_layers; i++)
		image_blob_fini(&manifest->layers[i]);
	for (size_t i = 0; i < manifest->n_others; i++)
		image_blob_fini(&manifest->others[i]);
	free(manifest->others);
	free(manifest->layers);
	*manifest = (struct image_manifest){ 0 };
}

static int read_blob(const json_t *descriptor, struct image_blob *ret_blob, struct error *err)
{
	const char *digest = registry_json_string(descriptor, "digest");
	const json_t *number = json_object_get(descriptor, "size");
	json_int_t size = json_integer_value(number);

	if (!image_digest_is_valid(digest))
		return error_set(err, -EBADMSG, "\"%.80s\" is no digest", digest);
	if (number && !json_is_integer(number))
		return error_set(err, -EBADMSG, "the size of blob %s is no number", digest);
	if (size < 0)
		return error_set(err, -EBADMSG, "blob %s has a negative size", digest);
	*ret_blob = (struct image_blob){
		.media_type = xstrdup(registry_json_string(descriptor, "mediaType")),
		.digest = xstrdup(digest),
		.size = size,
	};
	return 0;
}

/* An index of one entry without a platform means that entry. What builders say of an image beside
 * it is of the platform "unknown", which is nobody's. */
static int rank_entry(const json_t *entry, bool alone, const struct platform *host)
{
	const json_t *platform = json_object_get(entry, "platform");
	const struct platform image = {
		.os = registry_json_string(platform, "os"),
		.architecture = registry_json_string(platform, "architecture"),
		.variant = registry_json_string(platform, "variant"),
	};

	if (!platform)
		return alone ? 0 : PLATFORM_UNFIT;
	return platform_rank(host, &image);
}

struct choice {
	const json_t *entry;
	int rank;
};

/* Those that run here, the best first; of equal ones the first. */
static size_t choose_entries(const json_t *entries, const struct platform *host,
			     struct choice choices[INDEX_CHOICES_MAX])
{
	const json_t *entry;
	size_t i, n = 0;

	json_array_foreach(entries, i, entry) {
		int rank = rank_entry(entry, json_array_size(entries) == 1, host);
		size_t at;

		if (rank == PLATFORM_UNFIT)
			continue;
		for (at = n; at > 0 && choices[at - 1].rank > rank; at--)
			if (at < INDEX_CHOICES_MAX)
				choices[at] = choices[at - 1];
		if (at < INDEX_CHOICES_MAX)
			choices[at] = (struct choice){ entry, rank };
		n += n < INDEX_CHOICES_MAX;
	}
	return n;
}

static int read_choices(const struct choice *choices, size_t n, struct image_manifest *manifest,
			struct error *err)
{
	int r = read_blob(choices[0].entry, &manifest->blob, err);

	manifest->others = xcalloc(n, sizeof(manifest->others[0]));
	for (size_t i = 1; i < n && r == 0; i++) {
		r = read_blob(choices[i].entry, &manifest->others[i - 1], err);
		manifest->n_others += r == 0;
	}
	return r;
}

static int read_index(const json_t *entries, const struct platform *host,
		      struct image_manifest *manifest, struct error *err)
{
	struct choice choices[INDEX_CHOICES_MAX];
	size_t n;

	if (json_array_size(entries) > INDEX_ENTRIES_MAX)
		return error_set(err, -EBADMSG, "the index has more than %d entries",
				 INDEX_ENTRIES_MAX);
	n = choose_entries(entries, host, choices);
	if (n == 0)
		return error_set(err, -ENOENT, "the image has no variant for %s/%s", host->os,
				 host->architecture);
	manifest->is_index = true;
	return read_choices(choices, n, manifest, err);
}

static int read_layers(const json_t *layers, struct image_manifest *manifest, struct error *err)
{
	size_t i, n = json_array_size(layers);
	const json_t *layer;
	int r;

	if (n == 0 || n > IMAGE_LAYERS_MAX)
		return error_set(err, -EBADMSG, "the manifest has %zu layers, expected 1 to %d", n,
				 IMAGE_LAYERS_MAX);
	manifest->layers = xcalloc(n, sizeof(manifest->layers[0]));
	json_array_foreach(layers, i, layer) {
		r = read_blob(layer, &manifest->layers[i], err);
		if (r < 0)
			return error_wrap(err, r, "layer %zu", i);
		manifest->n_layers++;
	}
	return 0;
}

/* Each by what a reader goes by: fields, and the type that it calls itself. */
static int check_type(const json_t *root, struct error *err)
{
	const char *type = registry_json_string(root, "mediaType");
	bool layers = json_object_get(root, "layers") != NULL,
	     manifests = json_object_get(root, "manifests") != NULL;

	if (layers && manifests)
		return error_set(
			err, -EBADMSG,
			"the image manifest has both layers and manifests; expected one of them");
	if (json_object_get(root, "fsLayers") ||
	    json_integer_value(json_object_get(root, "schemaVersion")) == 1)
		return error_set(
			err, -EBADMSG,
			"the image manifest is of Docker's schema 1, which nobody makes any "
			"more: build or push the image anew");
	if (manifests ? strstr(type, ".manifest.v1+json") || strstr(type, ".manifest.v2+json")
		      : strstr(type, ".index.") || strstr(type, ".manifest.list."))
		return error_set(err, -EBADMSG,
				 "the image manifest says that it is %.80s, but has %s", type,
				 manifests ? "manifests" : "a config and layers");
	return 0;
}

static int read_manifest(const json_t *root, struct image_manifest *manifest, struct error *err)
{
	int r = read_blob(json_object_get(root, "config"), &manifest->blob, err);

	if (r < 0)
		return error_wrap(err, r, "config");
	return read_layers(json_object_get(root, "layers"), manifest, err);
}

int image_manifest_parse(const char *data, size_t len, const struct platform *host,
			 struct image_manifest *ret_manifest, struct error *err)
{
	struct image_manifest manifest = { 0 };
	const json_t *entries;
	json_t *root;
	int r = registry_json_parse("image manifest", data, len, &root, err);

	if (r < 0)
		return r;
	entries = json_object_get(root, "manifests");
	r = check_type(root, err);
	if (r == 0)
		r = json_is_array(entries) ? read_index(entries, host, &manifest, err)
					   : read_manifest(root, &manifest, err);
	json_decref(root);
	if (r < 0)
		image_manifest_fini(&manifest);
	else
		*ret_manifest = manifest;
	return r;
}
