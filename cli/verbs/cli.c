/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>

#include "cli/args/args.h"
#include "cli/help/help.h"
#include "cli/verbs.h"
#include "core/base/version.h"

static enum cli_exit main_run(int argc, char **argv, struct args *args, const struct io *io,
			      struct error *err)
{
	int at;

	if (args_parse_front(argc, argv, args, err) < 0)
		return CLI_USAGE;
	if (args->version) {
		fprintf(io->out, "kuke %s\n", kukeon_version);
		return CLI_DONE;
	}
	if (args->help) {
		help_print_overview(io->out);
		return CLI_DONE;
	}
	at = args->verb_at;
	if (at == argc) {
		help_print_overview(io->out);
		return CLI_DONE;
	}
	args->verb = verb_find(argv[at]);
	if (!args->verb)
		return verb_unknown(argv[at], err);
	if (args_parse(args->verb, argc - at, argv + at, args, err) < 0)
		return CLI_USAGE;
	if (args->help) {
		help_print_verb(args->verb, io->out);
		return CLI_DONE;
	}
	return args->verb->run(args, io, err);
}

enum cli_exit cli_main(int argc, char **argv, const struct io *io)
{
	struct error err = { 0 };
	struct args args = { 0 };
	enum cli_exit code;

	verbs_register();
	code = main_run(argc, argv, &args, io, &err);

	if (err.msg[0])
		cli_complain(io, err.msg);
	if (code == CLI_USAGE && args.verb)
		fprintf(io->err, "Try 'kuke %s --help'.\n", args.verb->name);
	else if (code == CLI_USAGE)
		fprintf(io->err, "Try 'kuke help'.\n");
	if (args.verb && args.verb->runs_command && code != CLI_DONE && code < CLI_OF_COMMAND)
		code = CLI_NOT_RUN;
	args_fini(&args);
	return code;
}
