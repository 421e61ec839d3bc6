/* SPDX-License-Identifier: Apache-2.0 */
/* kuke status: is what I declared what is running, and if not, why. */
#include "cli/args.h"
#include "cli/client.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "core/manifest/manifest.h"

static void print_raw(const Api__StatusReply *status, enum args_output output, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	if (output == OUTPUT_JSON)
		manifest_emit_json(&status->base, &text);
	else
		manifest_emit_yaml(&status->base, &text);
	fputs(text.len ? text.data : "", out);
	if (output == OUTPUT_JSON)
		fputc('\n', out);
}

static enum cli_exit status_run(const struct args *args, const struct io *io, struct error *err)
{
	struct client *client = client_new(args->socket);
	AUTO_REPLY Api__StatusReply *status = NULL;
	int rc = client_status(client, &status, err);

	if (rc < 0)
		return client_exit(rc);
	if (args->output == OUTPUT_TABLE)
		report_print(status, io);
	else
		print_raw(status, args->output, io->out);
	return status->healthy ? CLI_DONE : CLI_FAILED;
}

static const struct argp_child status_options[] = {
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_status = {
	.name = "status",
	.summary = "Tell whether everything declared is running, and if not, why",
	.usage = "",
	.examples = "  kuke status\n"
		    "  kuke status && echo all is well\n"
		    "  kuke status -o json | jq '.problems[]'\n",
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.options = status_options,
	.run = status_run,
};
