/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Old files of a log are compressed by a program of its own, kukeon-log-compress, one at a time for
 * each entry: its memory and its time are nobody else's. It is given the open file, and writes to
 * one beside it, which takes the place of whatever number the old file has by then.
 */
#pragma once

#include "logger/logger.h"

/* On the thread that writes. Begins with one of the old files that are not compressed, if that is
 * wanted and none is under way. */
void compress_some(struct logger *logger, struct entry *entry);

/* One is through: puts it in its place, and begins with the next. */
void compress_finish(struct logger *logger, struct entry *entry);

/* On the reading thread: whatever programs have ended. */
void compress_reap(struct logger *logger);
