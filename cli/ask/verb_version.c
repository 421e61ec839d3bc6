/* SPDX-License-Identifier: Apache-2.0 */
/* kuke version: of the client and the daemon. */
#include "cli/args/args.h"
#include "cli/client/client.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "core/base/version.h"
#include "core/manifest/manifest.h"

/* @daemon is NULL when it cannot be asked. */
static void print_json(const Api__VersionResponse *daemon, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	if (daemon)
		manifest_emit_json(&daemon->base, &text);
	fprintf(out, "{\n  \"client\": { \"version\": \"%s\" },\n  \"daemon\": %s\n}\n",
		kukeon_version, daemon ? text.data : "null");
}

static void print_text(const Api__VersionResponse *daemon, FILE *out)
{
	fprintf(out, "kuke:    %s\n", kukeon_version);
	if (!daemon)
		return;
	fprintf(out, "kukeond: ");
	text_print(daemon->version ? daemon->version : "unknown", out);
	fputc('\n', out);
}

static enum cli_exit version_run(const struct args *args, const struct io *io, struct error *err)
{
	struct client *client = client_new(args->socket);
	AUTO_REPLY Api__VersionResponse *daemon = NULL;
	int rc = client_version(client, &daemon, err);

	if (args->output == OUTPUT_JSON)
		print_json(daemon, io->out);
	else
		print_text(daemon, io->out);
	return rc < 0 ? client_exit(rc) : CLI_DONE;
}

static const struct argp_child version_options[] = {
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_version = {
	.name = "version",
	.summary = "Show the versions of kuke and kukeond",
	.usage = "",
	.examples = "  kuke version\n"
		    "  kuke version -o json | jq -r .daemon.version\n",
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_JSON,
	.options = version_options,
	.run = version_run,
};
