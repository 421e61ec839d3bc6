/* SPDX-License-Identifier: Apache-2.0 */
/* What an image says about how it wants to be run. */
#include "drivers/oci/image.h"

#include <errno.h>
#include <strings.h>

#include "core/registry/json.h"

/* The kernel takes 2 MiB of arguments and environment. */
enum { STRINGS_MAX = 4096 };

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
	if (diff_ids->n == 0 || diff_ids->n > IMAGE_LAYERS_MAX)
		return error_set(err, -EBADMSG, "rootfs.diff_ids has %zu entries, expected 1 to %d",
				 diff_ids->n, IMAGE_LAYERS_MAX);
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
