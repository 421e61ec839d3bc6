/* SPDX-License-Identifier: Apache-2.0 */
/* kuke events: what happened and what kukeond decided and why, once or as it happens. */
#include <errno.h>

#include "cli/args/args_target.h"
#include "cli/args/kinds.h"
#include "cli/client/client.h"
#include "cli/show/display.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "core/manifest/manifest.h"

enum { KEY_LIMIT = 0x100, KEY_SINCE, MS_PER_SECOND = 1000 };

struct events_options {
	bool watch;
	uint32_t limit, since_seconds;
};

struct printing {
	const struct args *args;
	const struct io *io;
	struct table table;
	uint64_t last; /* sequence number */
	size_t n;
	bool live; /* the history has been printed: what comes is new */
};

/* ---- a row ---- */

/* "3s", or "3s (x5 over 2m)". */
static void add_age(struct printing *printing, const Api__Event *event)
{
	time_t now = printing->live ? time(NULL) : printing->io->now;
	AUTO_BUF struct buf text = { 0 };

	age_add(event->time, now, &text);
	if (event->count > 1 && event->first_time) {
		buf_printf(&text, " (x%u over ", event->count);
		age_add(event->first_time, time_parse(event->time), &text);
		buf_add_str(&text, ")");
	}
	table_add(&printing->table, text.data);
}

/* "cell web", "container web/app"; the whole path where it does not lie below default. */
static void add_object(struct printing *printing, const Api__Event *event)
{
	const char *key = event->key, *scope = "default/";
	AUTO_BUF struct buf text = { 0 };
	int above;

	if (str_empty(key) || model_kind(event->kind) == KIND_COUNT) {
		table_add(&printing->table, "kukeond");
		return;
	}
	above = (int)model_kind(event->kind);
	if (above > KIND_CELL)
		above = KIND_CELL;
	for (; above > 0 && str_starts_with(key, scope); above--)
		key += strlen(scope);
	buf_printf(&text, "%s %s", kinds_singular(model_kind(event->kind)),
		   above ? event->key : key);
	table_add(&printing->table, text.data);
}

static void add_row(struct printing *printing, const Api__Event *event)
{
	add_age(printing, event);
	table_add(&printing->table,
		  event->type == API__EVENT__TYPE__TYPE_WARNING ? "Warning" : "Normal");
	add_object(printing, event);
	table_add(&printing->table, event->reason);
	table_add(&printing->table, event->message);
}

/* ---- printing ---- */

static void print_json(const struct printing *printing, const Api__Event *event)
{
	bool lines = ((const struct events_options *)printing->args->own)->watch;
	AUTO_BUF struct buf text = { 0 };

	manifest_emit_json_line(&event->base, &text);
	if (lines)
		fprintf(printing->io->out, "%s\n", text.data);
	else
		fprintf(printing->io->out, "%s%s", printing->n ? ",\n" : "[\n", text.data);
}

static void print_yaml(const struct printing *printing, const Api__Event *event)
{
	AUTO_BUF struct buf text = { 0 };

	manifest_emit_yaml(&event->base, &text);
	fprintf(printing->io->out, "%s%s", printing->n ? "---\n" : "", text.data);
}

static void flush(struct printing *printing)
{
	if (printing->args->output == OUTPUT_TABLE)
		printing->table.columns = display_columns(printing->io->out);
	if (printing->table.n_cells)
		table_print(&printing->table, printing->io->out, printing->io->color);
	fflush(printing->io->out);
}

static bool on_event(const Api__Event *event, void *ctx)
{
	struct printing *printing = ctx;

	if (printing->args->output == OUTPUT_JSON)
		print_json(printing, event);
	else if (printing->args->output == OUTPUT_YAML)
		print_yaml(printing, event);
	else
		add_row(printing, event);
	if (event->sequence)
		printing->last = event->sequence;
	printing->n++;
	if (printing->live)
		flush(printing);
	return !ferror(printing->io->out);
}

static bool is_table(const struct printing *printing)
{
	return printing->args->output == OUTPUT_TABLE || printing->args->output == OUTPUT_WIDE;
}

static void end_history(struct printing *printing)
{
	const struct events_options *own = printing->args->own;

	if (printing->args->output == OUTPUT_JSON && !own->watch)
		fputs(printing->n ? "\n]\n" : "[]\n", printing->io->out);
	if (is_table(printing) && !own->watch && !printing->n)
		fputs("No events found.\n", printing->io->err);
	flush(printing);
}

