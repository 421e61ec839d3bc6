/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest that docker save leaves out. Pure. */
#pragma once

#include "drivers/oci/image.h"

/* How a layer is packed, by the bytes that it begins with. */
const char *layer_media_type(const void *data, size_t len);

/* An OCI image manifest; the same for the same blobs. Free with free(). */
char *docker_manifest(const struct image_blob *config, const struct image_blob *layers, size_t n);
