/* SPDX-License-Identifier: Apache-2.0 */
/* kuke help: the overview, or the page of one verb. */
#include "cli/help/help.h"
#include "cli/verbs.h"

enum { KEY_MARKDOWN = 0x100 };

struct help_options {
	bool markdown;
};

static enum cli_exit help_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct help_options *own = args->own;
	const struct verb *verb;

	if (own->markdown) {
		help_print_markdown(io->out);
		return CLI_DONE;
	}
	if (args->n_words == 0) {
		help_print_overview(io->out);
		return CLI_DONE;
	}
	verb = verb_find(args->words[0]);
	if (!verb)
		return verb_unknown(args->words[0], err);
	help_print_verb(verb, io->out);
	return CLI_DONE;
}

static error_t parse_own(int key, char *arg UNUSED, struct argp_state *state)
{
	const struct args *args = state->input;
	struct help_options *own = args->own;

	if (key != KEY_MARKDOWN)
		return ARGP_ERR_UNKNOWN;
	own->markdown = true;
	return 0;
}

/* docs/cli.md is made with it. */
static const struct argp_option own_options[] = {
	{ .name = "markdown", .key = KEY_MARKDOWN, .flags = OPTION_HIDDEN },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child help_options[] = {
	{ .argp = &own_argp },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_help = {
	.name = "help",
	.summary = "Show the verbs, or one of them with options and examples",
	.usage = "[VERB]",
	.examples = "  kuke help\n"
		    "  kuke help get\n",
	.max_words = 1,
	.own_bytes = sizeof(struct help_options),
	.options = help_options,
	.run = help_run,
};
