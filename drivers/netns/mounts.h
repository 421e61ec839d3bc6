/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of this process's mount namespace. Blocks for some milliseconds: worker threads only. */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"

/* Adds the mount points below a directory, not the directory itself; each one once. */
int mounts_below(const char *dir, struct strv *ret_paths, struct error *err);
