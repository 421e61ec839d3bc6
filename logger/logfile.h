/* SPDX-License-Identifier: Apache-2.0 */
/* The log file of a run and the old ones beside it. On the thread that writes: all of it may hang.
 */
#pragma once

#include "logger/logger.h"

/* Opens or makes it if it is not open, cut to what is known to be whole. */
int logfile_open(struct logger *logger, struct entry *entry);

/* Adds whole records, in a new file when this one would have more than max_bytes. What is added
 * counts in entry.state.cursor, which the caller saves. */
int logfile_add(struct logger *logger, struct entry *entry, const char *data, size_t len);
