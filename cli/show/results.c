/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/results.h"

#include "cli/show/table.h"
#include "core/manifest/manifest.h"

void results_fini(struct results *results)
{
	for (size_t i = 0; i < results->n; i++)
		protobuf_c_message_free_unpacked(&results->items[i]->base, NULL);
	free(results->items);
	*results = (struct results){ 0 };
}

static Api__Result **results_grow(struct results *results, size_t n)
{
	results->items = xrealloc(results->items, (results->n + n) * sizeof(*results->items));
	results->n += n;
	return results->items + results->n - n;
}

void results_take(struct results *results, Api__Result **items, size_t *n)
{
	if (*n == 0)
		return;
	memcpy(results_grow(results, *n), items, *n * sizeof(*items));
	*n = 0;
}

void results_add_failure(struct results *results, const char *message)
{
	Api__Result *result = xnew(Api__Result);

	api__result__init(result);
	result->has_outcome = true;
	result->outcome = API__OUTCOME__OUTCOME_FAILED;
	result->message = xstrdup(message);
	*results_grow(results, 1) = result;
}

void results_are_asked_for(struct results *results, size_t first)
{
	for (size_t i = first; i < results->n; i++)
		if (results->items[i]->outcome == API__OUTCOME__OUTCOME_DELETED)
			results->items[i]->outcome = API__OUTCOME__OUTCOME_ACCEPTED;
}

void results_add(struct results *results, const char *key, Api__Outcome outcome,
		 const char *message)
{
	Api__Result *result = xnew(Api__Result);

	api__result__init(result);
	result->has_kind = result->has_outcome = true;
	result->kind = model_api_kind(key_kind(key));
	result->key = xstrdup(key);
	result->outcome = outcome;
	result->message = xstrdup_maybe(message);
	*results_grow(results, 1) = result;
}

void results_break(struct results *results, const struct strv *keys, size_t asked, size_t answered,
		   Api__Outcome outcome)
{
	if (!results->n && outcome != API__OUTCOME__OUTCOME_UNKNOWN)
		return;
	for (size_t i = answered; i < keys->n; i++)
		if (i >= asked)
			results_add(results, keys->items[i], API__OUTCOME__OUTCOME_SKIPPED, NULL);
		else
			results_add(
				results, keys->items[i], outcome,
				outcome == API__OUTCOME__OUTCOME_UNKNOWN
					? "kukeond did not answer any more; 'kuke get' shows whether "
					  "it was done, and to repeat it is safe"
					: NULL);
}

/* ---- as lines ---- */

static const char *outcome_word(Api__Outcome outcome, const struct results_options *options)
{
	switch (outcome) {
	case API__OUTCOME__OUTCOME_CREATED:
		return "created";
	case API__OUTCOME__OUTCOME_UPDATED:
		return "updated";
	case API__OUTCOME__OUTCOME_UNCHANGED:
		return options->unchanged ? options->unchanged : "unchanged";
	case API__OUTCOME__OUTCOME_EXISTS:
		return "already existed";
	case API__OUTCOME__OUTCOME_DELETED:
		return "deleted";
	case API__OUTCOME__OUTCOME_NOT_FOUND:
		return "not found";
	case API__OUTCOME__OUTCOME_ACCEPTED:
		return options->accepted ? options->accepted : "accepted";
	case API__OUTCOME__OUTCOME_FAILED:
		return "failed";
	case API__OUTCOME__OUTCOME_WITHDRAWN:
		return "kept";
	case API__OUTCOME__OUTCOME_DONE:
		return options->done ? options->done : "done";
	case API__OUTCOME__OUTCOME_UNKNOWN:
		return "not known";
	case API__OUTCOME__OUTCOME_SKIPPED:
		return "not asked for";
	case API__OUTCOME__OUTCOME_VALID:
		return "valid";
	case API__OUTCOME__OUTCOME_CONFLICT:
		return "conflict";
	default:
		return "unknown";
	}
}

/* " in main/lab" for an object whose scope is not default all the way. */
static void print_scope(const char *key, FILE *out)
{
	AUTO_FREE char *parent = key_parent(key);

	for (const char *part = parent; part; part = strchr(part, '/')) {
		size_t len;

		part += *part == '/';
		len = strcspn(part, "/");
		if (len == strlen("default") && strncmp(part, "default", len) == 0)
			continue;
		fputs(" in ", out);
		text_print(parent, out);
		return;
	}
}

static void print_changes(const Api__Result *result, FILE *out)
{
	for (size_t i = 0; i < result->n_changes; i++) {
		fputs(i ? ", " : " (", out);
		text_print(result->changes[i], out);
	}
	if (result->n_changes)
		fputc(')', out);
}

static void print_line(const Api__Result *result, const struct results_options *options, FILE *out)
{
	enum kind known = model_kind(result->kind), kind = known < KIND_COUNT ? known : KIND_REALM;
	const char *key = result->key ? result->key : "";

	fprintf(out, "%s \"", kind_name(kind));
	text_print(key_name(key), out);
	fprintf(out, "\": %s", outcome_word(result->outcome, options));
	print_scope(key, out);
	print_changes(result, out);
	if (options->dry_run && result->outcome != API__OUTCOME__OUTCOME_FAILED &&
	    result->outcome != API__OUTCOME__OUTCOME_CONFLICT)
		fputs(" (dry run)", out);
	if (!str_empty(result->message)) {
		fputs(": ", out);
		text_print(result->message, out);
	}
	fputc('\n', out);
}

static void print_lines(const struct results *results, const struct results_options *options,
			FILE *out)
{
	for (size_t i = 0; i < results->n; i++) {
		if (results->items[i]->key) /* others were complained about already */
			print_line(results->items[i], options, out);
	}
}

/* As the message of the API: { "results": [ ... ] }. */
static void print_message(const struct results *results, enum args_output output, FILE *out)
{
	Api__ApplyResponse reply = API__APPLY_RESPONSE__INIT;
	AUTO_BUF struct buf text = { 0 };

	reply.results = results->items;
	reply.n_results = results->n;
	if (output == OUTPUT_JSON)
		manifest_emit_json(&reply.base, &text);
	else
		manifest_emit_yaml(&reply.base, &text);
	fprintf(out, "%s%s", text.data, output == OUTPUT_JSON ? "\n" : "");
}

static bool is_failure(Api__Outcome outcome, const struct results_options *options)
{
	switch (outcome) {
	case API__OUTCOME__OUTCOME_FAILED:
	case API__OUTCOME__OUTCOME_WITHDRAWN:
	case API__OUTCOME__OUTCOME_UNKNOWN:
	case API__OUTCOME__OUTCOME_SKIPPED:
	case API__OUTCOME__OUTCOME_CONFLICT:
		return true;
	case API__OUTCOME__OUTCOME_NOT_FOUND:
		return !options->missing_is_fine;
	default:
		return false;
	}
}

enum cli_exit results_print(const struct results *results, const struct results_options *options,
			    FILE *out)
{
	enum cli_exit code = CLI_DONE;

	if (results->n == 0) /* nobody was asked, or could be */
		return CLI_DONE;
	if (options->output == OUTPUT_TABLE)
		print_lines(results, options, out);
	else
		print_message(results, options->output, out);
	for (size_t i = 0; i < results->n; i++)
		if (is_failure(results->items[i]->outcome, options))
			code = CLI_FAILED;
	return code;
}
