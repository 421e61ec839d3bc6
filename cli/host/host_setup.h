/* SPDX-License-Identifier: Apache-2.0 */
/* The directories and the group that Kukeon uses on a host: made, and taken away. One line each. */
#pragma once

#include "api/config.pb-c.h"
#include "cli/cli.h"

#define HOST_GROUP "kukeon" /* its members may use kuke */

/* Created, or already existed. Without a program that makes groups the group is only reported: root
 * can go on without it. */
int host_make_directories(const Api__Config *config, const struct io *io, struct error *err);
int host_make_group(const struct io *io, struct error *err);

/*
 * Removes what the daemon leaves when it has purged all and ended: its own files of the run path
 * and the runtime directory, and the cgroup root. What is not Kukeon's stays, and its directory
 * with it.
 */
int host_remove_directories(const Api__Config *config, const struct io *io, struct error *err);
