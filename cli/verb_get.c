/* SPDX-License-Identifier: Apache-2.0 */
/* kuke get: lists of objects, or one by name. */
#include <errno.h>

#include "cli/client.h"
#include "cli/kinds.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "core/base/buf.h"
#include "core/base/str.h"

#define DEFAULT_SCOPE "default"

struct get {
	enum kind kind;
	const char *name;                  /* NULL: a list */
	const char *scope[KIND_CONTAINER]; /* NULL: any */
};

/* Settles what is asked for; the scope of a named object is complete afterwards. */
static int get_init(struct get *get, const struct args *args, struct error *err)
{
	int rc = kinds_need(args, &get->kind, err);

	if (rc < 0)
		return rc;
	get->name = args->n_words > 1 ? args->words[1] : NULL;
	if (get->name && !name_is_valid(get->name))
		return error_set(err, -EINVAL,
				 "\"%s\" is no name: letters, digits and inner dashes, at most %d",
				 get->name, NAME_MAX_BYTES);
	for (int kind = 0; kind < KIND_CONTAINER; kind++) {
		get->scope[kind] = args->scope[kind];
		if (get->scope[kind] && kind >= (int)get->kind)
			return error_set(err, -EINVAL, "--%s does not narrow %s: %s",
					 kinds_singular((enum kind)kind), kinds_plural(get->kind),
					 get->name ? "leave it out" : "give the name as a word");
		if (get->name && kind < (int)get->kind && !get->scope[kind])
			get->scope[kind] = DEFAULT_SCOPE;
	}
	return 0;
}

/* The API takes char * although it only reads. */
static Api__Selector get_selector(const struct get *get)
{
	Api__Selector selector = API__SELECTOR__INIT;

	selector.has_kind = true;
	selector.kind = (Api__Kind)get->kind;
	selector.realm = (char *)get->scope[KIND_REALM];
	selector.space = (char *)get->scope[KIND_SPACE];
	selector.stack = (char *)get->scope[KIND_STACK];
	selector.cell = (char *)get->scope[KIND_CELL];
	selector.name = (char *)get->name;
	return selector;
}

/* Appends ' in realm "a", space "b"'; nothing without a scope. */
static void add_scope(const struct get *get, struct buf *out)
{
	const char *before = " in";

	for (int kind = 0; kind < KIND_CONTAINER; kind++) {
		if (!get->scope[kind])
			continue;
		buf_printf(out, "%s %s \"%s\"", before, kinds_singular((enum kind)kind),
			   get->scope[kind]);
		before = ",";
	}
}

static enum cli_exit not_found(const struct get *get, struct error *err)
{
	AUTO_BUF struct buf scope = { 0 };

	add_scope(get, &scope);
	error_set(err, -ENOENT, "%s \"%s\" not found%s; 'kuke get %s' lists all",
		  kinds_singular(get->kind), get->name, scope.len ? scope.data : "",
		  kinds_plural(get->kind));
	return CLI_FAILED;
}

static enum cli_exit get_print(const struct get *get, const Api__GetReply *reply,
			       const struct args *args, const struct io *io)
{
	const struct print_options options = {
		.output = args->output,
		.single = get->name != NULL,
		.color = io->color,
		.now = io->now,
	};

	print_objects(get->kind, reply->objects, get->name ? 1 : reply->n_objects, &options,
		      io->out);
	if (reply->n_objects > 0 || args->output == OUTPUT_YAML || args->output == OUTPUT_JSON)
		return CLI_DONE;
	fprintf(io->err, "No %s found.\n", kinds_plural(get->kind));
	return CLI_DONE;
}

static enum cli_exit get_run(const struct args *args, const struct io *io, struct error *err)
{
	struct client *client;
	AUTO_REPLY Api__GetReply *reply = NULL;
	Api__Selector selector;
	struct get get;
	int rc;

	if (get_init(&get, args, err) < 0)
		return CLI_USAGE;
	selector = get_selector(&get);
	client = client_new(args->socket);
	rc = client_get(client, &selector, &reply, err);
	if (get.name && (rc == -ENOENT || (rc == 0 && reply->n_objects == 0)))
		return not_found(&get, err);
	if (rc < 0)
		return client_exit(rc);
	return get_print(&get, reply, args, io);
}

static const struct argp_child get_options[] = {
	{ .argp = &args_scope },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_get = {
	.name = "get",
	.summary = "List realms, spaces, stacks, cells or containers, or show one by name",
	.usage = "KIND [NAME]",
	.examples = "  kuke get cells\n"
		    "  kuke get cells --realm main --space default -o wide\n"
		    "  kuke get cell web -o yaml\n"
		    "  kuke get co --cell web -o json | jq '.[].status.pid'\n"
		    "\n"
		    "Kinds: realms (r), spaces (sp), stacks (st), cells (ce), containers (co).\n",
	.max_words = 2,
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_WIDE | 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.options = get_options,
	.run = get_run,
};
