/* SPDX-License-Identifier: Apache-2.0 */
/* Names of entries in an archive, and where links among them lead. Pure; strangers write them. */
#pragma once

#include "core/base/util.h"

/* Without "./" in front and what else changes nothing: "./a//b/." is "a/b". NULL: it does not stay
 * within the archive, or is too long. "" for the top itself. Free with free(). */
char *entry_name(const char *path);

/* The entry that a symbolic link at @entry, an entry_name(), leads to. NULL: it leads out. Free
 * with free(). */
char *entry_link(const char *entry, const char *target);
