/* SPDX-License-Identifier: Apache-2.0 */
/* Who may write what stands on a path: whoever can could run anything as root through it. Pure. */
#pragma once

#include <sys/stat.h>

#include "core/base/error.h"

/* The words for a file or directory that others than root can write; 0 when they cannot. */
int path_check_owner(const struct stat *st, const char *shown, struct error *err);
