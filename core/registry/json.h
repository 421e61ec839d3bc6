/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents of strangers: bounded before they are parsed. Pure. */
#pragma once

#include <jansson.h>

#include "core/base/error.h"

enum { REGISTRY_JSON_MAX_BYTES = 4 * 1024 * 1024 };

/* -EBADMSG, -EFBIG; @what says whose it is, "manifest". What was parsed is an object, or a list, to
 * be freed with json_decref(). */
int registry_json_parse(const char *what, const char *data, size_t len, json_t **ret_root,
			struct error *err);
int registry_json_parse_list(const char *what, const char *data, size_t len, json_t **ret_root,
			     struct error *err);

/* "" when there is none, or it is no string; valid as long as @object. */
const char *registry_json_string(const json_t *object, const char *key);

static inline void registry_json_unref(json_t **root)
{
	json_decref(*root);
}
