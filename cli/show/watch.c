/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that was shown is kept, because of RESYNC: what was missed is found by comparing, and
 * what does not come again is gone. It also keeps quiet about changes that show nowhere.
 */
#include "cli/show/watch.h"

#include "cli/show/columns.h"
#include "cli/show/display.h"
#include "core/base/map.h"
#include "core/manifest/manifest.h"

struct known {
	struct map_node node; /* struct watch.known */
	char *key;
	Api__Object *object;
	char *shown; /* as it was printed, without its age */
	bool stated; /* came since the watch, or the last RESYNC, began */
};

struct watch {
	enum kind kind;
	enum args_output output;
	unsigned columns; /* beside the usual ones */
	const struct io *io;
	struct table table;
	struct map known; /* struct known.node */
	bool live;        /* the state is complete: what comes are changes */
	bool resumed;     /* what was before a version has been shown elsewhere; until RESYNC */
	bool separate;    /* YAML: a document stands before */
};

static void known_free(struct watch *watch, struct known *known)
{
	map_remove(&watch->known, &known->node);
	protobuf_c_message_free_unpacked(&known->object->base, NULL);
	free(known->shown);
	free(known->key);
	free(known);
}

static void watch_fini(struct watch *watch)
{
	struct known *known;

	map_for_each(known, &watch->known, node)
		known_free(watch, known);
	table_fini(&watch->table);
}

static char *key_of(const struct object *object)
{
	AUTO_BUF struct buf key = { 0 };

	for (int kind = 0; kind < (int)object->kind; kind++)
		buf_printf(&key, "%s/", object->scope[kind] ? object->scope[kind] : "");
	buf_add_str(&key, object->name ? object->name : "");
	return buf_take(&key);
}

/* ---- as text ---- */

static void add_json(const struct object *object, struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };

	manifest_emit_json_line(object->message, &text);
	buf_printf(out, "{%s%s\n", object->gone ? "\"deleted\": true, " : "", text.data + 1);
}

static void add_yaml(const struct object *object, struct buf *out)
{
	manifest_emit_yaml(object->message, out);
	if (object->gone)
		buf_add_str(out, "deleted: true\n");
}

static void add_name(const struct object *object, struct buf *out)
{
	object_add_name(object, out);
	buf_add_str(out, "\n");
}

static void add_row(const struct watch *watch, const struct object *object, time_t now,
		    struct table *table)
{
	columns_add(object, watch->columns, now, table);
}

/* A row without its age, to compare: everything is new at the beginning of time. */
static void add_row_text(const struct watch *watch, const struct object *object, struct buf *out)
{
	AUTO(table_fini) struct table table = { 0 };

	columns_begin(watch->kind, watch->columns, &table);
	add_row(watch, object, 0, &table);
	for (size_t i = 0; i < table.n_cells; i++)
		buf_printf(out, "%s\n", table.cells[i].text);
}

static char *text_of(const struct watch *watch, const struct object *object)
{
	AUTO_BUF struct buf text = { 0 };

	if (watch->output == OUTPUT_JSON)
		add_json(object, &text);
	else if (watch->output == OUTPUT_YAML)
		add_yaml(object, &text);
	else if (watch->output == OUTPUT_NAME)
		add_name(object, &text);
	else
		add_row_text(watch, object, &text);
	return buf_take(&text);
}

static void print(struct watch *watch, const struct object *object, const char *text)
{
	FILE *out = watch->io->out;

	if (watch->output == OUTPUT_TABLE || watch->output == OUTPUT_WIDE) {
		add_row(watch, object, time(NULL), &watch->table);
		return;
	}
	if (watch->output == OUTPUT_YAML && watch->separate)
		fputs("---\n", out);
	watch->separate = true;
	fputs(text, out);
}

