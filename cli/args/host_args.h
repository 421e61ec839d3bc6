/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's settings on kuke's command line, for verbs that may start it. */
#pragma once

#include "cli/args/args.h"
#include "core/config/options.h"

/* args->own of these verbs. Zeroed: the defaults. */
struct host_args {
	struct options settings;
	bool regenerate_cni, no_wait; /* init */
	bool yes;                     /* uninstall */
};

/* The flags of kukeond but for --socket, which every verb has. */
extern const struct argp host_args_settings;

/*
 * Puts flags, environment, file and defaults together as kukeond does, and refuses what only makes
 * sense to one who starts it by hand. Free with protobuf_c_message_free_unpacked().
 */
int host_args_load(const struct options *settings, Api__Config **ret_config, struct error *err);

/* All of it changes the host. */
int host_args_need_root(const char *verb, struct error *err);
