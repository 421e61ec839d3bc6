/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns for a terminal or a pipe, and the small formats that stand in them. */
#pragma once

#include <stdio.h>
#include <time.h>

#include "api/kukeon.pb-c.h"
#include "core/base/buf.h"

enum { TABLE_COLUMNS_MAX = 16 };

struct table_cell {
	char *text;
	const char *color; /* escape sequence, NULL for none */
};

/* A zeroed struct is an empty table without columns. */
struct table {
	const char *headers[TABLE_COLUMNS_MAX];
	size_t n_columns;
	struct table_cell *cells; /* row by row */
	size_t n_cells;
	bool cuts[TABLE_COLUMNS_MAX];    /* by column: it may be cut to fit */
	size_t width[TABLE_COLUMNS_MAX]; /* of what was printed so far */
	size_t columns;                  /* of the terminal; 0: rows are as long as they are */
	bool headed;                     /* the headers stand there already */
};

void table_fini(struct table *table);

/* Before the first cell. @header lives as long as the table. */
void table_add_column(struct table *table, const char *header);

/* A column of longer text: in a terminal it is cut so that rows fit. */
void table_add_text_column(struct table *table, const char *header);

/* The next cell, row by row. Nothing (NULL or "") shows as "-"; the text is made safe. */
void table_add(struct table *table, const char *text);
void table_add_state(struct table *table, Api__State state);
void table_add_reason(struct table *table, const char *reason, Api__State state);

/*
 * Prints the rows and forgets them: what is added then goes on below. Columns are as wide as their
 * widest cell, three spaces apart; no spaces at the end of a line. Rows that are longer than the
 * terminal has columns stand closer, and lose of their texts, the widest first, then of other
 * columns but the first.
 */
void table_print(struct table *table, FILE *out, bool color);

/* "Ready". Free of any colour. */

/* The state in its colour when @color. */
void state_print(Api__State state, FILE *out, bool color);

/* The same of a check, as a column. */
void result_print(Api__HostCheck__Result result, FILE *out, bool color);

/* Text of a peer or a file on one line: control characters become '?'. */
void text_print(const char *text, FILE *out);

/* Seconds since the epoch of an RFC 3339 time, -1 when @text is none. */
time_t time_parse(const char *text);

/* Time since @text, short: "5s", "3m", "2h", "4d"; "-" without a time. */
void age_add(const char *text, time_t now, struct buf *out);
