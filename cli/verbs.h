/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of kuke, one per file cli/verb_<name>.c. */
#pragma once

#include "cli/cli.h"

extern const struct verb verb_get;
extern const struct verb verb_help;
extern const struct verb verb_init;
extern const struct verb verb_status;
extern const struct verb verb_uninstall;
extern const struct verb verb_version;
