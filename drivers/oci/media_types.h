/* SPDX-License-Identifier: Apache-2.0 */
/* Which manifests are images that a container can be made of, by the types of their parts. Pure. */
#pragma once

#include "drivers/oci/image.h"

/* -EBADMSG with what is wrong: an artifact, a layer that is encrypted or of an unknown kind, a
 * digest of another algorithm than sha256. */
int image_manifest_check(const struct image_manifest *manifest, struct error *err);
