/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line. Options come in groups that verbs put together; every group's parser has the
 * struct args as input.
 */
#pragma once

#include "cli/cli.h"
#include "core/base/buf.h"
#include "core/base/str.h"

enum args_output {
	OUTPUT_TABLE, /* or whatever a verb prints for people */
	OUTPUT_WIDE,
	OUTPUT_YAML,
	OUTPUT_JSON,
	OUTPUT_NAME,
	OUTPUT_COUNT
};

/* What one command line can hold, e.g. that of xargs. */
enum { ARGS_WORDS_MAX = 100000, ARGS_TIMEOUT_MS = 60000 };

/* A zeroed struct holds the defaults. Strings point into argv or the environment. */
struct args {
	const struct verb *verb;           /* NULL: in front of the verb */
	const char *socket;                /* path of the daemon's socket; set after args_parse() */
	const char *scope[KIND_CONTAINER]; /* --realm and so on by enum kind; NULL: not given */
	enum args_output output;
	bool help;
	bool version; /* kuke --version */
	bool wait;
	uint64_t timeout_ms; /* how long to wait at most; set after args_parse() */
	struct strv files;   /* -f */
	int verb_at;         /* where args_parse_front() found the verb */
	const char **words;  /* what is no option, without the verb */
	unsigned n_words;
	bool kinds_in_words; /* the first was KIND/NAME and stands as two; so are those from 2 on */
	struct strv pieces;  /* texts made from several words, or part of one */
	void *own;           /* verb->own_bytes, zeroed: for options of the verb */
	struct error *err;
};

void args_fini(struct args *args);

/* Groups of options. */
extern const struct argp args_scope;  /* --realm --space --stack --cell */
extern const struct argp args_format; /* -o */
extern const struct argp args_files;  /* -f */
extern const struct argp args_wait;   /* --wait --timeout */
extern const struct argp args_common; /* --socket --host --help: for every verb */

extern const struct argp args_front; /* in front of the verb: the common ones and --version */

/*
 * The part in front of the verb: fills in common options and verb_at, the verb's index in argv
 * (argc when there is none). 0 or -EINVAL.
 */
int args_parse_front(int argc, char **argv, struct args *args, struct error *err);

/* What follows: argv[0] is the verb's name. 0 or -EINVAL. */
int args_parse(const struct verb *verb, int argc, char **argv, struct args *args,
	       struct error *err);

/* Without --socket and --host: the variable, else the default. 0 or -EINVAL. */
int args_find_socket(struct args *args);

/* @value as the scope's @kind; EINVAL, and the error of @args says that @option wants a name. */
int args_set_scope(struct args *args, enum kind kind, const char *option, const char *value);

/* "30", "30s", "5m" or "1h"; false for anything else and for what is no sensible time. */
bool args_parse_duration(const char *text, uint64_t *ret_ms);

/* --timeout in milliseconds; for the parser of a verb that waits without --wait. */
error_t args_set_timeout(struct args *args, const char *value);

/* "table, yaml, json"; nothing for a verb without -o. */
void args_add_outputs(const struct verb *verb, struct buf *out);

enum { ARGS_OPTIONS_MAX = 64 };

/* All options of @children and @own (may be NULL) but the hidden ones; returns how many. */
size_t args_collect(const struct argp_option *own, const struct argp_child *children,
		    const struct argp_option *ret_options[ARGS_OPTIONS_MAX]);
