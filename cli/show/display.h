/* SPDX-License-Identifier: Apache-2.0 */
/* Text as it shows on a terminal: what is safe there, and how many columns it takes. */
#pragma once

#include <stdio.h>

#include "core/base/util.h"

/* Columns of the terminal that @out is, by COLUMNS or else the terminal itself; 0 when it is none.
 */
size_t display_columns(FILE *out);

/* A copy on one line that moves no cursor and changes no colour or direction: what is not printable
 * is '?', and so is what is no UTF-8. Free with free(). */
char *display_safe(const char *text);

/* Columns of such a text: 2 for a wide character, 0 for an accent of its own. */
size_t display_width(const char *text);

/* Such a text within @width columns (at least 1), with "…" at the end when it was longer. Free with
 * free(). */
char *display_cut(const char *text, size_t width);
