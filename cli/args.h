/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line. Options come in groups that verbs put together; every group's parser has the
 * struct args as input.
 */
#pragma once

#include "cli/cli.h"

enum args_output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_YAML, OUTPUT_JSON, OUTPUT_COUNT };

enum { ARGS_WORDS_MAX = 8 };

/* A zeroed struct holds the defaults. Strings point into argv or the environment. */
struct args {
	const struct verb *verb;           /* NULL: in front of the verb */
	const char *socket;                /* path of the daemon's socket; set after args_parse() */
	const char *scope[KIND_CONTAINER]; /* --realm and so on by enum kind; NULL: not given */
	enum args_output output;
	bool help;
	bool version;                      /* kuke --version */
	int verb_at;                       /* where args_parse_front() found the verb */
	const char *words[ARGS_WORDS_MAX]; /* what is no option, without the verb */
	unsigned n_words;
	struct error *err;
};

/* Groups of options. */
extern const struct argp args_scope;  /* --realm --space --stack --cell */
extern const struct argp args_format; /* -o */
extern const struct argp args_common; /* --socket --host --help: for every verb */

/*
 * The part in front of the verb: fills in common options and verb_at, the verb's index in argv
 * (argc when there is none). 0 or -EINVAL.
 */
int args_parse_front(int argc, char **argv, struct args *args, struct error *err);

/* What follows: argv[0] is the verb's name. 0 or -EINVAL. */
int args_parse(const struct verb *verb, int argc, char **argv, struct args *args,
	       struct error *err);

/* The help page of a verb. */
void args_print_help(const struct verb *verb, FILE *out);

/* Options that work in front of any verb, for the overview. */
void args_print_common(FILE *out);
