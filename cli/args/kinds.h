/* SPDX-License-Identifier: Apache-2.0 */
/* The words for kinds on the command line: singular, plural, short. */
#pragma once

#include "cli/args/args.h"

/* "cells", "cell" or "ce" in any case: false when it is none of the kinds. */
bool kinds_parse(const char *word, enum kind *ret_kind);

/*
 * The first word of a verb that needs a kind; 0, or -EINVAL with the nearest kind, or what the verb
 * works on, in @err.
 */
int kinds_need(const struct args *args, enum kind *ret_kind, struct error *err);

/* Whether the verb works on it; 0, or -EINVAL and what it works on. */
int kinds_check(const struct verb *verb, enum kind kind, struct error *err);

/* "cell" and "cells" of KIND_CELL. */
const char *kinds_singular(enum kind kind);
const char *kinds_plural(enum kind kind);
