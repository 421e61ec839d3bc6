/* SPDX-License-Identifier: Apache-2.0 */
/* Images that were found and unpacked, by containerd namespace and name. */
#pragma once

#include "drivers/containerd/driver.h"
#include "drivers/containerd/image.h"

struct image {
	struct map_node node; /* struct containerd.images */
	char *key;            /* "<namespace> <name>" */
	char *digest;         /* what the name pointed to */
	char *chain_id;       /* committed snapshot with all layers */
	struct image_config config;
};

/* NULL: not resolved yet, resolve it first. Valid until the loop's next turn. */
const struct image *image_find(const struct containerd *driver, const char *namespace_,
			       const char *name);

/* Its snapshot turned out to be gone. */
void image_forget(struct containerd *driver, const char *namespace_, const char *name);
void image_forget_all(struct containerd *driver);
