/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include "core/base/str.h"

enum { RESULT_WIDTH = 8 };

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[31m"
#define RESET "\033[0m"

enum { GAP = 3 };

static const char *const state_colors[] = {
	[API__STATE__Pending] = YELLOW, [API__STATE__Ready] = GREEN, [API__STATE__Stopped] = NULL,
	[API__STATE__Failed] = RED,     [API__STATE__Unknown] = RED, [API__STATE__Paused] = YELLOW,
	[API__STATE__Pausing] = YELLOW,
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

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

static void add_cell(struct table *table, const char *text, const char *color)
{
	char *copy = xstrdup(str_empty(text) ? "-" : text);

	for (char *c = copy; *c; c++)
		*c = is_control(*c) ? '?' : *c;
	table->cells = xrealloc(table->cells, (table->n_cells + 1) * sizeof(*table->cells));
	table->cells[table->n_cells++] = (struct table_cell){ .text = copy, .color = color };
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
	add_cell(table, state_name(state), state_color(state));
}

void table_add_reason(struct table *table, const char *reason, Api__State state)
{
	add_cell(table, reason, state_color(state));
}

static void print_cell(const char *text, const char *color, size_t width, FILE *out)
{
	fprintf(out, "%s%s%s", color ? color : "", text, color ? RESET : "");
	if (width)
		fprintf(out, "%*s", (int)(width - strlen(text) + GAP), "");
}

static void widen(struct table *table)
{
	for (size_t i = 0; !table->headed && i < table->n_columns; i++) {
		size_t len = strlen(table->headers[i]);

		table->width[i] = len > table->width[i] ? len : table->width[i];
	}
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t *width = &table->width[i % table->n_columns];
		size_t len = strlen(table->cells[i].text);

		*width = len > *width ? len : *width;
	}
}

static void print_headers(const struct table *table, FILE *out)
{
	size_t n = table->n_columns;

	for (size_t i = 0; i < n; i++)
		print_cell(table->headers[i], NULL, i == n - 1 ? 0 : table->width[i], out);
	fputc('\n', out);
}

void table_print(struct table *table, FILE *out, bool color)
{
	size_t n = table->n_columns;

	check(n && table->n_cells % n == 0);
	widen(table);
	if (!table->headed)
		print_headers(table, out);
	table->headed = true;
	for (size_t i = 0; i < table->n_cells; i++) {
		struct table_cell *cell = &table->cells[i];
		bool last = i % n == n - 1;

		print_cell(cell->text, color ? cell->color : NULL, last ? 0 : table->width[i % n],
			   out);
		if (last)
			fputc('\n', out);
		free(cell->text);
	}
	table->n_cells = 0;
}

const char *state_name(Api__State state)
{
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value(&api__state__descriptor, (int)state);

	return value ? value->name : "Unknown";
}

void state_print(Api__State state, FILE *out, bool color)
{
	print_cell(state_name(state), color ? state_color(state) : NULL, 0, out);
}

void result_print(Api__HostCheck__Result result, FILE *out, bool color)
{
	static const struct {
		const char *word, *color;
	} results[] = { { "ok", GREEN }, { "warning", YELLOW }, { "FAILED", RED } };
	bool known = (unsigned)result < ARRAY_SIZE(results);
	const char *word = known ? results[result].word : "?";

	print_cell(word, known && color ? results[result].color : NULL, 0, out);
	fprintf(out, "%*s", (int)(RESULT_WIDTH - strlen(word)), "");
}

void text_print(const char *text, FILE *out)
{
	for (const char *c = text ? text : ""; *c; c++)
		fputc(is_control(*c) ? '?' : *c, out);
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
