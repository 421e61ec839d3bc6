/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/registry_hosts_private.h"

#include <errno.h>

#include "core/registry/toml.h"

enum {
	FILES_MAX = 64,
	HEADERS_MAX = 64,
	DIAL_TIMEOUT_MAX_MS = 10 * 60 * 1000, /* whatever a file asks for */
};

static void entry_fini(struct hosts_entry *entry)
{
	free(entry->name);
	registry_host_fini(&entry->host);
}

void hosts_file_fini(struct hosts_file *file)
{
	entry_fini(&file->top);
	for (size_t i = 0; i < file->n_hosts; i++)
		entry_fini(&file->hosts[i]);
	free(file->hosts);
}

static struct hosts_entry *find_host(struct hosts_file *file, const char *name)
{
	for (size_t i = 0; i < file->n_hosts; i++) {
		if (str_equal(file->hosts[i].name, name))
			return &file->hosts[i];
	}
	return NULL;
}

static int ensure_host(struct hosts_file *file, const char *name, struct hosts_entry **ret_entry,
		       struct error *err)
{
	struct hosts_entry *entry = find_host(file, name);

	if (!entry && file->n_hosts == REGISTRY_HOSTS_MAX)
		return error_set(err, -EFBIG, "there are more than %d hosts", REGISTRY_HOSTS_MAX);
	if (!entry) {
		file->hosts = xrealloc(file->hosts, (file->n_hosts + 1) * sizeof(*file->hosts));
		entry = &file->hosts[file->n_hosts++];
		*entry = (struct hosts_entry){ .name = xstrdup(name) };
	}
	*ret_entry = entry;
	return 0;
}

/* ---- values ---- */

static int set_bool(bool *to, const struct toml_value *value, struct error *err)
{
	if (value->kind != TOML_BOOL)
		return error_set(err, -EBADMSG, "expected true or false");
	*to = str_equal(value->text, "true");
	return 0;
}

static int add_path(struct strv *paths, const char *path, const struct hosts_file *file,
		    struct error *err)
{
	AUTO_FREE char *whole = NULL;

	if (paths->n >= FILES_MAX)
		return error_set(err, -EFBIG, "there are more than %d files", FILES_MAX);
	whole = path[0] == '/' || !*path ? xstrdup(path)
					 : xasprintf("%s/%s", file->directory, path);
	strv_add(paths, whole);
	return 0;
}

/* One file or several. */
static int set_ca(struct hosts_entry *entry, const struct toml_value *value,
		  const struct hosts_file *file, struct error *err)
{
	int r = 0;

	if (value->kind == TOML_STRING)
		return add_path(&entry->host.ca, value->text, file, err);
	for (size_t i = 0; r == 0 && i < value->n_items; i++)
		r = value->items[i].kind == TOML_STRING
			    ? add_path(&entry->host.ca, value->items[i].text, file, err)
			    : -EBADMSG;
	if (value->kind != TOML_ARRAY || r == -EBADMSG)
		return error_set(err, -EBADMSG, "expected a file or a list of files");
	return r;
}

/* A file with both, or a certificate and its key. */
static int add_client(struct hosts_entry *entry, const struct toml_value *value,
		      const struct hosts_file *file, struct error *err)
{
	const struct toml_value *items = value->items;
	bool is_pair = value->kind == TOML_ARRAY && (value->n_items == 1 || value->n_items == 2) &&
		       items[0].kind == TOML_STRING &&
		       items[value->n_items - 1].kind == TOML_STRING;
	int r;

	if (value->kind != TOML_STRING && !is_pair)
		return error_set(err, -EBADMSG,
				 "expected a file, a list of files, or a list of "
				 "[certificate, key]");
	r = add_path(&entry->host.client, is_pair ? items[0].text : value->text, file, err);
	if (r == 0)
		r = add_path(&entry->host.client,
			     is_pair && value->n_items == 2 ? items[1].text : "", file, err);
	return r;
}

static int set_client(struct hosts_entry *entry, const struct toml_value *value,
		      const struct hosts_file *file, struct error *err)
{
	int r = 0;

	if (value->kind != TOML_ARRAY)
		return add_client(entry, value, file, err);
	for (size_t i = 0; r == 0 && i < value->n_items; i++)
		r = add_client(entry, &value->items[i], file, err);
	return r;
}

static int set_capabilities(struct hosts_entry *entry, const struct toml_value *value,
			    struct error *err)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = { { "pull", REGISTRY_CAN_PULL },
		      { "resolve", REGISTRY_CAN_RESOLVE },
		      { "push", REGISTRY_CAN_PUSH } };

	if (value->kind != TOML_ARRAY)
		return error_set(err, -EBADMSG,
				 "expected a list of \"pull\", \"resolve\", \"push\"");
	entry->host.can = 0;
	for (size_t i = 0; i < value->n_items; i++) {
		unsigned bit = 0;

		for (size_t j = 0; j < ARRAY_SIZE(names); j++)
			if (value->items[i].kind == TOML_STRING &&
			    str_equal(value->items[i].text, names[j].name))
				bit = names[j].bit;
		if (!bit)
			return error_set(
				err, -EBADMSG,
				"unknown capability; expected \"pull\", \"resolve\", \"push\"");
		entry->host.can |= bit;
	}
	return 0;
}

