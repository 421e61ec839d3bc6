/* SPDX-License-Identifier: Apache-2.0 */
/* From the spills of an entry to its log, on the thread that writes. */
#pragma once

#include "logger/logger.h"

enum { BATCH_IN_BYTES = 64 * 1024, BATCH_OUT_BYTES = 96 * 1024 };

/* Room to work in. */
struct batch {
	char in[BATCH_IN_BYTES], out[BATCH_OUT_BYTES];
};

enum written { WRITTEN_NOTHING, WRITTEN_SOME, WRITTEN_FAILED };

/* A batch of each stream. When nothing is left of one that ends, entry.all_written is set. */
enum written write_some(struct logger *logger, struct entry *entry, struct batch *batch);
