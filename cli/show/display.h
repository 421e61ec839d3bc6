/* SPDX-License-Identifier: Apache-2.0 */
/* Text as it shows on a terminal: what is safe there, and how many columns it takes. */
#pragma once

#include <stdio.h>

#include "core/base/util.h"

/* Takes away the line above the cursor, which is left at its begin. */
#define DISPLAY_TAKE_LINE "\033[A\033[2K"

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

/* Such a line of any text, cut to the terminal's width or it would not be one; display_line_again()
 * writes it over the line before. */
void display_line(const char *text, FILE *out);
void display_line_again(const char *text, FILE *out);
