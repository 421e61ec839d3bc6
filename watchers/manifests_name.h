/* SPDX-License-Identifier: Apache-2.0 */
/* Which names in the manifests directory count. Pure. */
#pragma once

#include "core/base/util.h"

/* Dotfiles and the temporary files of editors and tools: "x~", "x.swp", "x.tmp", "#x#", "4913". */
bool manifests_name_is_ignored(const char *name);

/* Ends in .yaml, .yml or .json and is not ignored. */
bool manifests_name_is_manifest(const char *name);
