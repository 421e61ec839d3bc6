/* SPDX-License-Identifier: Apache-2.0 */
/* What may come next on a command line, out of the table of verbs and their options. */
#pragma once

#include "cli/args/args.h"
#include "core/base/buf.h"

/* Instead of candidates: the shell completes the path of a file. */
#define COMPLETE_FILES ":files"

/*
 * @words: what stands after "kuke"; the last one, maybe "", is the one to complete. Appends one
 * line per candidate, with what it means after a tab where that is known. Names of objects are
 * asked from the daemon; without it there are none.
 */
void complete_words(const char *const *words, size_t n, struct buf *out);
