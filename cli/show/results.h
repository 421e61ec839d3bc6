/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of the objects that a request named, one line each: Kind "name": outcome. Where the
 * object does not lie below default, the line goes on with its scope: created in main/lab/default.
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/args/args.h"

/* All results of a command. A zeroed struct has none. */
struct results {
	Api__Result **items;
	size_t n;
};

void results_fini(struct results *results);

/* Moves results out of a reply, which may be freed afterwards. */
void results_take(struct results *results, Api__Result **items, size_t *n);

/* One that no daemon has given; @message may be NULL. */
void results_add(struct results *results, const char *key, Api__Outcome outcome,
		 const char *message);

/* A failure that no request was made for. */
void results_add_failure(struct results *results, const char *message);

/* What the daemon calls deleted from @first on is under way: it was asked for (ACCEPTED), until it
 * was waited for. */
void results_are_asked_for(struct results *results, size_t first);

/*
 * A request failed, and no other follows it. Of the objects @keys in their order, @asked were named
 * by requests and @answered of those got results. The failed request's become @outcome, those after
 * it SKIPPED; where nothing was done at all, nothing is said of any.
 */
void results_break(struct results *results, const struct strv *keys, size_t asked, size_t answered,
		   Api__Outcome outcome);

struct results_options {
	enum args_output output;
	/* Words for these outcomes; NULL where they are plain. */
	const char *accepted, *unchanged, *done;
	bool dry_run;
	bool missing_is_fine; /* an object that is not there is no failure */
};

/* Prints them and returns CLI_DONE, or CLI_FAILED when one failed. */
enum cli_exit results_print(const struct results *results, const struct results_options *options,
			    FILE *out);
