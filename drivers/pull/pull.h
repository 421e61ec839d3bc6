/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of images: struct image_ops of core/driver/images.h on containerd and registries. */
#pragma once

#include "core/driver/images.h"
#include "drivers/images/images.h"
#include "drivers/registry/registry.h"

/* @images and @registries are used until it is closed; it is freed when ops->close() has called
 * back. */
void pull_driver_open(struct image_driver **ret_driver, struct images *images,
		      struct registries *registries);
