/* SPDX-License-Identifier: Apache-2.0 */
/* kuke delete: one object by name, or what the documents of files declare. */
#include <errno.h>

#include "cli/args/files.h"
#include "cli/args/kinds.h"
#include "cli/ask/waiting.h"
#include "cli/verbs.h"

enum { KEY_CASCADE = 0x100 };

struct delete_options {
	bool cascade;
};

static int delete_target(struct client *client, const struct target *target, bool cascade,
			 struct results *results, struct error *err)
{
	AUTO_REPLY Api__DeleteResponse *reply = NULL;
	Api__DeleteRequest request = API__DELETE_REQUEST__INIT;
	Api__Selector selector = target_selector(target);
	size_t before = results->n;
	int rc;

	request.selector = &selector;
	request.has_cascade = cascade;
	request.cascade = cascade;
	rc = client_delete(client, &request, &reply, err);
	if (rc == 0)
		results_take(results, reply->results, &reply->n_results);
	results_are_asked_for(results, before);
	return rc;
}

/* ---- files ---- */

/* A flag that says something else than the file would delete what nobody meant. */
static int check_scope(const struct args *args, const struct files *files, struct error *err)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct document *document = files->documents[i]->document;
		struct key_parts parts;

		check(key_split(document->key, &parts));
		for (int kind = 0; kind < KIND_CONTAINER; kind++) {
			const char *said = args->scope[kind];

			if (said && (kind >= (int)parts.kind || !str_equal(said, parts.part[kind])))
				return error_set(
					err, -EINVAL,
					"--%s %s does not agree with %s, which declares %s "
					"%s: leave it out",
					kinds_singular((enum kind)kind), said,
					files->documents[i]->path, kinds_singular(parts.kind),
					document->key);
		}
	}
	return 0;
}

static bool is_named(const struct files *files, const struct document *cell, const char *container)
{
	const Api__CellSpec *spec = ((const Api__Cell *)cell->message)->spec;
	AUTO_FREE char *key = xasprintf("%s/%s", cell->key, container);

	for (size_t i = 0; spec && i < spec->n_containers; i++)
		if (str_equal(spec->containers[i]->id, container))
			return true;
	return map_find(&files->by_key, key) != NULL;
}

/* The containers of a cell are its children: those that the files name go with it. */
static bool names_all_of(struct client *client, const struct files *files,
			 const struct document *document, const struct target *target)
{
	AUTO_REPLY Api__GetResponse *reply = NULL;
	Api__Selector selector = target_selector(target);
	const Api__CellSpec *spec;
	struct error ignored;

	if (document->kind != KIND_CELL || client_get(client, &selector, &reply, &ignored) < 0 ||
	    reply->n_objects != 1 || reply->objects[0]->object_case != API__OBJECT__OBJECT_CELL)
		return false;
	spec = reply->objects[0]->cell->spec;
	for (size_t i = 0; spec && i < spec->n_containers; i++)
		if (!is_named(files, document, spec->containers[i]->id))
			return false;
	return true;
}

/* Children before their parents: the way back of apply. */
static int delete_files(struct client *client, const struct files *files, bool cascade,
			struct results *results, struct error *err)
{
	AUTO(strv_fini) struct strv keys = { 0 };
	size_t asked = 0;
	int rc = 0;

	for (size_t i = 0; i < files->errors.n; i++)
		results_add_failure(results, files->errors.items[i]);
	for (size_t i = files->n; i-- > 0;)
		strv_add(&keys, files->documents[i]->document->key);
	for (; rc == 0 && asked < files->n; asked++) {
		const struct document *document = files->documents[files->n - 1 - asked]->document;
		struct key_parts parts;
		struct target target;

		check(target_from_key(document->key, &parts, &target));
		rc = delete_target(client, &target,
				   cascade || names_all_of(client, files, document, &target),
				   results, err);
	}
	if (rc < 0)
		results_break(results, &keys, asked, asked - 1, client_outcome(client, rc));
	return rc;
}

static int delete_from_files(const struct args *args, const struct io *io, struct client *client,
			     struct results *results, struct error *err)
{
	const struct delete_options *own = args->own;
	AUTO(files_fini) struct files files = { 0 };

