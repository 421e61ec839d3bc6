/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args/args_problem.h"

#include <errno.h>

#include "cli/args/args.h"
#include "core/base/str.h"

/* Getopt accepts any beginning of a name that only one option has. */
static void explain_long(const char *word, const struct argp_option *const *options, size_t n,
			 struct error *err)
{
	AUTO_FREE char *name = xstrndup(word + 2, strcspn(word + 2, "="));
	const char *names[ARGS_OPTIONS_MAX];
	const struct argp_option *match = NULL;
	size_t n_matches = 0, n_names = 0;
	const char *nearest;

	for (size_t i = 0; i < n; i++) {
		if (!options[i]->name)
			continue;
		names[n_names++] = options[i]->name;
		if (!str_starts_with(options[i]->name, name))
			continue;
		n_matches++;
		match = options[i];
		if (str_equal(match->name, name)) {
			n_matches = 1;
			break;
		}
	}
	nearest = str_nearest(name, names, n_names);
	if (n_matches > 1)
		error_set(err, -EINVAL, "option \"--%s\" could be several: write it out", name);
	else if (n_matches == 1 && match->arg)
		error_set(err, -EINVAL, "option \"--%s\" needs a value: --%s %s", match->name,
			  match->name, match->arg);
	else if (n_matches == 1)
		error_set(err, -EINVAL, "option \"--%s\" takes no value", match->name);
	else if (nearest)
		error_set(err, -EINVAL, "unknown option \"--%s\", did you mean \"--%s\"?", name,
			  nearest);
	else
		error_set(err, -EINVAL, "unknown option \"--%s\"", name);
}

/* A word such as "-xo": the first letter that is wrong. */
static void explain_short(const char *word, const struct argp_option *const *options, size_t n,
			  struct error *err)
{
	for (const char *letter = word + 1; *letter; letter++) {
		const struct argp_option *match = NULL;

		for (size_t i = 0; i < n && !match; i++)
			match = options[i]->key == *letter ? options[i] : NULL;
		if (!match) {
			error_set(err, -EINVAL, "unknown option \"-%c\"", *letter);
			return;
		}
		if (match->arg)
			break;
	}
	error_set(err, -EINVAL, "option \"%s\" needs a value", word);
}

void args_problem_explain(const struct argp_state *state, struct error *err)
{
	const struct argp_option *options[ARGS_OPTIONS_MAX];
	size_t n = args_collect(state->root_argp->options, state->root_argp->children, options);
	int at = state->next - 1;

	/* Inside a cluster of letters getopt has not moved on yet. */
	if (state->next < state->argc && (at < 1 || state->argv[at][0] != '-'))
		at = state->next;
	if (at < 1 || at >= state->argc || state->argv[at][0] != '-')
		error_set(err, -EINVAL, "cannot read the command line");
	else if (state->argv[at][1] == '-')
		explain_long(state->argv[at], options, n, err);
	else
		explain_short(state->argv[at], options, n, err);
}
