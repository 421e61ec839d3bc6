/* SPDX-License-Identifier: Apache-2.0 */
/* Which names in a directory of manifests count: for manifests.d and kuke apply alike. Pure. */
#pragma once

#include "core/base/util.h"

/* Dotfiles and the temporary files of editors and tools: "x~", "x.swp", "x.tmp", "#x#", "4913". */
bool file_name_is_ignored(const char *name);

/* Ends in .yaml, .yml or .json and is not ignored. */
bool file_name_is_manifest(const char *name);
