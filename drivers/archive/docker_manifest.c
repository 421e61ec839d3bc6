/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/archive/docker_manifest.h"

#include <inttypes.h>

#include "core/base/buf.h"

#define LAYER "application/vnd.oci.image.layer.v1.tar"

const char *layer_media_type(const void *data, size_t len)
{
	if (len >= 2 && memcmp(data, "\x1f\x8b", 2) == 0)
		return LAYER "+gzip";
	if (len >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0)
		return LAYER "+zstd";
	return LAYER;
}

/* Nothing in it needs to be escaped: types are ours, digests are checked. */
static void add_blob(struct buf *text, const struct image_blob *blob)
{
	buf_printf(text, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%" PRId64 "}",
		   blob->media_type, blob->digest, blob->size);
}

char *docker_manifest(const struct image_blob *config, const struct image_blob *layers, size_t n)
{
	struct buf text = { 0 };

	buf_add_str(&text,
		    "{\"schemaVersion\":2,"
		    "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":");
	add_blob(&text, config);
	buf_add_str(&text, ",\"layers\":[");
	for (size_t i = 0; i < n; i++) {
		buf_add_str(&text, i ? "," : "");
		add_blob(&text, &layers[i]);
	}
	buf_add_str(&text, "]}");
	return buf_take(&text);
}