/* ---- the verb ---- */

/* The history first, so that its columns are aligned; then what comes after it. */
static enum cli_exit events_print(struct printing *printing, Api__EventsRequest *request,
				  struct error *err)
{
	const struct events_options *own = printing->args->own;
	struct client *client = client_new(printing->args->socket);
	int rc = client_events(client, request, on_event, printing, err);

	if (rc < 0)
		return client_exit(rc);
	end_history(printing);
	if (!own->watch || ferror(printing->io->out))
		return CLI_DONE;
	printing->live = true;
	request->has_watch = request->watch = request->has_after = true;
	request->after = printing->last;
	request->has_limit = false;
	return client_exit(client_events(client, request, on_event, printing, err));
}

static int read_selector(const struct args *args, Api__Selector *ret_selector, struct error *err)
{
	struct target target = { 0 };

	if (args->n_words && target_read(args, &target, err) < 0)
		return -EINVAL;
	if (!args->n_words)
		memcpy(target.scope, args->scope, sizeof(target.scope));
	*ret_selector = target_selector(&target);
	ret_selector->has_kind = args->n_words > 0;
	return 0;
}

static enum cli_exit events_run(const struct args *args, const struct io *io, struct error *err)
{
	static const char *const headers[] = { "AGE", "TYPE", "OBJECT", "REASON" };
	const struct events_options *own = args->own;
	struct printing printing = { .args = args, .io = io };
	Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	Api__Selector selector;
	enum cli_exit code;

	if (read_selector(args, &selector, err) < 0)
		return CLI_USAGE;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		table_add_column(&printing.table, headers[i]);
	table_add_text_column(&printing.table, "MESSAGE");
	request.selector = &selector;
	request.has_limit = request.has_since_seconds = true;
	request.limit = own->limit;
	request.since_seconds = own->since_seconds;
	code = events_print(&printing, &request, err);
	table_fini(&printing.table);
	return code;
}

/* ---- options ---- */

static error_t set_limit(const struct args *args, const char *value)
{
	struct events_options *own = args->own;
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (*value >= '1' && *value <= '9' && !*end && !errno && number <= UINT32_MAX) {
		own->limit = (uint32_t)number;
		return 0;
	}
	error_set(args->err, -EINVAL, "--limit \"%s\": expected a number above 0", value);
	return EINVAL;
}

static error_t set_since(const struct args *args, const char *value)
{
	struct events_options *own = args->own;
	uint64_t since_ms;

	if (args_parse_duration(value, &since_ms)) {
		own->since_seconds = (uint32_t)(since_ms / MS_PER_SECOND);
		return 0;
	}
	error_set(args->err, -EINVAL, "--since \"%s\": expected a time such as 30s, 5m or 1h",
		  value);
	return EINVAL;
}

static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	const struct args *args = state->input;
	struct events_options *own = args->own;

	switch (key) {
	case 'w':
		own->watch = true;
		return 0;
	case KEY_LIMIT:
		return set_limit(args, arg);
	case KEY_SINCE:
		return set_since(args, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option own_options[] = {
	{ .name = "watch", .key = 'w', .doc = "Go on and show what happens as it happens" },
	{ .name = "limit", .key = KEY_LIMIT, .arg = "N", .doc = "Only the latest N" },
	{ .name = "since",
	  .key = KEY_SINCE,
	  .arg = "TIME",
	  .doc = "Only what happened in this time, e.g. 30s, 5m or 1h" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child events_options[] = {
	{ .argp = &own_argp },
	{ .argp = &args_scope },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_events = {
	.name = "events",
	.summary = "Tell what happened, and what kukeond decided and why",
	.usage = "[KIND [NAME]]",
	.examples =
		"  kuke events\n"
		"  kuke events cell web\n"
		"  kuke events --realm main --since 5m\n"
		"  kuke events container app --cell web -w\n"
		"  kuke events -w -o json | jq -r 'select(.type == \"Warning\").message'\n"
		"\n"
		"The latest comes last. In a terminal messages are cut to fit; -o wide shows all of "
		"them. What repeats within two minutes is one event with a count. "
		"A cell's events include those of its containers. The latest 4096 events are kept "
		"over restarts of kukeond and the host.\n",
	.max_words = 2,
	.kinds = KINDS_ALL,
	.lists = true,
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_WIDE | 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.own_bytes = sizeof(struct events_options),
	.options = events_options,
	.run = events_run,
};
