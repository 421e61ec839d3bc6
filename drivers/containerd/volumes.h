/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes that nobody named: what an image declares and the manifest does not mount. All those of a
 * container lie in one directory, whose name is computed from its namespace and id. They are there
 * only while its snapshot is: made after that, taken away before it. So what a crash leaves of them
 * is found by the snapshot. A task finds them as its predecessor left them; a container that is
 * made anew gets new ones.
 */
#pragma once

#include <stdatomic.h>

#include "core/driver/inventory.h"
#include "drivers/oci/inputs.h"

/* "<dir>/<namespace>+<id>". NULL: there is no place for any. Free with free(). */
char *volumes_path(const char *dir, const char *namespace_, const char *id);

/* The other way round, from the last part of such a path. False: it is none. Free both. */
bool volumes_split(const char *name, char **ret_namespace, char **ret_id);

/* Names of all such directories below @dir. -errno: it cannot be listed; it need not be there. */
int volumes_list(const char *dir, struct strv *ret_names, struct error *err);

/* Adds those of that list to what an inventory has found already: they are whose their container or
 * its snapshot is, and nobody's when neither is there. */
void volumes_add(const struct strv *names, struct host_things *things);

/*
 * Fresh volumes of inputs->volume_targets in inputs->volumes_path, with what inputs->layers have at
 * these places, on the disk when it returns. Blocks for as long as that takes. Nothing is left when
 * it fails, unless the filesystem is broken, or @stop was set: that ends it with -ECANCELED.
 */
int volumes_make(const struct inputs *inputs, const atomic_bool *stop, struct error *err);
