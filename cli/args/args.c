/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/args.h"

#include <errno.h>

#include "cli/args/args_problem.h"
#include "cli/args/kinds.h"

/* Errors and help are ours: argp would print them its own way and leave with its own exit code. */
enum { PARSE_FLAGS = ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT };

enum { KEY_VERSION = 0x100 };

void args_fini(struct args *args)
{
	strv_fini(&args->files);
	strv_fini(&args->pieces);
	free(args->words);
	args->words = NULL;
	free(args->own);
	args->own = NULL;
}

static void share_input(struct argp_state *state)
{
	for (size_t i = 0; state->root_argp->children[i].argp; i++)
		state->child_inputs[i] = state->input;
}

/* "cell/web", or "cell/main/lab/front/web" as -o name prints it. */
static bool is_kind_and_name(const struct args *args, const char *word)
{
	AUTO_FREE char *kind = xstrndup(word, strcspn(word, "/"));
	enum kind ignored;

	return args->verb->kinds && args->n_words == 0 && strchr(word, '/') &&
	       kinds_parse(kind, &ignored);
}

static error_t add_word(struct args *args, const char *word);

static error_t add_kind_and_name(struct args *args, const char *word)
{
	AUTO_FREE char *kind = xstrndup(word, strcspn(word, "/"));
	size_t n = args->pieces.n;
	error_t error;

	args->kinds_in_words = true;
	strv_add(&args->pieces, kind);
	strv_add(&args->pieces, strchr(word, '/') + 1);
	error = add_word(args, args->pieces.items[n]);
	return error ? error : add_word(args, args->pieces.items[n + 1]);
}

static error_t add_word(struct args *args, const char *word)
{
	if (is_kind_and_name(args, word))
		return add_kind_and_name(args, word);
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

int args_parse(const struct verb *verb, int argc, char **argv, struct args *args, struct error *err)
{
	struct argp argp = { .parser = parse_words, .children = verb->options };

	args->verb = verb;
	args->err = err;
	args->words = xcalloc((size_t)argc + 2, sizeof(*args->words)); /* one may become two */
	if (verb->own_bytes)
		args->own = xcalloc(1, verb->own_bytes);
	if (argp_parse(&argp, argc, argv, PARSE_FLAGS, NULL, args) != 0)
		return -EINVAL;
	if (!args->timeout_ms)
		args->timeout_ms = ARGS_TIMEOUT_MS;
	return args->help ? 0 : args_find_socket(args);
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
const struct argp args_front = { .options = front_options,
				 .parser = parse_front,
				 .children = front_children };

int args_parse_front(int argc, char **argv, struct args *args, struct error *err)
{
	args->err = err;
	args->verb_at = argc;
	if (argp_parse(&args_front, argc, argv, PARSE_FLAGS | ARGP_IN_ORDER, NULL, args) != 0)
		return -EINVAL;
	return 0;
}

size_t args_collect(const struct argp_option *own, const struct argp_child *children,
		    const struct argp_option *ret_options[ARGS_OPTIONS_MAX])
{
	const struct argp_option *options = own;
	size_t n = 0;

	for (;;) {
		for (; options && (options->name || options->key); options++) {
			check(n < ARGS_OPTIONS_MAX);
			if (!(options->flags & OPTION_HIDDEN))
				ret_options[n++] = options;
		}
		if (!children || !children->argp)
			return n;
		options = children->argp->options;
		children++;
	}
}
