/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's settings: message Config of api/kukeon.proto. Flag, environment variable, field in
 * /etc/kukeon/kukeond.yaml, default: the first that is given wins. All names derive from the
 * field's. Kuke reads the same when it starts a daemon.
 */
#pragma once

#include <argp.h>

#include "api/config.pb-c.h"
#include "core/base/error.h"
#include "core/base/str.h"

enum { OPTIONS_COUNT = 26 };

/* What a command line gave; the strings point into it. Zeroed: nothing. */
struct options {
	const char *config_file;
	const char *given[OPTIONS_COUNT]; /* private to options.c */
};

/* The flags: --socket, which other programs leave out because they have one, the other settings,
 * --config and the end. */
extern const struct argp_option options_flags[OPTIONS_COUNT + 2];

/* What a parser of options_flags got; false for a key that is none of theirs. */
bool options_take(struct options *options, int key, const char *value);

/* As --socket does; NULL: not given. */
void options_give_socket(struct options *options, const char *path);

/* Whether command line or environment say anything, but for the socket: things that a daemon
 * started by others would not hear. */
bool options_given(const struct options *options);

/* Appends the flags as kukeond takes them. */
void options_add_flags(const struct options *options, struct strv *ret_argv);

/* Puts all sources together. Free with protobuf_c_message_free_unpacked(). */
int options_load(const struct options *options, Api__Config **ret_config, struct error *err);

/*
 * The same with the command line of kukeond. Handles --help and --version (prints, exits 0) and
 * wrong usage (prints, exits 2) itself.
 */
int options_read(int argc, char **argv, Api__Config **ret_config, struct error *err);
