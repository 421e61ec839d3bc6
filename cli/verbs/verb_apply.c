/* SPDX-License-Identifier: Apache-2.0 */
/* kuke apply: makes what the documents of files declare. */
#include <errno.h>

#include "cli/args/files.h"
#include "cli/ask/validation.h"
#include "cli/ask/waiting.h"
#include "cli/show/object.h"
#include "cli/verbs.h"

/* Of one request: answered soon, so that little is open when no answer comes; and with one object
 * more, which has 2 MiB of text at most, below what the daemon takes in one message. */
enum { BATCH_OBJECTS = 50, BATCH_BYTES = 1 << 20 };

enum { KEY_DRY_RUN = 0x100 };

struct apply_options {
	bool dry_run;
};

/* One request with the documents from *at on; moves *at. */
static int apply_batch(struct client *client, const struct files *files, size_t *at, bool dry_run,
		       struct results *results, struct error *err)
{
	AUTO_REPLY Api__ApplyResponse *reply = NULL;
	Api__ApplyRequest request = API__APPLY_REQUEST__INIT;
	Api__Object objects[BATCH_OBJECTS], *pointers[BATCH_OBJECTS];
	size_t bytes = 0;
	int rc;

	while (*at < files->n && request.n_objects < BATCH_OBJECTS && bytes < BATCH_BYTES) {
		const struct document *document = files->documents[(*at)++]->document;

		objects[request.n_objects] = object_wrap(document->kind, document->message);
		pointers[request.n_objects] = &objects[request.n_objects];
		request.n_objects++;
		bytes += protobuf_c_message_get_packed_size(document->message);
	}
	request.objects = pointers;
	request.has_dry_run = dry_run;
	request.dry_run = dry_run;
	rc = client_apply(client, &request, &reply, err);
	if (rc == 0)
		results_take(results, reply->results, &reply->n_results);
	return rc;
}

/* Everything that can be applied; what cannot stands in @results, too. */
static int apply_files(struct client *client, const struct files *files, bool dry_run,
		       struct results *results, struct error *err)
{
	AUTO(strv_fini) struct strv keys = { 0 };
	size_t at = 0, answered = 0;
	int rc = 0;

	for (size_t i = 0; i < files->errors.n; i++)
		results_add_failure(results, files->errors.items[i]);
	while (rc == 0 && at < files->n) {
		answered = at;
		rc = apply_batch(client, files, &at, dry_run, results, err);
	}
	for (size_t i = 0; i < files->n; i++)
		strv_add(&keys, files->documents[i]->document->key);
	if (rc < 0)
		results_break(results, &keys, at, answered, client_outcome(client, rc));
	return rc;
}

/* Nobody can say what would change; that nothing is wrong with the documents can be said. */
static int validate_instead(const struct files *files, const struct io *io, struct results *results,
			    struct error *err)
{
	AUTO_FREE char *text = xasprintf(
		"%s; what would change is not known, the documents are only validated", err->msg);

	cli_complain(io, text);
	*err = (struct error){ 0 }; /* it is said */
	validation_add(files, results);
	return 0;
}

static enum cli_exit apply_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct apply_options *own = args->own;
	const struct results_options options = { .output = args->output, .dry_run = own->dry_run };
	AUTO(results_fini) struct results results = { 0 };
	AUTO(files_fini) struct files files = { 0 };
	struct client *client = client_new(args->socket);
	struct waiting waiting;
	enum cli_exit code, waited;
	int rc;

	if (args->files.n == 0) {
		error_set(err, -EINVAL, "apply needs -f with a file, a directory or -");
		return CLI_USAGE;
	}
	files_load(&args->files, &files);
	for (size_t i = 0; i < files.errors.n; i++)
		cli_complain(io, files.errors.items[i]);
	rc = apply_files(client, &files, own->dry_run, &results, err);
	if (rc < 0 && own->dry_run && client_outcome(client, rc) == API__OUTCOME__OUTCOME_SKIPPED)
		rc = validate_instead(&files, io, &results, err);
	code = results_print(&results, &options, io->out);
	if (rc < 0)
		return client_exit(rc);
	if (!args->wait || own->dry_run)
		return code;
	fflush(io->out);
	waiting_init(&waiting, client, args, io);
	waited = waiting_for_results(&waiting, &results, WAIT_SETTLED);
	return waited == CLI_DONE ? code : waited;
}

static error_t parse_own(int key, char *arg UNUSED, struct argp_state *state)
{
	const struct args *args = state->input;
	struct apply_options *own = args->own;

	if (key != KEY_DRY_RUN)
		return ARGP_ERR_UNKNOWN;
	own->dry_run = true;
	return 0;
}

static const struct argp_option own_options[] = {
	{ .name = "dry-run",
	  .key = KEY_DRY_RUN,
	  .doc = "Say what would happen and change nothing; without a daemon only whether anything "
		 "is wrong" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child apply_options[] = {
	{ .argp = &args_files },  { .argp = &own_argp },    { .argp = &args_wait },
	{ .argp = &args_format }, { .argp = &args_common }, { 0 },
};

const struct verb verb_apply = {
	.name = "apply",
	.summary = "Create or change what manifests declare",
	.usage = "-f FILE",
	.examples =
		"  kuke apply -f cell.yaml\n"
		"  kuke apply -f blog/ -f monitoring/ --wait --timeout 5m\n"
		"  kuke apply -f cell.yaml --dry-run\n"
		"  kuke get cell web -o yaml | sed s/:1.0/:1.1/ | kuke apply -f -\n"
		"\n"
		"A file may hold several documents, in YAML or JSON and in any order. A directory "
		"stands for every .yaml, .yml and .json file below it.\n"
		"A document with a resourceVersion, as kuke get prints it, is a conflict when what it "
		"declares has been changed since.\n"
		"A document that cannot be applied stops no other; the exit code then is 1.\n",
	.outputs = 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.own_bytes = sizeof(struct apply_options),
	.options = apply_options,
	.run = apply_run,
};
