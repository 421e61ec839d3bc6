/* SPDX-License-Identifier: Apache-2.0 */
/* Names, tags and digests need no escapes: they were parsed. */
#include "drivers/archive/saver.h"

#include <inttypes.h>

#define BLOBS "blobs/sha256/"
#define SHA256 "sha256:"

/* The tag of a name that has one. */
static const char *tag_of(const char *name)
{
	const char *slash = strrchr(name, '/'), *colon = strrchr(name, ':');

	return !strchr(name, '@') && colon && (!slash || colon > slash) ? colon + 1 : NULL;
}

static void add_entry(const struct saved_image *image, struct buf *out)
{
	const char *tag = tag_of(image->name);

	buf_printf(out,
		   "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%" PRId64 ","
		   "\"annotations\":{\"io.containerd.image.name\":\"%s\"",
		   image->target.media_type, image->target.digest, image->target.size, image->name);
	if (tag)
		buf_printf(out, ",\"org.opencontainers.image.ref.name\":\"%s\"", tag);
	buf_add_str(out, "}}");
}

void saver_add_index(const struct saved_image *images, size_t n, struct buf *out)
{
	buf_add_str(out,
		    "{\"schemaVersion\":2,"
		    "\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[");
	for (size_t i = 0; i < n; i++) {
		buf_add_str(out, i ? "," : "");
		add_entry(&images[i], out);
	}
	buf_add_str(out, "]}");
}

static void add_docker_entry(const struct saved_image *image, struct buf *out)
{
	buf_printf(out,
		   "{\"Config\":\"" BLOBS "%s\",\"RepoTags\":", image->config + strlen(SHA256));
	if (tag_of(image->name))
		buf_printf(out, "[\"%s\"]", image->name);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ",\"Layers\":[");
	for (size_t i = 0; i < image->layers.n; i++)
		buf_printf(out, "%s\"" BLOBS "%s\"", i ? "," : "",
			   image->layers.items[i] + strlen(SHA256));
	buf_add_str(out, "]}");
}

void saver_add_manifest(const struct saved_image *images, size_t n, struct buf *out)
{
	buf_add_str(out, "[");
	for (size_t i = 0; i < n; i++) {
		buf_add_str(out, i ? "," : "");
		add_docker_entry(&images[i], out);
	}
	buf_add_str(out, "]");
}
