/* SPDX-License-Identifier: Apache-2.0 */
/* Taking away a tree that a container has written, as deep as it likes. */
#pragma once

#include <stdatomic.h>

#include "core/base/error.h"

/*
 * rm -r of a directory by its path, which never follows a link, leaves its filesystem or needs more
 * descriptors for a deeper tree. Gone already: 0. Blocks for as long as that takes: for a thread of
 * its own. -ECANCELED: @stop was set; what is left is taken away by the next call.
 */
int volume_tree_remove(const char *path, const atomic_bool *stop, struct error *err);
