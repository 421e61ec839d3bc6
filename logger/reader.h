/* SPDX-License-Identifier: Apache-2.0 */
/* What the reading thread does with entries and their streams. */
#pragma once

#include "logger/logger.h"

/* The FIFO has something. */
void reader_on_stream(struct logger *logger, struct stream *stream);

/* What is called so stands in the spool, or stood there and is gone. */
void reader_on_name(struct logger *logger, const char *name);
void reader_on_gone(struct logger *logger, const char *name);

/* Looks at all entries: who waited goes on, what is written is finished, entries among them, of
 * which no event may be handled afterwards. Sets logger.wait_ms. @retries: what failed is tried
 * again. */
void reader_look(struct logger *logger, bool retries);

/* Takes what there is, once. */
void reader_take_all(struct logger *logger);
