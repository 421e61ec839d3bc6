/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of kuke: what every verb gets and gives back, and the table that names them all.
 *
 * A verb is one file with one "const struct verb verb_<name>" at its end, listed in
 * cli/verbs/verbs.c. It writes its result to io->out and puts what went wrong into @err; the frame
 * prints that, with a hint for wrong usage.
 */
#pragma once

#include <argp.h>
#include <stdio.h>
#include <time.h>

#include "core/base/error.h"
#include "core/model/names.h"

/* Exit codes (SPEC 6). */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,
	/* Of a verb that runs a command: kuke has failed; what is added to the command's own code,
	 * and goes with the end of the process, which has eight bits. */
	CLI_NOT_RUN = 125,
	CLI_OF_COMMAND = 256,
};

/* Where a verb writes. */
struct io {
	FILE *out;     /* data */
	FILE *err;     /* talk */
	bool color;    /* of @out */
	bool progress; /* somebody watches @err */
	time_t now;
};

struct args;

struct verb {
	const char *name;
	const char *alias;    /* another name for it; NULL: it has none */
	const char *summary;  /* one line for kuke help */
	const char *usage;    /* its words, e.g. "KIND [NAME]"; "" when it takes none */
	const char *examples; /* one command line per line, indented by two */
	unsigned max_words;   /* how many words it takes at most */
	unsigned kinds;       /* the first word is one of these: 1 << enum kind, or-ed */
	bool lists;           /* the second word, a name, may be left out */
	bool names_new;       /* the name is of an object that need not exist */
	bool cell_alone;      /* one word that is no kind is the name of a cell */
	bool runs_command;    /* its exit code is that of the command, or CLI_NOT_RUN */
	bool hidden;          /* for programs: in no help */
	unsigned outputs;     /* the -o it knows: 1 << enum args_output, or-ed */
	size_t own_bytes;     /* of args->own */
	const struct argp_child *options; /* groups of cli/args/args.h and its own, then { 0 } */
	enum cli_exit (*run)(const struct args *args, const struct io *io, struct error *err);
};

enum { KINDS_ALL = (1U << KIND_COUNT) - 1 };

/* All verbs in the order of the help, since verbs_register(). */
extern const struct verb *const *verbs;
extern size_t n_verbs;

const struct verb *verb_find(const char *name);

/* Sets @err to "unknown verb ..." with the nearest name; returns CLI_USAGE. */
enum cli_exit verb_unknown(const char *name, struct error *err);

/* Prints one thing that went wrong, as the frame does; for verbs that go on after it. */
void cli_complain(const struct io *io, const char *message);

/* The whole program but for the process around it. Prints errors to io->err. */
enum cli_exit cli_main(int argc, char **argv, const struct io *io);
