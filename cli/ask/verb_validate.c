/* SPDX-License-Identifier: Apache-2.0 */
/* kuke validate: what apply would refuse of files, whether a daemon is there or not. */
#include <errno.h>

#include "cli/args/files.h"
#include "cli/ask/validation.h"
#include "cli/verbs.h"

static enum cli_exit validate_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct results_options options = { .output = args->output };
	AUTO(results_fini) struct results results = { 0 };
	AUTO(files_fini) struct files files = { 0 };

	if (args->files.n == 0) {
		error_set(err, -EINVAL, "validate needs -f with a file, a directory or -");
		return CLI_USAGE;
	}
	files_load(&args->files, &files);
	for (size_t i = 0; i < files.errors.n; i++) {
		cli_complain(io, files.errors.items[i]);
		results_add_failure(&results, files.errors.items[i]);
	}
	validation_add(&files, &results);
	return results_print(&results, &options, io->out);
}

static const struct argp_child validate_options[] = {
	{ .argp = &args_files },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_validate = {
	.name = "validate",
	.summary = "Say what is wrong with manifests; asks no daemon",
	.usage = "-f FILE",
	.examples = "  kuke validate -f cell.yaml\n"
		    "  kuke validate -f blog/\n"
		    "\n"
		    "Every document by itself and beside the others of the files: ranges that "
		    "overlap, ports published twice, names that differ in case only. What depends "
		    "on what is there already 'kuke apply --dry-run' says.\n",
	.outputs = 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.options = validate_options,
	.run = validate_run,
};
