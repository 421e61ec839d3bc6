/* SPDX-License-Identifier: Apache-2.0 */
/* kuke prune: what lost its declaration and was not deleted, and to let it go. */
#include <errno.h>

#include "cli/args/args_target.h"
#include "cli/args/kinds.h"
#include "cli/client/client.h"
#include "cli/show/report.h"
#include "cli/show/results.h"
#include "cli/verbs.h"
#include "core/manifest/manifest.h"

enum { KEY_YES = 0x100 };

struct prune_options {
	bool yes;
};

/* What the words say: nothing, KIND NAME, or files. */
static int select_words(const struct args *args, Api__PruneRequest *request,
			Api__Selector *selector, struct error *err)
{
	static struct target target;
	enum kind kind;

	if (!args->n_words)
		return 0;
	if (!kinds_parse(args->words[0], &kind)) {
		request->files = (char **)args->words;
		request->n_files = args->n_words;
		return 0;
	}
	if (args->n_words > 2)
		return error_set(err, -EINVAL, "one object at a time: kuke prune --yes %s NAME",
				 kinds_singular(kind));
	if (target_read(args, &target, err) < 0)
		return -EINVAL;
	*selector = target_selector(&target);
	return 1;
}

static void print_list(const Api__PruneResponse *reply, const struct args *args, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	if (args->output == OUTPUT_JSON)
		manifest_emit_json(&reply->base, &text);
	else if (args->output == OUTPUT_YAML)
		manifest_emit_yaml(&reply->base, &text);
	else if (!reply->n_objects)
		buf_add_str(&text, "Nothing is held.");
	if (text.len)
		fprintf(out, "%s%s", text.data, args->output == OUTPUT_YAML ? "" : "\n");
	if (args->output == OUTPUT_TABLE)
		report_held_print(reply->objects, reply->n_objects, out);
}

/* The directory is read first, so that what was just removed is known to be gone. */
static int ask(struct client *client, const Api__PruneRequest *request,
	       Api__PruneResponse **ret_reply, struct error *err)
{
	Api__RefreshRequest refresh = API__REFRESH_REQUEST__INIT;
	Api__RefreshResponse *refreshed = NULL;
	struct error ignored;
	int rc = client_refresh(client, &refresh, &refreshed, &ignored);

	client_reply_free(refreshed);
	if (rc == -ECONNREFUSED)
		return error_set(err, rc, "%s", ignored.msg);
	return client_prune(client, request, ret_reply, err);
}

static enum cli_exit prune_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct prune_options *own = args->own;
	const struct results_options options = { .output = args->output,
						 .accepted = "deletion asked for" };
	AUTO(results_fini) struct results results = { 0 };
	AUTO_REPLY Api__PruneResponse *reply = NULL;
	Api__PruneRequest request = API__PRUNE_REQUEST__INIT;
	Api__Selector selector, *selectors[] = { &selector };
	int rc = select_words(args, &request, &selector, err);

	if (rc < 0)
		return CLI_USAGE;
	request.objects = selectors;
	request.n_objects = (size_t)rc;
	request.has_yes = request.yes = own->yes;
	rc = ask(client_new(args->socket), &request, &reply, err);
	if (rc < 0)
		return client_exit(rc);
	if (!own->yes) {
		print_list(reply, args, io->out);
		return CLI_DONE;
	}
	if (!reply->n_results && args->output == OUTPUT_TABLE)
		fprintf(io->out, "Nothing is held.\n");
	results_take(&results, reply->results, &reply->n_results);
	results_are_asked_for(&results, 0);
	return results_print(&results, &options, io->out);
}

static error_t parse_own(int key, char *arg UNUSED, struct argp_state *state)
{
	const struct args *args = state->input;
	struct prune_options *own = args->own;

	if (key != KEY_YES)
		return ARGP_ERR_UNKNOWN;
	own->yes = true;
	return 0;
}

static const struct argp_option own_options[] = {
	{ .name = "yes", .key = KEY_YES, .doc = "Let it go: what is listed is deleted" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child prune_options[] = {
	{ .argp = &own_argp },
	{ .argp = &args_scope },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_prune = {
	.name = "prune",
	.summary = "List what lost its declaration and was not deleted, or let it go",
	.usage = "[FILE... | KIND NAME]",
	.examples =
		"  kuke prune\n"
		"  kuke prune --yes\n"
		"  kuke prune --yes web.yaml site/\n"
		"  kuke prune --yes cell web\n"
		"\n"
		"When too many cells lose their declaration at once, or the directory, link or "
		"mount that held their files is gone or cannot be read, nothing is deleted: the "
		"objects are held until they are declared again, or let go here. FILE is as "
		"kuke status shows it, below the manifests directory. The setting pruneGuard "
		"says how many are too many.\n",
	.max_words = ARGS_WORDS_MAX,
	.kinds = KINDS_ALL,
	.outputs = 1U << OUTPUT_TABLE | 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.own_bytes = sizeof(struct prune_options),
	.options = prune_options,
	.run = prune_run,
};