static bool is_header(const char *name, const char *value)
{
	static const char token[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	return *name && strspn(name, token) == strlen(name) && !strpbrk(value, "\r\n");
}

static int add_header(struct hosts_entry *entry, const char *name, const struct toml_value *value,
		      struct error *err)
{
	AUTO_FREE char *line = NULL;

	if (value->kind != TOML_STRING || !is_header(name, value->text))
		return error_set(err, -EBADMSG, "expected a header's value, a string of one line");
	if (entry->host.headers.n >= HEADERS_MAX)
		return error_set(err, -EFBIG, "there are more than %d headers", HEADERS_MAX);
	line = xasprintf("%s: %s", name, value->text);
	strv_add(&entry->host.headers, line);
	return 0;
}

static int set_header(struct hosts_entry *entry, const char *name, const struct toml_value *value,
		      struct error *err)
{
	int r = 0;

	if (value->kind != TOML_ARRAY)
		return add_header(entry, name, value, err);
	for (size_t i = 0; r == 0 && i < value->n_items; i++)
		r = add_header(entry, name, &value->items[i], err);
	return r;
}

/* "10s", "1m30s", "500ms". */
static int set_dial_timeout(struct hosts_entry *entry, const struct toml_value *value,
			    struct error *err)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	const char *s = value->kind == TOML_STRING ? value->text : "";
	double sum = 0;

	while (*s) {
		size_t digits = strspn(s, "0123456789."), unit = ARRAY_SIZE(units);
		double number = digits && digits < 12 ? strtod(s, NULL) : -1;

		s += digits;
		for (size_t i = ARRAY_SIZE(units); i-- > 0;) {
			if (str_starts_with(s, units[i].name))
				unit = i;
		}
		if (unit == ARRAY_SIZE(units) || number < 0)
			break;
		s += strlen(units[unit].name);
		sum += number * units[unit].ms;
	}
	if (*s || value->kind != TOML_STRING || sum < 1 || sum > DIAL_TIMEOUT_MAX_MS)
		return error_set(err, -EBADMSG,
				 "expected a time such as \"10s\", at most ten minutes");
	entry->host.dial_timeout_ms = (uint32_t)(sum + 0.5);
	return 0;
}

static int set_server(struct hosts_entry *top, const struct toml_value *value, struct error *err)
{
	if (value->kind != TOML_STRING)
		return error_set(err, -EBADMSG, "expected a URL");
	str_replace(&top->name, value->text);
	return 0;
}

static int set_value(struct hosts_file *file, struct hosts_entry *entry, const char *key,
		     const struct toml_value *value, struct error *err)
{
	if (str_equal(key, "capabilities"))
		return set_capabilities(entry, value, err);
	if (str_equal(key, "ca"))
		return set_ca(entry, value, file, err);
	if (str_equal(key, "client"))
		return set_client(entry, value, file, err);
	if (str_equal(key, "skip_verify"))
		return set_bool(&entry->host.skip_verify, value, err);
	if (str_equal(key, "override_path"))
		return set_bool(&entry->override_path, value, err);
	if (str_equal(key, "dial_timeout"))
		return set_dial_timeout(entry, value, err);
	return 0;
}

static int on_table(void *ctx, const struct strv *key, struct error *err)
{
	struct hosts_entry *entry;

	if (key->n < 2 || !str_equal(key->items[0], "host"))
		return 0;
	return ensure_host(ctx, key->items[1], &entry, err);
}

/* Which entry a key is of: "ca", or "host", "<url>", "ca"; @ret_at is where its own part begins. */
static int entry_of(struct hosts_file *file, const struct strv *key, size_t *ret_at,
		    struct hosts_entry **ret_entry, struct error *err)
{
	*ret_at = 0;
	*ret_entry = &file->top;
	if (key->n < 3 || !str_equal(key->items[0], "host"))
		return 0;
	*ret_at = 2;
	return ensure_host(file, key->items[1], ret_entry, err);
}

static int on_value(void *ctx, const struct strv *key, const struct toml_value *value,
		    struct error *err)
{
	struct hosts_file *file = ctx;
	struct hosts_entry *entry;
	size_t at;
	int r = entry_of(file, key, &at, &entry, err);
	const char *name = r == 0 ? key->items[at] : NULL;

	if (r < 0)
		return r;
	if (str_equal(name, "header") && key->n == at + 2)
		r = set_header(entry, key->items[at + 1], value, err);
	else if (key->n == at + 1 && at == 0 && str_equal(name, "server"))
		r = set_server(entry, value, err);
	else if (key->n == at + 1)
		r = set_value(file, entry, name, value, err);
	return r < 0 ? error_wrap(err, r, "%s", name) : 0;
}

int hosts_file_read(const char *text, size_t len, struct hosts_file *file, struct error *err)
{
	return toml_parse(text, len, on_table, on_value, file, err);
}
