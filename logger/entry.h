/* SPDX-License-Identifier: Apache-2.0 */
/* A run of a container: its settings, streams and state. */
#pragma once

#include "logger/logger.h"

/* Opens what stands in the spool under that name, and puts it into logger.entries; whatever was
 * taken before and not written is queued. -ENOENT: its .conf or .out is gone. */
int entry_open(struct logger *logger, const char *name, bool is_ending, struct entry **ret,
	       struct error *err);

/* Settings that may change while it runs are read anew. */
void entry_reread(struct logger *logger, struct entry *entry);

/* Leaves everything where it is. */
void entry_close(struct logger *logger, struct entry *entry);

/* All is written: takes its files out of the spool, and closes it. */
void entry_finish(struct logger *logger, struct entry *entry);

/* .stat says what was dropped, if that is more than it said. */
void entry_tell_dropped(struct logger *logger, struct entry *entry);

struct entry *entry_find(struct logger *logger, const char *name);
