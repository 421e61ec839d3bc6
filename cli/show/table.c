/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/table.h"

#include "cli/show/display.h"
#include "core/base/str.h"
#include "core/model/model.h"

enum { RESULT_WIDTH = 8 };

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
#define RESET "\033[0m"

enum {
	GAP = 3,
	NARROW_GAP = 2,
	TEXT_COLUMNS_MIN = 8, /* of what is cut */
};

static const char *const state_colors[] = {
	[API__STATE__STATE_PENDING] = YELLOW, [API__STATE__STATE_READY] = GREEN,
	[API__STATE__STATE_STOPPED] = NULL,   [API__STATE__STATE_FAILED] = RED,
	[API__STATE__STATE_UNKNOWN] = RED,    [API__STATE__STATE_PAUSED] = YELLOW,
	[API__STATE__STATE_PAUSING] = YELLOW,
};

void table_fini(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i].text);
	free(table->cells);
	*table = (struct table){ 0 };
}

void table_add_column(struct table *table, const char *header)
{
	check(table->n_columns < TABLE_COLUMNS_MAX && table->n_cells == 0);
	table->headers[table->n_columns++] = header;
}

void table_add_text_column(struct table *table, const char *header)
{
	table_add_column(table, header);
	table->cuts[table->n_columns - 1] = true;
}

static void add_cell(struct table *table, const char *text, const char *color)
{
	table->cells = xrealloc(table->cells, (table->n_cells + 1) * sizeof(*table->cells));
	table->cells[table->n_cells++] = (struct table_cell){
		.text = display_safe(str_empty(text) ? "-" : text),
		.color = color,
	};
}

void table_add(struct table *table, const char *text)
{
	add_cell(table, text, NULL);
}

static const char *state_color(Api__State state)
{
	return (size_t)state < ARRAY_SIZE(state_colors) ? state_colors[state] : NULL;
}

void table_add_state(struct table *table, Api__State state)
{
	add_cell(table, model_state_name(state).text, state_color(state));
}

void table_add_reason(struct table *table, const char *reason, Api__State state)
{
	add_cell(table, reason, state_color(state));
}

/* ---- how wide the columns are ---- */

static void widen(struct table *table)
{
	for (size_t i = 0; !table->headed && i < table->n_columns; i++) {
		size_t width = strlen(table->headers[i]);

		table->width[i] = width > table->width[i] ? width : table->width[i];
	}
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t *widest = &table->width[i % table->n_columns];
		size_t width = display_width(table->cells[i].text);

		*widest = width > *widest ? width : *widest;
	}
}

/* As rows are printed now. */
struct layout {
	size_t gap, width[TABLE_COLUMNS_MAX];
};

static size_t row_width(const struct table *table, const struct layout *layout)
{
	size_t width = layout->gap * (table->n_columns - 1);

	for (size_t i = 0; i < table->n_columns; i++)
		width += layout->width[i];
	return width;
}

/* One column from the widest of them; false when none can lose more. */
static bool narrow(const struct table *table, bool texts, struct layout *layout)
{
	size_t *widest = NULL;

	for (size_t i = texts ? 0 : 1; i < table->n_columns; i++) {
		size_t header = strlen(table->headers[i]),
		       least = header > TEXT_COLUMNS_MIN ? header : TEXT_COLUMNS_MIN;

		if ((texts && !table->cuts[i]) || layout->width[i] <= least)
			continue;
		if (!widest || layout->width[i] > *widest)
			widest = &layout->width[i];
	}
	if (widest)
		--*widest;
	return widest;
}

static struct layout lay_out(const struct table *table)
{
	struct layout layout = { .gap = GAP };

	memcpy(layout.width, table->width, sizeof(layout.width));
	if (table->columns && row_width(table, &layout) > table->columns)
		layout.gap = NARROW_GAP;
	while (table->columns && row_width(table, &layout) > table->columns)
		if (!narrow(table, true, &layout) && !narrow(table, false, &layout))
			break;
	return layout;
}