/* What a table gathered comes together, so that its columns fit. */
static void flush(struct watch *watch)
{
	watch->table.columns = watch->output == OUTPUT_WIDE ? 0 : display_columns(watch->io->out);
	if (watch->table.n_cells)
		table_print(&watch->table, watch->io->out, watch->io->color);
	fflush(watch->io->out);
}

/* ---- events ---- */

/* An object that is new or has changed. */
static void see(struct watch *watch, const Api__Object *api)
{
	AUTO_FREE char *key = NULL, *text = NULL;
	struct map_node *node;
	struct known *known;
	struct object object;

	if (!object_read(api, &object) || object.kind != watch->kind)
		return;
	key = key_of(&object);
	text = text_of(watch, &object);
	node = map_find(&watch->known, key);
	known = map_entry(node, struct known, node);
	if (!known) {
		known = xnew(struct known);
		known->key = take_ptr(key);
		map_insert(&watch->known, &known->node, known->key);
	}
	if (!known->shown || strcmp(known->shown, text) != 0)
		print(watch, &object, text);
	free(known->shown);
	known->shown = take_ptr(text);
	if (known->object)
		protobuf_c_message_free_unpacked(&known->object->base, NULL);
	known->object = (Api__Object *)model_copy(&api->base);
	known->stated = true;
}

static void print_gone(struct watch *watch, const Api__Object *api)
{
	AUTO_FREE char *text = NULL;
	struct object object;

	if (!object_read(api, &object) || object.kind != watch->kind)
		return;
	object.gone = true;
	text = text_of(watch, &object);
	print(watch, &object, text);
}

static void see_gone(struct watch *watch, struct known *known)
{
	print_gone(watch, known->object);
	known_free(watch, known);
}

static void see_deleted(struct watch *watch, const Api__Object *api)
{
	AUTO_FREE char *key = NULL;
	struct map_node *node;
	struct object object;

	if (!object_read(api, &object))
		return;
	key = key_of(&object);
	node = map_find(&watch->known, key);
	if (node)
		see_gone(watch, container_of(node, struct known, node));
	else if (watch->resumed)
		print_gone(watch, api);
}

static void begin_again(struct watch *watch)
{
	struct known *known;

	watch->live = watch->resumed = false;
	map_for_each(known, &watch->known, node)
		known->stated = false;
}

/* The state is complete. */
static void end_of_state(struct watch *watch)
{
	struct known *known;

	watch->live = true;
	map_for_each(known, &watch->known, node) {
		if (!known->stated)
			see_gone(watch, known);
	}
}

static bool on_event(const Api__WatchEvent *event, void *ctx)
{
	struct watch *watch = ctx;

	switch (event->type) {
	case API__WATCH_EVENT__TYPE__TYPE_ADDED:
	case API__WATCH_EVENT__TYPE__TYPE_MODIFIED:
		see(watch, event->object);
		break;
	case API__WATCH_EVENT__TYPE__TYPE_DELETED:
		see_deleted(watch, event->object);
		break;
	case API__WATCH_EVENT__TYPE__TYPE_SYNCED:
		end_of_state(watch);
		break;
	case API__WATCH_EVENT__TYPE__TYPE_RESYNC:
		begin_again(watch);
		break;
	default: /* of a later daemon */
		break;
	}
	if (watch->live)
		flush(watch);
	return !ferror(watch->io->out);
}

int watch_objects(struct client *client, const struct watch_options *options, const struct io *io,
		  struct error *err)
{
	AUTO(watch_fini)
	struct watch watch = {
		.kind = options->target->kind,
		.output = options->format->output,
		.columns = print_columns(options->format),
		.resumed = options->after != 0,
		.io = io,
		.table = { .headed = options->format->headless },
	};
	Api__Selector selector = target_selector(options->target);
	const struct client_watch call = {
		.selector = &selector,
		.after = options->after,
		.on_event = on_event,
		.ctx = &watch,
	};

	selector.labels = (char *)options->labels;
	columns_begin(watch.kind, watch.columns, &watch.table);
	return client_watch(client, &call, err);
}
