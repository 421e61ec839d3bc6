/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes that an image declares, for a container of it. Pure. */
#pragma once

#include "core/driver/runtime.h"
#include "drivers/oci/image.h"

/*
 * Targets of those that the container gets, each once. What the manifest mounts at a target, or
 * above it, is meant to hold what is written there. Targets that no volume can stand at (the root,
 * the kernel's own filesystems, a path with "..") are passed over.
 */
void image_volumes_choose(const struct image_config *config, const Api__ContainerSpec *spec,
			  struct strv *ret_targets);
