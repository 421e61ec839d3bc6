/* SPDX-License-Identifier: Apache-2.0 */
/* The names of images that containerd keeps. */
#pragma once

#include "drivers/images/images.h"

/* For steps: the record @name of the namespace stands for @target, with our label. It is created;
 * -EEXIST: to be updated. */
int record_create(struct op *op, const char *name, const struct image_blob *target);
int record_update(struct op *op, const char *name, const struct image_blob *target);
