/* SPDX-License-Identifier: Apache-2.0 */
/* Words for an option that getopt refused. Internal to cli/args/args.c. */
#pragma once

#include <argp.h>

#include "core/base/error.h"

/* To be called on ARGP_KEY_ERROR of the root parser. */
void args_problem_explain(const struct argp_state *state, struct error *err);
