/* SPDX-License-Identifier: Apache-2.0 */
/* kuke log: what the containers of a cell print, or printed. */
#include <errno.h>
#include <time.h>

#include "cli/args/args_target.h"
#include "cli/args/kinds.h"
#include "cli/ask/last_lines.h"
#include "cli/client/client_logs.h"
#include "cli/show/log_print.h"
#include "cli/show/object.h"
#include "cli/verbs.h"
#include "core/base/wall.h"

#define NS_PER_MS UINT64_C(1000000)

enum {
	KEY_TAIL = 0x100,
	KEY_SINCE,
	KEY_UNTIL,
	KEY_TIMESTAMPS,
	LOG_AGAIN_MS = 1000, /* who follows asks a daemon that went away again after that */
	LOG_TRIES_MAX = 60,  /* so often, without a line in between */
};

struct log_options {
	bool follow, timestamps, previous, has_tail;
	uint32_t tail;
	uint64_t since_ns, until_ns;
	const char *container;
};

/* ---- whose ---- */

/* "web" is "cell web": the one kind that is asked for most. */
static struct args with_kind(const struct args *args, const char *words[2])
{
	struct args full = *args;
	enum kind kind;

	if (args->n_words != 1 || kinds_parse(args->words[0], &kind))
		return full;
	words[0] = "cell";
	words[1] = args->words[0];
	full.words = words;
	full.n_words = 2;
	return full;
}

/* Its container of -c. */
static int narrow(const struct args *args, struct target *target, struct error *err)
{
	const struct log_options *own = args->own;

	if (!own->container)
		return 0;
	if (target->kind != KIND_CELL)
		return error_set(err, -EINVAL, "-c narrows a cell; \"%s\" is a container already",
				 target->name);
	target->kind = KIND_CONTAINER;
	target->scope[KIND_CELL] = target->name;
	target->name = own->container;
	return 0;
}

static int read_target(const struct args *args, struct target *target, struct error *err)
{
	const struct log_options *own = args->own;
	const char *words[2];
	struct args full = with_kind(args, words);

	if (!full.n_words)
		return error_set(err, -EINVAL, "which cell? kuke %s %s", args->verb->name,
				 args->verb->usage);
	if (own->previous && own->follow)
		return error_set(err, -EINVAL,
				 "-p shows a run that has ended: there is nothing to follow");
	if (target_read(&full, target, err) < 0)
		return -EINVAL;
	return narrow(args, target, err);
}

/* ---- showing ---- */

static bool on_lines(const Api__LogLines *lines, void *ctx)
{
	struct log_print *print = ctx;

	for (size_t i = 0; i < lines->n_lines; i++)
		log_print_line(print, lines->lines[i]);
	fflush(print->out);
	return !ferror(print->out);
}

/* Lines that came already are not asked for again. */
static void ask_for_rest(Api__LogsRequest *request, const struct log_print *print)
{
	if (!print->last_ns)
		return;
	request->has_tail = false;
	request->has_since_ns = true;
	request->since_ns = print->last_ns + 1;
}

/* A daemon that is being restarted comes back; what was printed meanwhile is not lost. */
static int show(struct client *client, Api__LogsRequest *request, struct log_print *print,
		struct error *err)
{
	const struct timespec pause = { .tv_sec = LOG_AGAIN_MS / 1000 };
	uint64_t before_ns = 0;
	int rc;

	for (unsigned tries = 0;; tries++) {
		rc = client_logs(client, request, on_lines, print, err);
		if (rc != -ECONNREFUSED || !request->follow || tries == LOG_TRIES_MAX)
			break;
		if (print->last_ns != before_ns)
			tries = 0;
		before_ns = print->last_ns;
		nanosleep(&pause, NULL);
		ask_for_rest(request, print);
	}
	log_print_end(print);
	return rc;
}

/* The containers of a cell, for the front of its lines. */
static void add_names(const struct object *object, struct strv *names)
{
	const Api__CellSpec *spec = object->kind == KIND_CELL ? object->api->cell->spec : NULL;

	for (size_t i = 0; spec && i < spec->n_containers; i++)
		if (spec->containers[i]->id)
			strv_add(names, spec->containers[i]->id);
}

static void add_joined(const struct object *object, struct strv *names)
{
	const Api__CellStatus *status =
		object->kind == KIND_CELL ? object->api->cell->status : NULL;

	for (size_t i = 0; status && i < status->n_containers; i++)
		if (status->containers[i]->id && !strv_has(names, status->containers[i]->id))
			strv_add(names, status->containers[i]->id);
}

static void fill_request(const struct log_options *own, Api__LogsRequest *request)
{
	request->has_follow = request->follow = own->follow;
	request->has_tail = own->has_tail;
	request->tail = own->tail;
	request->has_since_ns = own->since_ns != 0;
	request->since_ns = own->since_ns;
	request->has_until_ns = own->until_ns != 0;
	request->until_ns = own->until_ns;
	request->has_runs = own->previous;
	request->runs = API__LOG_RUNS__LOG_RUNS_PREVIOUS;
}

