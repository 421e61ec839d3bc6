/* SPDX-License-Identifier: Apache-2.0 */
/* kuke __complete: what the scripts of kuke completion ask. */
#include "cli/help/complete.h"
#include "cli/verbs.h"

static enum cli_exit complete_run(const struct args *args, const struct io *io,
				  struct error *err UNUSED)
{
	AUTO_BUF struct buf text = { 0 };

	complete_words(args->words, args->n_words, &text);
	fputs(text.len ? text.data : "", io->out);
	return CLI_DONE;
}

static const struct argp_child complete_options[] = { { .argp = &args_common }, { 0 } };

const struct verb verb_complete = {
	.name = "__complete",
	.summary = "List what may come next; for the scripts of kuke completion",
	.usage = "-- WORD...",
	.examples = "  kuke __complete -- get ce\n",
	.max_words = ARGS_WORDS_MAX,
	.hidden = true,
	.options = complete_options,
	.run = complete_run,
};
