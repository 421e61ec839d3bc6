/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs of the host: running one to its end. Where they are: core/config/programs.h. */
#pragma once

#include "core/base/error.h"
#include "core/config/programs.h"

/* Runs argv[0], an absolute path, with kuke's environment and streams (@quiet: no output) and
 * waits. 0, or -errno, -EIO when it ended with anything but 0. */
int host_run(const char *const argv[], bool quiet, struct error *err);
