/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of mounts, without touching any of them. Blocks for some milliseconds where
 * there are thousands. */
#pragma once

#include "core/base/util.h"

/* The mount point that @path, absolute and without links, lies on; NULL: not known. Free with
 * free(). */
char *mountinfo_find(const char *path);

/* Whether some filesystem of this host may not answer: its data come from another machine, or from
 * a program. True when that is not known. */
bool mountinfo_may_hang(void);

/* For tests: the same of a text of that form. */
char *mountinfo_find_in(const char *text, const char *path);
bool mountinfo_may_hang_in(const char *text);
