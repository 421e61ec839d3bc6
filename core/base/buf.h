/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer; always NUL-terminated once something was added. A zeroed struct is an
 * empty buffer. */
#pragma once

#include "core/base/util.h"

struct buf {
	char *data; /* NULL while empty */
	size_t len, capacity;
};

void buf_fini(struct buf *buf);
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_str(struct buf *buf, const char *s);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Makes room for @len more bytes and returns where they go; buf->len is for the caller to advance.
 */
char *buf_reserve(struct buf *buf, size_t len);

/* The content as a string of its own ("" when empty); the buffer is empty afterwards. Free with
 * free(). */
char *buf_take(struct buf *buf);

#define AUTO_BUF AUTO(buf_fini)
