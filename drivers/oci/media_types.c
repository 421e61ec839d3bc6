/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/oci/media_types.h"

#include <errno.h>

#include "core/registry/reference.h"

/* Of early Docker a config was "application/octet-stream". */
static bool is_config(const char *type)
{
	return str_equal(type, "application/vnd.oci.image.config.v1+json") ||
	       str_equal(type, "application/vnd.docker.container.image.v1+json") ||
	       str_equal(type, "application/octet-stream");
}

static bool is_one_of(const char *end, const char *const *ends, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_equal(end, ends[i]))
			return true;
	return false;
}

/* Those that may not be distributed are asked for at the registry all the same: where else they are
 * said to be (urls) is a stranger's word. */
static bool is_layer(const char *type)
{
	static const struct {
		const char *begin;
		const char *ends[3];
	} kinds[] = {
		{ "application/vnd.oci.image.layer.v1.tar", { "", "+gzip", "+zstd" } },
		{ "application/vnd.oci.image.layer.nondistributable.v1.tar",
		  { "", "+gzip", "+zstd" } },
		{ "application/vnd.docker.image.rootfs.diff.tar", { "", ".gzip", ".zstd" } },
		{ "application/vnd.docker.image.rootfs.foreign.diff.tar",
		  { "", ".gzip", ".zstd" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts_with(type, kinds[i].begin) &&
		    is_one_of(type + strlen(kinds[i].begin), kinds[i].ends,
			      ARRAY_SIZE(kinds[i].ends)))
			return true;
	return false;
}

static int check_digest(const struct image_blob *blob, struct error *err)
{
	if (reference_digest_is_valid(blob->digest))
		return 0;
	return error_set(err, -EBADMSG, "%.80s is a digest of another algorithm than sha256",
			 blob->digest);
}

static int check_layer(const struct image_blob *layer, struct error *err)
{
	const char *type = layer->media_type ? layer->media_type : "";

	if (strstr(type, "+encrypted"))
		return error_set(err, -EBADMSG, "it is encrypted, which is not supported");
	if (!is_layer(type))
		return error_set(err, -EBADMSG, "its type \"%.100s\" is none of a layer", type);
	return check_digest(layer, err);
}

int image_manifest_check(const struct image_manifest *manifest, struct error *err)
{
	const char *config = manifest->blob.media_type;
	int r = check_digest(&manifest->blob, err);

	if (r < 0)
		return error_wrap(err, r, "config");
	if (!is_config(config))
		return error_set(
			err, -EBADMSG,
			"this is no image of a container but an artifact of type \"%.100s\"",
			config ? config : "");
	for (size_t i = 0; i < manifest->n_layers; i++) {
		r = check_layer(&manifest->layers[i], err);
		if (r < 0)
			return error_wrap(err, r, "layer %zu", i);
	}
	return 0;
}
