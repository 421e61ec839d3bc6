/* SPDX-License-Identifier: Apache-2.0 */
/* kuke help: the overview, or the page of one verb. */
#include "cli/args.h"
#include "cli/verbs.h"

static void print_overview(FILE *out)
{
	fprintf(out, "Usage: kuke VERB [WORDS] [OPTION...]\n"
		     "The client of kukeond, which keeps the cells that you declare "
		     "running.\n\nVerbs:\n");
	for (size_t i = 0; i < n_verbs; i++)
		fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	fprintf(out, "\nOptions of every verb:\n");
	args_print_common(out);
	fprintf(out, "\n'kuke VERB --help' has the options and examples of a verb.\n"
		     "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 kukeond cannot be reached.\n");
}

static enum cli_exit help_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct verb *verb;

	if (args->n_words == 0) {
		print_overview(io->out);
		return CLI_DONE;
	}
	verb = verb_find(args->words[0]);
	if (!verb)
		return verb_unknown(args->words[0], err);
	args_print_help(verb, io->out);
	return CLI_DONE;
}

static const struct argp_child help_options[] = { { .argp = &args_common }, { 0 } };

const struct verb verb_help = {
	.name = "help",
	.summary = "Show the verbs, or one of them with options and examples",
	.usage = "[VERB]",
	.examples = "  kuke help\n"
		    "  kuke help get\n",
	.max_words = 1,
	.options = help_options,
	.run = help_run,
};