	files_load(&args->files, &files);
	for (size_t i = 0; i < files.errors.n; i++)
		cli_complain(io, files.errors.items[i]);
	if (check_scope(args, &files, err) < 0)
		return -EINVAL;
	return delete_files(client, &files, own->cascade, results, err);
}

static int delete_words(const struct args *args, struct client *client, struct results *results,
			struct error *err)
{
	const struct delete_options *own = args->own;
	AUTO(strv_fini) struct strv keys = { 0 };
	struct target target;
	size_t asked = 0;
	int rc = 0;

	target_add_keys(args, &keys);
	for (; rc == 0 && asked < keys.n; asked++) {
		check(target_read_word(args, (unsigned)asked + 1, &target, err) == 0);
		rc = delete_target(client, &target, own->cascade, results, err);
	}
	if (rc < 0)
		results_break(results, &keys, asked, asked - 1, client_outcome(client, rc));
	return rc;
}

/* All words, before anything is deleted. */
static int check_words(const struct args *args, struct error *err)
{
	struct target target;

	if (args->files.n > 0 && args->n_words > 0)
		return error_set(err, -EINVAL, "delete takes a kind and a name, or -f, not both");
	if (args->files.n == 0 && target_read(args, &target, err) < 0)
		return -EINVAL;
	for (unsigned i = 2; i < args->n_words; i++)
		if (target_read_word(args, i, &target, err) < 0)
			return -EINVAL;
	return 0;
}

static enum cli_exit delete_run(const struct args *args, const struct io *io, struct error *err)
{
	const struct results_options options = { .output = args->output,
						 .accepted = "deletion asked for",
						 .missing_is_fine = args->files.n > 0 };
	AUTO(results_fini) struct results results = { 0 };
	struct client *client = client_new(args->socket);
	enum cli_exit code, waited = CLI_DONE;
	struct waiting waiting;
	int rc;

	if (check_words(args, err) < 0)
		return CLI_USAGE;
	rc = args->files.n > 0 ? delete_from_files(args, io, client, &results, err)
			       : delete_words(args, client, &results, err);
	if (rc == -EINVAL && !results.n)
		return CLI_USAGE;
	if (rc == 0 && args->wait) {
		waiting_init(&waiting, client, args, io);
		waiting.result_follows = true;
		waited = waiting_for_results(&waiting, &results, WAIT_DELETED);
	}
	code = results_print(&results, &options, io->out);
	if (rc < 0)
		return client_exit(rc);
	return waited == CLI_DONE ? code : waited;
}

static error_t parse_own(int key, char *arg UNUSED, struct argp_state *state)
{
	const struct args *args = state->input;
	struct delete_options *own = args->own;

	if (key != KEY_CASCADE)
		return ARGP_ERR_UNKNOWN;
	own->cascade = true;
	return 0;
}

static const struct argp_option own_options[] = {
	{ .name = "cascade", .key = KEY_CASCADE, .doc = "With everything below it" },
	{ 0 },
};
static const struct argp own_argp = { .options = own_options, .parser = parse_own };
static const struct argp_child delete_options[] = {
	{ .argp = &args_files },
	{ .argp = &own_argp },
	{ .argp = &args_scope },
	{ .argp = &args_wait },
	{ .argp = &args_format },
	{ .argp = &args_common },
	{ 0 },
};

const struct verb verb_delete = {
	.name = "delete",
	.summary = "Delete an object, or what manifests declare",
	.usage = "KIND NAME... | -f FILE",
	.examples =
		"  kuke delete cell web db --cascade\n"
		"  kuke delete space lab --realm main --cascade --wait\n"
		"  kuke delete container side --cell web\n"
		"  kuke delete -f cell.yaml\n"
		"\n"
		"Without --cascade an object with children is not deleted; the containers of a "
		"cell are its children, but those that a file names go with it.\n"
		"With -f, what is gone already is no failure. What is 'deletion asked for' goes "
		"from then on; with --wait it is 'deleted' when nothing is left of it.\n",
	.max_words = ARGS_WORDS_MAX,
	.kinds = KINDS_ALL,
	.outputs = 1U << OUTPUT_YAML | 1U << OUTPUT_JSON,
	.own_bytes = sizeof(struct delete_options),
	.options = delete_options,
	.run = delete_run,
};
