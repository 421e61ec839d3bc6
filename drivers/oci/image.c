/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/image.h"

#include <errno.h>
#include <strings.h>

#include "core/registry/json.h"

/* Bounds on lists in a document: overlayfs takes a few hundred layers, the kernel 2 MiB of
 * arguments and environment. */
enum {
	LAYERS_MAX = 500,
	STRINGS_MAX = 4096,
	INDEX_ENTRIES_MAX = 1024,
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

/* An index of one entry without a platform means that entry. */
static const json_t *choose_entry(const json_t *entries, const char *arch)
{
	const json_t *entry, *platform;
	size_t i;

	json_array_foreach(entries, i, entry) {
		platform = json_object_get(entry, "platform");
		if (str_equal(registry_json_string(platform, "os"), "linux") &&
		    str_equal(registry_json_string(platform, "architecture"), arch))
			return entry;
	}
	entry = json_array_get(entries, 0);
	return json_array_size(entries) == 1 && !json_object_get(entry, "platform") ? entry : NULL;
}

static int read_index(const json_t *entries, const char *arch, struct image_manifest *manifest,
		      struct error *err)
{
	const json_t *entry;

	if (json_array_size(entries) > INDEX_ENTRIES_MAX)
		return error_set(err, -EBADMSG, "the index has more than %d entries",
				 INDEX_ENTRIES_MAX);
	entry = choose_entry(entries, arch);
	if (!entry)
		return error_set(err, -ENOENT, "the image has no variant for linux/%s", arch);
	manifest->is_index = true;
	return read_blob(entry, &manifest->blob, err);
}

static int read_layers(const json_t *layers, struct image_manifest *manifest, struct error *err)
{
	size_t i, n = json_array_size(layers);
	const json_t *layer;
	int r;

	if (n == 0 || n > LAYERS_MAX)
		return error_set(err, -EBADMSG, "the manifest has %zu layers, expected 1 to %d", n,
				 LAYERS_MAX);
	manifest->layers = xcalloc(n, sizeof(manifest->layers[0]));
	json_array_foreach(layers, i, layer) {
		r = read_blob(layer, &manifest->layers[i], err);
		if (r < 0)
			return error_wrap(err, r, "layer %zu", i);
		manifest->n_layers++;
	}
	return 0;
}

int image_manifest_parse(const char *data, size_t len, const char *arch,
			 struct image_manifest *ret_manifest, struct error *err)
{
	struct image_manifest manifest = { 0 };
	const json_t *entries;
	json_t *root;
	int r = registry_json_parse("image manifest", data, len, &root, err);

	if (r < 0)
		return r;
	entries = json_object_get(root, "manifests");
	if (entries && json_object_get(root, "layers")) {
		r = error_set(
			err, -EBADMSG,
			"the image manifest has both layers and manifests; expected one of them");
	} else if (json_is_array(entries)) {
		r = read_index(entries, arch, &manifest, err);
	} else {
		r = read_blob(json_object_get(root, "config"), &manifest.blob, err);
		if (r == 0)
			r = read_layers(json_object_get(root, "layers"), &manifest, err);
		else
			error_wrap(err, r, "config");
	}
	json_decref(root);
	if (r < 0)
		image_manifest_fini(&manifest);
	else
		*ret_manifest = manifest;
	return r;
}

/* ---- config ---- */

void image_config_fini(struct image_config *config)
{
	strv_fini(&config->env);
	strv_fini(&config->entrypoint);
	strv_fini(&config->cmd);
	strv_fini(&config->diff_ids);
	free(config->user);
	free(config->working_dir);
	free(config->stop_signal);
	*config = (struct image_config){ 0 };
}

/* Images are written and read by programs that do not tell "user" from "User": the exact name
 * first, then any other way to write it. */
static const json_t *find_member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key), *other;
	const char *name;

	if (value)
		return value;
	json_object_foreach((json_t *)object, name, other)
		if (strcasecmp(name, key) == 0)
			return other;
	return NULL;
}

/* What is missing is empty; what is there is taken for what it is or not at all: a user that nobody
 * understood would be root. */
static int read_string(const json_t *object, const char *key, char **ret, struct error *err)
{
	const json_t *value = find_member(object, key);

	if (value && !json_is_null(value) && !json_is_string(value))
		return error_set(err, -EBADMSG, "%s is no string", key);
	*ret = xstrdup(json_is_string(value) ? json_string_value(value) : "");
	return 0;
}

/* A missing list is an empty one. */
static int read_strings(const json_t *object, const char *key, struct strv *strv, struct error *err)
{
	const json_t *list = find_member(object, key), *item;
	size_t i;

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list) || json_array_size(list) > STRINGS_MAX)
		return error_set(err, -EBADMSG, "%s is no list of at most %d strings", key,
				 STRINGS_MAX);
	json_array_foreach(list, i, item) {
		if (!json_is_string(item))
			return error_set(err, -EBADMSG, "%s[%zu] is no string", key, i);
		strv_add(strv, json_string_value(item));
	}
	return 0;
}

static int read_diff_ids(const json_t *root, struct strv *diff_ids, struct error *err)
{
	int r = read_strings(find_member(root, "rootfs"), "diff_ids", diff_ids, err);

	if (r < 0)
		return r;
	if (diff_ids->n == 0 || diff_ids->n > LAYERS_MAX)
		return error_set(err, -EBADMSG, "rootfs.diff_ids has %zu entries, expected 1 to %d",
				 diff_ids->n, LAYERS_MAX);
	for (size_t i = 0; i < diff_ids->n; i++)
		if (!image_digest_is_valid(diff_ids->items[i]))
			return error_set(err, -EBADMSG, "rootfs.diff_ids[%zu] is no digest", i);
	return 0;
}

static int read_run(const json_t *run, struct image_config *config, struct error *err)
{
	int r;

	if (run && !json_is_null(run) && !json_is_object(run))
		return error_set(err, -EBADMSG, "config is no object");
	if ((r = read_string(run, "User", &config->user, err)) == 0 &&
	    (r = read_string(run, "WorkingDir", &config->working_dir, err)) == 0 &&
	    (r = read_string(run, "StopSignal", &config->stop_signal, err)) == 0 &&
	    (r = read_strings(run, "Env", &config->env, err)) == 0 &&
	    (r = read_strings(run, "Entrypoint", &config->entrypoint, err)) == 0)
		r = read_strings(run, "Cmd", &config->cmd, err);
	return r;
}

int image_config_parse(const char *data, size_t len, struct image_config *ret_config,
		       struct error *err)
{
	struct image_config config = { 0 };
	json_t *root;
	int r = registry_json_parse("image config", data, len, &root, err);

	if (r < 0)
		return r;
	r = read_run(find_member(root, "config"), &config, err);
	if (r == 0)
		r = read_diff_ids(root, &config.diff_ids, err);
	json_decref(root);
	if (r < 0) {
		image_config_fini(&config);
		return error_wrap(err, r, "image config");
	}
	*ret_config = config;
	return 0;
}

char *image_chain_id(const struct strv *diff_ids, size_t n)
{
	AUTO_FREE char *chain = xstrdup(diff_ids->items[0]);
	char hex[SHA256_HEX_BYTES];

	check(n > 0 && n <= diff_ids->n);
	for (size_t i = 1; i < n; i++) {
		AUTO_FREE char *both = xasprintf("%s %s", chain, diff_ids->items[i]);

		sha256_hex(both, strlen(both), hex);
		free(chain);
		chain = xasprintf("sha256:%s", hex);
	}
	return take_ptr(chain);
}
