/* SPDX-License-Identifier: Apache-2.0 */
/* A FIFO and its spill, as the reader sees them. All is called with logger.lock held: nothing here
 * waits. */
#pragma once

#include "logger/logger.h"

enum take { TAKE_EMPTY, TAKE_MORE, TAKE_FULL };

/* Takes once what the FIFO holds: to the spill, or, while a gap is open, away. */
enum take stream_take(struct stream *stream);

/* Taken and not yet written. */
uint64_t stream_backlog(const struct stream *stream);

/* From here on lines are dropped. */
void stream_open_gap(struct stream *stream);

/* Ends the gap if all before it is written and it ends with a line; @at_end: in any case. */
void stream_try_close_gap(struct stream *stream, bool at_end);

/* The gap is to be written once all before it is. */
bool stream_has_gap(const struct stream *stream);
