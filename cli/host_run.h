/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs of the host: where they are, and running one to its end. */
#pragma once

#include "core/base/error.h"

/* The first executable @name in the directories of @dirs ("a:b"); NULL when there is none. Free
 * with free(). */
char *host_find_in(const char *dirs, const char *name);

/* The same in PATH and where a system keeps its administrator's programs. */
char *host_find_program(const char *name);

/* Runs argv[0], an absolute path, with kuke's environment and streams (@quiet: no output) and
 * waits. 0, or -errno, -EIO when it ended with anything but 0. */
int host_run(const char *const argv[], bool quiet, struct error *err);
