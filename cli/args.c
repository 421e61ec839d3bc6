/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include <errno.h>
#include <sys/un.h>

#include "cli/args_problem.h"
#include "core/base/buf.h"
#include "core/base/str.h"

/* Errors and help are ours: argp would print them its own way and leave with its own exit code. */
enum { PARSE_FLAGS = ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT };

#define DEFAULT_SOCKET "/run/kukeon/kukeond.sock"

/* Groups only fix the order of options in the help: verbs put their own first, in group 0. */

/* Options without a letter; above every character. */
enum { KEY_REALM = 0x100, KEY_SPACE, KEY_STACK, KEY_CELL, KEY_SOCKET, KEY_HOST, KEY_VERSION };

static const char *const output_names[OUTPUT_COUNT] = {
	[OUTPUT_TABLE] = "table",
	[OUTPUT_WIDE] = "wide",
	[OUTPUT_YAML] = "yaml",
	[OUTPUT_JSON] = "json",
};

static int set_scope(struct args *args, enum kind kind, const char *option, const char *value)
{
	args->scope[kind] = value;
	if (name_is_valid(value))
		return 0;
	error_set(args->err, -EINVAL,
		  "%s \"%s\": a name has letters, digits and inner dashes, at most %d", option,
		  value, NAME_MAX_BYTES);
	return EINVAL;
}

