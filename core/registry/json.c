/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry/json.h"

#include <errno.h>

/* A value takes some hundred bytes once parsed, two of a text. */
enum { VALUES_MAX = 32768 };

/* Where the string that begins at @at ends. */
static size_t skip_string(const char *data, size_t len, size_t at)
{
	for (at++; at < len && data[at] != '"'; at++)
		if (data[at] == '\\')
			at++;
	return at;
}

/* No fewer than there are: each but the first stands behind one of these. */
static size_t count_values(const char *data, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '"')
			i = skip_string(data, len, i);
		else if (data[i] == '[' || data[i] == '{' || data[i] == ',')
			n++;
	}
	return n;
}

static int parse(const char *what, const char *data, size_t len, json_type type, json_t **ret_root,
		 struct error *err)
{
	json_error_t at;
	json_t *root;

	if (len > REGISTRY_JSON_MAX_BYTES)
		return error_set(err, -EFBIG, "the %s has more than %d bytes", what,
				 REGISTRY_JSON_MAX_BYTES);
	if (count_values(data, len) > VALUES_MAX)
		return error_set(err, -EFBIG, "the %s holds more than %d values", what, VALUES_MAX);
	root = json_loadb(data, len, 0, &at);
	if (!root || json_typeof(root) != type) {
		json_decref(root);
		return error_set(err, -EBADMSG, "the %s is no JSON %s: line %d: %s", what,
				 type == JSON_OBJECT ? "object" : "list", at.line,
				 root ? "something else stands there" : at.text);
	}
	*ret_root = root;
	return 0;
}

int registry_json_parse(const char *what, const char *data, size_t len, json_t **ret_root,
			struct error *err)
{
	return parse(what, data, len, JSON_OBJECT, ret_root, err);
}

int registry_json_parse_list(const char *what, const char *data, size_t len, json_t **ret_root,
			     struct error *err)
{
	return parse(what, data, len, JSON_ARRAY, ret_root, err);
}

const char *registry_json_string(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}
