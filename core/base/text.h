/* SPDX-License-Identifier: Apache-2.0 */
/* Text as YAML sees it: UTF-8, printable characters, line breaks. */
#pragma once

#include <stdint.h>

#include "core/base/util.h"

/* The character at @data: returns its length in bytes, 0 when it is no valid UTF-8 (or @len is 0).
 */
size_t text_decode(const char *data, size_t len, uint32_t *ret_character);

/* What may stand in YAML without an escape. */
bool text_is_printable(uint32_t character);

/* Printable, and neither a line break of YAML 1.1 other than '\n' and '\r' nor a byte order mark.
 */
bool text_is_plain(uint32_t character);

/* A copy that is valid UTF-8: each byte that is not becomes U+FFFD. */
char *text_repair(const char *s);

/* Makes a string fit for one line of a terminal or log: whatever is not printable there becomes
 * '?'. */
void text_flatten(char *s);

/* Where the line after @offset begins; @len when there is none. */
size_t text_next_line(const char *data, size_t len, size_t offset);
