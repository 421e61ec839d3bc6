/* SPDX-License-Identifier: Apache-2.0 */
/* Help out of the table of verbs and their options: for a terminal, and as docs/cli.md. */
#pragma once

#include "cli/args/args.h"

/* All verbs. */
void help_print_overview(FILE *out);

/* The page of a verb. */
void help_print_verb(const struct verb *verb, FILE *out);

/* All of it as Markdown. */
void help_print_markdown(FILE *out);
