/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that write: one for each driver, from its first entry on. */
#pragma once

#include "logger/logger.h"

int writer_start(struct logger *logger, enum log_driver driver, struct error *err);

/* Something of the entry is to be written. With logger.lock held: the second. */
void writer_queue(struct logger *logger, struct entry *entry);
void writer_queue_locked(struct logger *logger, struct entry *entry);

/* What is queued is written, for as long as DRAIN_MS; false: a thread still hangs in it. */
bool writers_stop(struct logger *logger);

/* The reader has something to look at. */
void writer_kick(struct logger *logger);
