/* SPDX-License-Identifier: Apache-2.0 */
/* What Kukeon needs of a host, and what to do where it is missing. Changes nothing. */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/cli.h"

/* One line per check: found what to io->out, or missing what and the remedy to io->err. All are
 * made; true when every one was passed. */
bool host_checks(const Api__Config *config, const struct io *io);
