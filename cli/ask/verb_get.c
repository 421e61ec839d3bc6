/* SPDX-License-Identifier: Apache-2.0 */
/* kuke get: lists of objects, or one by name, once or as they change. */
#include <errno.h>

#include "cli/args/args_target.h"
#include "cli/args/kinds.h"
#include "cli/client/client.h"
#include "cli/show/print.h"
#include "cli/show/watch.h"
#include "cli/verbs.h"

enum { KEY_HEADLESS = 0x100, KEY_SHOW_LABELS, KEY_AFTER };

struct get_options {
	const char *labels;
	uint64_t after; /* a version; 0: none */
	bool watch, headless, show_labels;
};

static struct print_options options_of(const struct args *args, const struct io *io)
{
	const struct get_options *own = args->own;

	return (struct print_options){
		.output = args->output,
		.headless = own->headless,
		.labels = own->show_labels,
		.color = io->color,
		.now = io->now,
	};
}

static enum cli_exit get_print(const struct target *target, const Api__GetResponse *reply,
			       const struct args *args, const struct io *io)
{
	struct print_options options = options_of(args, io);

	options.single = target->name != NULL;
	print_objects(target->kind, reply->objects, target->name ? 1 : reply->n_objects, &options,
		      io->out);
	if (reply->n_objects == 0 && (args->output == OUTPUT_TABLE || args->output == OUTPUT_WIDE))
		fprintf(io->err, "No %s found.\n", kinds_plural(target->kind));
	return CLI_DONE;
}

/* The daemon refuses a selector that makes no sense: wrong usage. */
static enum cli_exit get_exit(int rc, const struct get_options *own)
{
	return rc == -EINVAL && own->labels ? CLI_USAGE : client_exit(rc);
}

static enum cli_exit get_once(struct client *client, const struct target *target,
			      const struct args *args, const struct io *io, struct error *err)
{
	const struct get_options *own = args->own;
	AUTO_REPLY Api__GetResponse *reply = NULL;
	Api__Selector selector = target_selector(target);
	int rc;

	selector.labels = (char *)own->labels;
	rc = client_get(client, &selector, &reply, err);
	if (target->name && (rc == -ENOENT || (rc == 0 && reply->n_objects == 0)))
		return target_not_found(target, err);
	if (rc < 0)
		return get_exit(rc, own);
	return get_print(target, reply, args, io);
}

static enum cli_exit get_watched(struct client *client, const struct target *target,
				 const struct args *args, const struct io *io, struct error *err)
{
	const struct get_options *own = args->own;
	const struct print_options format = options_of(args, io);
	const struct watch_options options = {
		.target = target,
		.labels = own->labels,
		.after = own->after,
		.format = &format,
	};

	return get_exit(watch_objects(client, &options, io, err), own);
}

static enum cli_exit get_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct get_options *own = args->own;
	struct client *client;
	struct target target;

	if (target_read(args, &target, err) < 0)
		return CLI_USAGE;
	if (own->after && !own->watch) {
		error_set(err, -EINVAL, "--resource-version is where --watch goes on: give both");
		return CLI_USAGE;
	}
	client = client_new(args->socket);
	return own->watch ? get_watched(client, &target, args, io, err)
			  : get_once(client, &target, args, io, err);
}

/* Both hold. */
static const char *join(struct args *args, const char *before, const char *labels)
{
	AUTO_FREE char *both = xasprintf("%s,%s", before, labels);

	strv_add(&args->pieces, both);
	return args->pieces.items[args->pieces.n - 1];
}

static error_t set_after(const struct args *args, const char *value)
{
	struct get_options *own = args->own;
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (*value >= '1' && *value <= '9' && !*end && !errno) {
		own->after = number;
		return 0;
	}
	error_set(args->err, -EINVAL, "--resource-version \"%s\": expected a number above 0",
		  value);
	return EINVAL;
}

static error_t parse_own(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;
	struct get_options *own = args->own;

	switch (key) {
	case 'l':
		own->labels = own->labels ? join(args, own->labels, arg) : arg;
		return 0;
	case 'w':
		own->watch = true;
		return 0;
	case KEY_AFTER:
		return set_after(args, arg);
	case KEY_HEADLESS:
		own->headless = true;
		return 0;
	case KEY_SHOW_LABELS:
		own->show_labels = true;
		return 0;
	case 'A':
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option own_options[] = {
	{ .name = "selector",
	  .key = 'l',
	  .arg = "LABELS",
	  .doc = "Only objects with these labels: key=value, key!=value, key, !key, key in (a,b), "
		 "key notin (a,b); several must all hold, joined by commas or each with -l" },
	{ .name = "watch", .key = 'w', .doc = "Go on and show each change as it happens" },
	{ .name = "resource-version",
	  .key = KEY_AFTER,
	  .arg = "N",
	  .doc = "With --watch: only what has changed since a list in which N was the highest "
		 "metadata.resourceVersion (-o json); everything, if the daemon does not know that "
		 "any more" },
	{ .name = "all",
	  .key = 'A',
	  .doc = "From everywhere, as is usual without --realm and so on" },
	{ .name = "no-headers", .key = KEY_HEADLESS, .doc = "Of a table only the rows" },
	{ .name = "show-labels", .key = KEY_SHOW_LABELS, .doc = "A table with labels" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child get_options[] = {
	{ .argp = &own_argp },
	{ .argp = &args_scope },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_get = {
	.name = "get",
	.summary = "List realms, spaces, stacks, cells or containers, or show one by name",
	.usage = "KIND [NAME]",
	.examples =
		"  kuke get cells\n"
		"  kuke get cells --realm main --space default -o wide\n"
		"  kuke get cell web -o yaml\n"
		"  kuke get cells -l tier=front,env!=test\n"
		"  kuke get cells -w\n"
		"  kuke get co --cell web -o json | jq '.[].status.pid'\n"
		"\n"
		"Kinds: realms (r), spaces (sp), stacks (st), cells (ce), containers (co).\n"
		"STATE is the reason where an object is neither Ready nor Stopped (with -o wide "
		"both); READY of a cell is how many of its containers run, and of how many.\n"
		"What -o yaml and -o json print can be applied again.\n",
	.max_words = 2,
	.kinds = KINDS_ALL,
	.lists = true,
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_WIDE | 1U << OUTPUT_YAML | 1U << OUTPUT_JSON |
		   1U << OUTPUT_NAME,
	.own_bytes = sizeof(struct get_options),
	.options = get_options,
	.run = get_run,
};