static enum cli_exit show_object(const struct args *args, struct client *client,
				 const struct object *object, Api__Selector *selector,
				 const struct io *io, struct error *err)
{
	const struct log_options *own = args->own;
	AUTO(strv_fini) struct strv names = { 0 };
	Api__LogsRequest request = API__LOGS_REQUEST__INIT;
	struct log_print print = { .out = io->out, .color = io->color };

	add_names(object, &names);
	add_joined(object, &names);
	print.safe = isatty(fileno(io->out)) == 1;
	print.timestamps = own->timestamps;
	if (names.n > 1 || (names.n && print.safe)) {
		print.containers = (const char *const *)names.items;
		print.n_containers = names.n;
	}
	fill_request(own, &request);
	request.selector = selector;
	return client_exit(show(client, &request, &print, err));
}

static enum cli_exit show_target(const struct args *args, const struct target *target,
				 const struct io *io, struct error *err)
{
	struct client *client = client_new(args->socket);
	AUTO_REPLY Api__GetResponse *reply = NULL;
	Api__Selector selector = target_selector(target);
	struct object object;
	int rc = client_get(client, &selector, &reply, err);

	if (rc < 0)
		return client_exit(rc);
	if (!reply->n_objects || !object_read(reply->objects[0], &object))
		return target_not_found(target, err);
	return show_object(args, client, &object, &selector, io, err);
}

static enum cli_exit log_run(const struct args *args, const struct io *io, struct error *err)
{
	struct target target;

	if (read_target(args, &target, err) < 0)
		return CLI_USAGE;
	return show_target(args, &target, io, err);
}

/* ---- options ---- */

static error_t set_tail(const struct args *args, const char *value)
{
	struct log_options *own = args->own;
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	own->has_tail = !str_equal(value, "all");
	own->tail = (uint32_t)number;
	if (!own->has_tail ||
	    (*value >= '0' && *value <= '9' && !*end && !errno && number <= UINT32_MAX))
		return 0;
	error_set(args->err, -EINVAL, "--tail \"%s\": expected a number of lines, or all", value);
	return EINVAL;
}

/* "10m" ago, or at "2026-03-01T12:00:00Z". */
static error_t set_time(const struct args *args, const char *option, const char *value,
			uint64_t *ret_ns)
{
	int64_t wall_ms = str_ends_with(value, "Z") ? wall_parse(value) : 0;
	uint64_t ago_ms;

	if (args_parse_duration(value, &ago_ms))
		wall_ms = wall_now_ms() - (int64_t)ago_ms;
	if (wall_ms > 0) {
		*ret_ns = (uint64_t)wall_ms * NS_PER_MS;
		return 0;
	}
	error_set(args->err, -EINVAL,
		  "--%s \"%s\": expected how long ago, such as 30s, 5m or 1h, or a time such as "
		  "2026-03-01T12:00:00Z",
		  option, value);
	return EINVAL;
}

static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	const struct args *args = state->input;
	struct log_options *own = args->own;

	switch (key) {
	case 'c':
		own->container = arg;
		return 0;
	case 'f':
		own->follow = true;
		return 0;
	case 'p':
		own->previous = true;
		return 0;
	case KEY_TIMESTAMPS:
		own->timestamps = true;
		return 0;
	case KEY_TAIL:
		return set_tail(args, arg);
	case KEY_SINCE:
		return set_time(args, "since", arg, &own->since_ns);
	case KEY_UNTIL:
		return set_time(args, "until", arg, &own->until_ns);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option own_options[] = {
	{ .name = "container",
	  .key = 'c',
	  .arg = "NAME",
	  .doc = "Only of this container of the cell" },
	{ .name = "follow", .key = 'f', .doc = "Go on and show what is printed from now on" },
	{ .name = "tail",
	  .key = KEY_TAIL,
	  .arg = "N",
	  .doc = "Only the last N lines of each container" },
	{ .name = "since",
	  .key = KEY_SINCE,
	  .arg = "TIME",
	  .doc = "Only lines since then: 10m ago, or 2026-03-01T12:00:00Z" },
	{ .name = "until", .key = KEY_UNTIL, .arg = "TIME", .doc = "Only lines before then" },
	{ .name = "timestamps",
	  .key = KEY_TIMESTAMPS,
	  .doc = "Put its time in front of each line" },
	{ .name = "previous", .key = 'p', .doc = "Of the run before the last" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child log_options[] = {
	{ .argp = &own_argp },
	{ .argp = &args_scope },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_log = {
	.name = "log",
	.alias = "logs",
	.summary = "Show what the containers of a cell print",
	.usage = "CELL|container NAME",
	.examples =
		"  kuke log web\n"
		"  kuke log web -c app --tail 100 -f\n"
		"  kuke log container app --cell web -p\n"
		"  kuke log web --since 10m --timestamps\n"
		"\n"
		"Lines of several containers come in the order of their times, each with the name "
		"of its container in front. It is the last run of each that is shown, also when it "
		"has ended; -p shows the one before, and -f goes on through restarts. On a terminal "
		"control characters are shown as ^X; a pipe gets every byte as it was printed. "
		"'kuke logs' is the same.\n",
	.max_words = 2,
	.kinds = 1U << KIND_CELL | 1U << KIND_CONTAINER,
	.cell_alone = true,
	.own_bytes = sizeof(struct log_options),
	.options = log_options,
	.run = log_run,
};
