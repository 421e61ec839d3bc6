/* SPDX-License-Identifier: Apache-2.0 */
/* kuke status: is what I declared what is running, and if not, why; or the same of one object. */
#include <errno.h>

#include "cli/args/args.h"
#include "cli/args/args_target.h"
#include "cli/args/kinds.h"
#include "cli/ask/last_lines.h"
#include "cli/client/client.h"
#include "cli/show/describe.h"
#include "cli/show/report.h"
#include "cli/verbs.h"
#include "core/manifest/manifest.h"

struct status_options {
	bool files;
};

static void print_raw(const ProtobufCMessage *message, enum args_output output, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	if (output == OUTPUT_JSON)
		manifest_emit_json_whole(message, &text);
	else
		manifest_emit_yaml(message, &text);
	fputs(text.len ? text.data : "", out);
	if (output == OUTPUT_JSON)
		fputc('\n', out);
}

/* ---- one object ---- */

static enum cli_exit status_of_object(const struct args *args, const struct io *io,
				      struct error *err)
{
	AUTO_REPLY Api__GetResponse *reply = NULL;
	struct object object;
	struct target target;
	struct client *client = client_new(args->socket);
	Api__Selector selector;
	int rc;

	if (target_read(args, &target, err) < 0)
		return CLI_USAGE;
	if (!target.name) {
		error_set(err, -EINVAL, "which %s? kuke status %s", kinds_singular(target.kind),
			  args->verb->usage);
		return CLI_USAGE;
	}
	selector = target_selector(&target);
	rc = client_get(client, &selector, &reply, err);
	if (rc < 0)
		return client_exit(rc);
	if (!reply->n_objects || !object_read(reply->objects[0], &object))
		return target_not_found(&target, err);
	if (args->output == OUTPUT_TABLE) {
		describe_print(&object, io);
		last_lines_print(client, &object, io->out);
	} else {
		print_raw(object.message, args->output, io->out);
	}
	return describe_is_well(&object) ? CLI_DONE : CLI_FAILED;
}

/* ---- everything ---- */

static bool narrows(const struct args *args)
{
	for (size_t i = 0; i < ARRAY_SIZE(args->scope); i++)
		if (args->scope[i])
			return true;
	return args->n_words > 0;
}

static enum cli_exit status_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct status_options *own = args->own;
	AUTO_REPLY Api__StatusResponse *status = NULL;
	int rc;

	if (narrows(args))
		return status_of_object(args, io, err);
	rc = client_status(client_new(args->socket), &status, err);
	if (rc < 0)
		return client_exit(rc);
	if (args->output == OUTPUT_TABLE)
		report_print(status, own->files, io);
	else
		print_raw(&status->base, args->output, io->out);
	return status->healthy ? CLI_DONE : CLI_FAILED;
}

static error_t parse_own(int key, char *arg UNUSED, struct argp_state *state)
{
	const struct args *args = state->input;
	struct status_options *own = args->own;

	if (key != 'v')
		return ARGP_ERR_UNKNOWN;
	own->files = true;
	return 0;
}

static const struct argp_option own_options[] = {
	{ .name = "verbose", .key = 'v', .doc = "Name the manifest files and what each declares" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child status_options[] = {
	{ .argp = &own_argp },
	{ .argp = &args_scope },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_status = {
	.name = "status",
	.summary = "Tell whether everything declared is running, and if not, why",
	.usage = "[KIND NAME]",
	.examples = "  kuke status\n"
		    "  kuke status && echo all is well\n"
		    "  kuke status cell web\n"
		    "  kuke status -v\n"
		    "  kuke status -o json | jq '.problems[]'\n",
	.max_words = 2,
	.kinds = KINDS_ALL,
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.own_bytes = sizeof(struct status_options),
	.options = status_options,
	.run = status_run,
};