/* ---- printing ---- */

/* With spaces up to @width columns. */
static void print_cell(const char *text, const char *color, size_t width, FILE *out)
{
	size_t taken = width ? display_width(text) : 0;

	fprintf(out, "%s%s%s", color ? color : "", text, color ? RESET : "");
	if (width > taken)
		fprintf(out, "%*s", (int)(width - taken), "");
}

static void print_in_column(const struct table *table, const struct layout *layout, size_t column,
			    const struct table_cell *cell, FILE *out)
{
	AUTO_FREE char *text = display_cut(cell->text, layout->width[column]);
	bool last = column + 1 == table->n_columns;

	print_cell(text, cell->color, last ? 0 : layout->width[column] + layout->gap, out);
	if (last)
		fputc('\n', out);
}

static void print_headers(const struct table *table, const struct layout *layout, FILE *out)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		const struct table_cell cell = { .text = (char *)table->headers[i] };

		print_in_column(table, layout, i, &cell, out);
	}
}

void table_print(struct table *table, FILE *out, bool color)
{
	size_t n = table->n_columns;
	struct layout layout;

	check(n && table->n_cells % n == 0);
	widen(table);
	layout = lay_out(table);
	if (!table->headed)
		print_headers(table, &layout, out);
	table->headed = true;
	for (size_t i = 0; i < table->n_cells; i++) {
		struct table_cell *cell = &table->cells[i];

		cell->color = color ? cell->color : NULL;
		print_in_column(table, &layout, i % n, cell, out);
		free(cell->text);
	}
	table->n_cells = 0;
}

void state_print(Api__State state, FILE *out, bool color)
{
	print_cell(model_state_name(state).text, color ? state_color(state) : NULL, 0, out);
}

void result_print(Api__HostCheck__Result result, FILE *out, bool color)
{
	static const struct {
		const char *word, *color;
	} results[] = {
		[API__HOST_CHECK__RESULT__RESULT_PASSED] = { "ok", GREEN },
		[API__HOST_CHECK__RESULT__RESULT_WARNING] = { "warning", YELLOW },
		[API__HOST_CHECK__RESULT__RESULT_FAILED] = { "FAILED", RED },
	};
	bool known = (unsigned)result < ARRAY_SIZE(results) && results[result].word;
	const char *word = known ? results[result].word : "?";

	print_cell(word, known && color ? results[result].color : NULL, 0, out);
	fprintf(out, "%*s", (int)(RESULT_WIDTH - strlen(word)), "");
}

void text_print(const char *text, FILE *out)
{
	AUTO_FREE char *safe = display_safe(text ? text : "");

	fputs(safe, out);
}

/* "Z" or "+hh:mm" in seconds east of UTC; false for anything else. */
static bool parse_offset(const char *zone, long *ret_seconds)
{
	int hours, minutes;
	char sign;

	*ret_seconds = 0;
	if (strcmp(zone, "Z") == 0)
		return true;
	if (sscanf(zone, "%c%2d:%2d", &sign, &hours, &minutes) != 3 || (sign != '+' && sign != '-'))
		return false;
	*ret_seconds = (hours * 60L + minutes) * 60 * (sign == '-' ? -1 : 1);
	return true;
}

time_t time_parse(const char *text)
{
	struct tm tm = { 0 };
	const char *rest;
	long offset;

	if (str_empty(text))
		return -1;
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return -1;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	return parse_offset(rest, &offset) ? timegm(&tm) - offset : -1;
}

void age_add(const char *text, time_t now, struct buf *out)
{
	enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
	time_t then = time_parse(text);
	long age = now > then ? (long)(now - then) : 0;

	if (then < 0)
		buf_add_str(out, "-");
	else if (age < MINUTE)
		buf_printf(out, "%lds", age);
	else if (age < HOUR)
		buf_printf(out, "%ldm", age / MINUTE);
	else if (age < DAY)
		buf_printf(out, "%ldh", age / HOUR);
	else
		buf_printf(out, "%ldd", age / DAY);
}
