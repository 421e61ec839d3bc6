/* SPDX-License-Identifier: Apache-2.0 */
/* What requests about images name, and what their callers are told of a driver's failure. */
#include <errno.h>

#include "core/api/api_images.h"
#include "core/registry/reference.h"

struct object *api_find_realm(struct api *api, const char *realm, struct error *err)
{
	struct object *object;

	if (str_empty(realm) || !name_is_valid(realm)) {
		error_set(err, -EINVAL, "the request names no realm");
		return NULL;
	}
	object = engine_find(api->options.engine, realm);
	if (!api->options.engine->images)
		error_set(err, -ENOSYS, "this daemon has no driver of images");
	else if (!object)
		error_set(err, -ENOENT, "realm \"%s\" not found", realm);
	else
		return object;
	return NULL;
}

char *api_image_name(const char *name, struct error *err)
{
	AUTO(reference_fini) struct reference reference = { 0 };

	if (reference_parse(name ? name : "", &reference, err) < 0)
		return NULL;
	return reference_name(&reference);
}

const struct error *image_call_error(struct call *call)
{
	if (call->status == -ECONNREFUSED || call->status == -ETIMEDOUT)
		call->err.code = -EIO;
	return &call->err;
}