static error_t parse_scope(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case KEY_REALM:
		return set_scope(args, KIND_REALM, "--realm", arg);
	case KEY_SPACE:
		return set_scope(args, KIND_SPACE, "--space", arg);
	case KEY_STACK:
		return set_scope(args, KIND_STACK, "--stack", arg);
	case KEY_CELL:
		return set_scope(args, KIND_CELL, "--cell", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option scope_options[] = {
	{ .group = 1, .name = "realm", .key = KEY_REALM, .arg = "NAME", .doc = "Realm to look in" },
	{ .group = 2, .name = "space", .key = KEY_SPACE, .arg = "NAME", .doc = "Space to look in" },
	{ .group = 3, .name = "stack", .key = KEY_STACK, .arg = "NAME", .doc = "Stack to look in" },
	{ .group = 4,
	  .name = "cell",
	  .key = KEY_CELL,
	  .arg = "NAME",
	  .doc = "Cell to look in. A list is narrowed by what is given; for a named object each is "
		 "default when not given" },
	{ 0 },
};

const struct argp args_scope = { .options = scope_options, .parser = parse_scope };

/* "table, yaml, json"; nothing for a verb without -o. */
static void add_outputs(const struct verb *verb, struct buf *out)
{
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		if (verb->outputs & (1U << i))
			buf_printf(out, "%s%s", out->len ? ", " : "", output_names[i]);
	}
}

static error_t parse_output(const struct args *args, const char *arg, enum args_output *ret_output)
{
	AUTO_BUF struct buf known = { 0 };

	for (int i = 0; i < OUTPUT_COUNT; i++) {
		if (!(args->verb->outputs & (1U << i)) || strcmp(arg, output_names[i]) != 0)
			continue;
		*ret_output = (enum args_output)i;
		return 0;
	}
	add_outputs(args->verb, &known);
	error_set(args->err, -EINVAL, "-o \"%s\": %s knows %s", arg, args->verb->name, known.data);
	return EINVAL;
}

static error_t parse_format(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	return key == 'o' ? parse_output(args, arg, &args->output) : ARGP_ERR_UNKNOWN;
}

static const struct argp_option format_options[] = {
	{ .group = 5, .name = "output", .key = 'o', .arg = "FORMAT", .doc = "How to print" },
	{ 0 },
};

const struct argp args_format = { .options = format_options, .parser = parse_format };

static error_t set_socket(struct args *args, const char *option, const char *path)
{
	struct sockaddr_un address;

	args->socket = path;
	if (*path && strlen(path) < sizeof(address.sun_path))
		return 0;
	error_set(args->err, -EINVAL, "%s \"%s\": expected the path of a socket, 1 to %zu bytes",
		  option, path, sizeof(address.sun_path) - 1);
	return EINVAL;
}

static error_t set_host(struct args *args, const char *host)
{
	static const char scheme[] = "unix://";

	if (str_starts_with(host, scheme) && host[strlen(scheme)] == '/')
		return set_socket(args, "--host", host + strlen(scheme));
	error_set(args->err, -EINVAL, "--host \"%s\": expected unix:///path/of/socket", host);
	return EINVAL;
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case KEY_SOCKET:
		return set_socket(args, "--socket", arg);
	case KEY_HOST:
		return set_host(args, arg);
	case 'h':
		args->help = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option common_options[] = {
	{ .group = 6,
	  .name = "socket",
	  .key = KEY_SOCKET,
	  .arg = "PATH",
	  .doc = "Socket of kukeond (else the variable KUKEON_SOCKET, else " DEFAULT_SOCKET ")" },
	{ .group = 7,
	  .name = "host",
	  .key = KEY_HOST,
	  .arg = "URL",
	  .doc = "The same as unix:///PATH" },
	{ .group = 8, .name = "help", .key = 'h', .doc = "Show this help" },
	{ 0 },
};

const struct argp args_common = { .options = common_options, .parser = parse_common };

static void share_input(struct argp_state *state)
{
	for (size_t i = 0; state->root_argp->children[i].argp; i++)
		state->child_inputs[i] = state->input;
}

static error_t add_word(struct args *args, const char *word)
{
	check(args->verb->max_words <= ARGS_WORDS_MAX);
	if (args->n_words < args->verb->max_words) {
		args->words[args->n_words++] = word;
		return 0;
	}
	if (args->verb->max_words)
		error_set(args->err, -EINVAL, "\"%s\" is one word too many: kuke %s %s", word,
			  args->verb->name, args->verb->usage);
	else
		error_set(args->err, -EINVAL, "\"%s\": %s takes no words", word, args->verb->name);
	return EINVAL;
}

static error_t parse_words(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		share_input(state);
		return 0;
	case ARGP_KEY_ARG:
		return add_word(args, arg);
	case ARGP_KEY_ERROR:
		if (!args->err->msg[0])
			args_problem_explain(state, args->err);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Without --socket and --host. */
static int find_socket(struct args *args)
{
	const char *value = getenv("KUKEON_SOCKET");

	if (args->socket)
		return 0;
	if (str_empty(value)) {
		args->socket = DEFAULT_SOCKET;
		return 0;
	}
	return set_socket(args, "KUKEON_SOCKET", value) ? -EINVAL : 0;
}

int args_parse(const struct verb *verb, int argc, char **argv, struct args *args, struct error *err)
{
	struct argp argp = { .parser = parse_words, .children = verb->options };

	args->verb = verb;
	args->err = err;
	if (argp_parse(&argp, argc, argv, PARSE_FLAGS, NULL, args) != 0)
		return -EINVAL;
	return args->help ? 0 : find_socket(args);
}

/* Stops at the verb. */
static error_t parse_front(int key, char *arg UNUSED, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		args->verb_at = state->next - 1;
		state->next = state->argc;
		return 0;
	case KEY_VERSION:
		args->version = true;
		return 0;
	default:
		return parse_words(key, arg, state);
	}
}

static const struct argp_option front_options[] = {
	{ .group = 9, .name = "version", .key = KEY_VERSION, .doc = "Show the version of kuke" },
	{ 0 },
};
static const struct argp_child front_children[] = { { .argp = &args_common }, { 0 } };
static const struct argp front = { .options = front_options,
				   .parser = parse_front,
				   .children = front_children };

int args_parse_front(int argc, char **argv, struct args *args, struct error *err)
{
	args->err = err;
	args->verb_at = argc;
	if (argp_parse(&front, argc, argv, PARSE_FLAGS | ARGP_IN_ORDER, NULL, args) != 0)
		return -EINVAL;
	return 0;
}

void args_print_help(const struct verb *verb, FILE *out)
{
	AUTO_FREE char *name = xasprintf("kuke %s", verb->name);
	AUTO_BUF struct buf doc = { 0 }, outputs = { 0 };
	struct argp argp = { .children = verb->options };

	add_outputs(verb, &outputs);
	buf_printf(&doc, "%s.\n\vExamples:\n%s", verb->summary, verb->examples);
	if (outputs.len)
		buf_printf(&doc, "\nFormats of -o: %s.\n", outputs.data);
	argp.doc = doc.data;
	argp.args_doc = *verb->usage ? verb->usage : NULL;
	/* Without argp's note on short options, which everybody knows. */
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	argp_help(&argp, out, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
}

void args_print_common(FILE *out)
{
	char name[] = "kuke";

	argp_help(&front, out, ARGP_HELP_LONG, name);
}
