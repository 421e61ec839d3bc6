/* SPDX-License-Identifier: Apache-2.0 */
/* What an image says about how it wants to be run. */
#include "drivers/oci/image.h"

#include <errno.h>
#include <inttypes.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/registry/json.h"

/* Bounds on lists: the kernel takes 2 MiB of arguments and environment. */
enum {
	STRINGS_MAX = 4096,
	VOLUMES_MAX = 64, /* each is a directory and a mount of every container */
	PORTS_MAX = 1024,
	HEALTH_TEST_MAX = 256,
	HEALTH_RETRIES_MAX = 1000,
};

void image_config_fini(struct image_config *config)
{
	strv_fini(&config->env);
	strv_fini(&config->entrypoint);
	strv_fini(&config->cmd);
	strv_fini(&config->diff_ids);
	strv_fini(&config->volumes);
	strv_fini(&config->exposed_ports);
	strv_fini(&config->health.test);
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

/* The names in what Docker writes as {"/data": {}}. */
static int read_names(const json_t *object, const char *key, size_t most, struct strv *strv,
		      struct error *err)
{
	const json_t *names = find_member(object, key), *value;
	const char *name;

	if (!names || json_is_null(names))
		return 0;
	if (!json_is_object(names) || json_object_size(names) > most)
		return error_set(err, -EBADMSG, "%s is no object of at most %zu names", key, most);
	json_object_foreach((json_t *)names, name, value)
		strv_add(strv, name);
	return 0;
}

/* Nanoseconds; less than nothing is nothing, as its readers have it. */
static int read_time(const json_t *object, const char *key, uint64_t *ret_ms, struct error *err)
{
	const json_t *value = find_member(object, key);
	json_int_t ns = json_integer_value(value);

	if (value && !json_is_null(value) && !json_is_integer(value))
		return error_set(err, -EBADMSG, "Healthcheck.%s is no whole number", key);
	*ret_ms = ns > 0 ? ((uint64_t)ns + 999999) / 1000000 : 0;
	return 0;
}

static int read_retries(const json_t *object, unsigned *ret, struct error *err)
{
	const json_t *value = find_member(object, "Retries");
	json_int_t n = json_integer_value(value);

	if (value && !json_is_null(value) && !json_is_integer(value))
		return error_set(err, -EBADMSG, "Healthcheck.Retries is no whole number");
	*ret = n < 0 ? 0 : n > HEALTH_RETRIES_MAX ? HEALTH_RETRIES_MAX : (unsigned)n;
	return 0;
}

/* A test of a form that nobody knows is none: the image runs all the same. */
static void keep_known_test(struct strv *test)
{
	const char *how = test->n ? test->items[0] : "NONE";

	if (test->n > HEALTH_TEST_MAX ||
	    (!str_equal(how, "NONE") && !str_equal(how, "CMD") && !str_equal(how, "CMD-SHELL")))
		strv_fini(test);
}

static int read_health(const json_t *run, struct image_health *health, struct error *err)
{
	const json_t *object = find_member(run, "Healthcheck");
	int r;

	if (!object || json_is_null(object))
		return 0;
	if (!json_is_object(object))
		return error_set(err, -EBADMSG, "Healthcheck is no object");
	if ((r = read_strings(object, "Test", &health->test, err)) == 0 &&
	    (r = read_time(object, "Interval", &health->interval_ms, err)) == 0 &&
	    (r = read_time(object, "Timeout", &health->timeout_ms, err)) == 0 &&
	    (r = read_time(object, "StartPeriod", &health->start_period_ms, err)) == 0 &&
	    (r = read_time(object, "StartInterval", &health->start_interval_ms, err)) == 0)
		r = read_retries(object, &health->retries, err);
	keep_known_test(&health->test);
	return r;
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
	    (r = read_strings(run, "Entrypoint", &config->entrypoint, err)) == 0 &&
	    (r = read_strings(run, "Cmd", &config->cmd, err)) == 0 &&
	    (r = read_names(run, "Volumes", VOLUMES_MAX, &config->volumes, err)) == 0 &&
	    (r = read_names(run, "ExposedPorts", PORTS_MAX, &config->exposed_ports, err)) == 0)
		r = read_health(run, &config->health, err);
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

static void add_time(struct buf *text, const char *what, uint64_t ms)
{
	if (ms && ms % 1000 == 0)
		buf_printf(text, ", %s %" PRIu64 "s", what, ms / 1000);
	else if (ms)
		buf_printf(text, ", %s %" PRIu64 "ms", what, ms);
}

char *image_health_text(const struct image_health *health)
{
	struct buf text = { 0 };

	if (health->test.n == 0 || str_equal(health->test.items[0], "NONE"))
		return NULL;
	for (size_t i = 0; i < health->test.n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", health->test.items[i]);
	add_time(&text, "every", health->interval_ms);
	add_time(&text, "at most", health->timeout_ms);
	add_time(&text, "at the start for", health->start_period_ms);
	add_time(&text, "at the start every", health->start_interval_ms);
	if (health->retries)
		buf_printf(&text, ", %u times", health->retries);
	return buf_take(&text);
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
