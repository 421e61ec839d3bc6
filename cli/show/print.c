/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/print.h"

#include "cli/show/columns.h"
#include "cli/show/display.h"
#include "cli/show/table.h"
#include "core/manifest/manifest.h"

unsigned print_columns(const struct print_options *options)
{
	return (options->output == OUTPUT_WIDE ? COLUMNS_WIDE : 0) |
	       (options->labels ? COLUMNS_LABELS : 0);
}

static void print_table(enum kind kind, Api__Object *const *objects, size_t n,
			const struct print_options *options, FILE *out)
{
	AUTO(table_fini) struct table table = { 0 };
	struct object object;

	table.headed = options->headless;
	table.columns = options->output == OUTPUT_WIDE ? 0 : display_columns(out);
	columns_begin(kind, print_columns(options), &table);
	for (size_t i = 0; i < n; i++) {
		if (object_read(objects[i], &object) && object.kind == kind)
			columns_add(&object, print_columns(options), options->now, &table);
	}
	if (table.n_cells)
		table_print(&table, out, options->color);
}

/* All objects one after the other, with @between between them. */
static void emit_all(Api__Object *const *objects, size_t n, const char *between,
		     void (*emit)(const ProtobufCMessage *message, struct buf *out),
		     struct buf *text)
{
	struct object object;

	for (size_t i = 0; i < n; i++) {
		if (!object_read(objects[i], &object))
			continue;
		if (text->len)
			buf_add_str(text, between);
		emit(object.message, text);
	}
}

static void print_yaml(Api__Object *const *objects, size_t n, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	emit_all(objects, n, "---\n", manifest_emit_yaml, &text);
	fputs(text.len ? text.data : "", out);
}

static void print_json(Api__Object *const *objects, size_t n, bool single, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	emit_all(objects, n, ",\n", manifest_emit_json, &text);
	if (single)
		fprintf(out, "%s\n", text.data);
	else if (text.len)
		fprintf(out, "[\n%s\n]\n", text.data);
	else
		fprintf(out, "[]\n");
}

static void print_names(Api__Object *const *objects, size_t n, FILE *out)
{
	struct object object;

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf name = { 0 };

		if (!object_read(objects[i], &object))
			continue;
		object_add_name(&object, &name);
		text_print(name.data, out);
		fputc('\n', out);
	}
}

void print_objects(enum kind kind, Api__Object *const *objects, size_t n,
		   const struct print_options *options, FILE *out)
{
	check(!options->single || n == 1);
	switch (options->output) {
	case OUTPUT_YAML:
		print_yaml(objects, n, out);
		break;
	case OUTPUT_JSON:
		print_json(objects, n, options->single, out);
		break;
	case OUTPUT_NAME:
		print_names(objects, n, out);
		break;
	default:
		print_table(kind, objects, n, options, out);
	}
}
