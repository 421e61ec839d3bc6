/* SPDX-License-Identifier: Apache-2.0 */
/* What Kukeon needs of a host (core/config/host_checks.h), as kuke asks for it and prints it. */
#pragma once

#include "cli/cli.h"
#include "core/config/host_checks.h"

/* One line per check: found what to io->out, or missing what and the remedy to io->err. All are
 * made; true when every one was passed. */
bool host_checks(const Api__Config *config, const struct io *io);

/* Adds whether containerd answers, and its version. */
void host_checks_ask_containerd(const Api__Config *config, struct host_checks *checks);
