/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kuke get -w: what is, then each change as it happens, in each of the formats of -o. A table goes
 * on line by line, JSON is one object a line, YAML documents are separated by ---. An object that
 * is deleted shows the state Deleted, or has a field deleted: true.
 */
#pragma once

#include "cli/args/args_target.h"
#include "cli/client/client.h"
#include "cli/show/print.h"

struct watch_options {
	const struct target *target;
	const char *labels;
	uint64_t after; /* as in struct client_watch */
	const struct print_options *format;
};

/* Ends when the daemon goes or nobody reads any more. */
int watch_objects(struct client *client, const struct watch_options *options, const struct io *io,
		  struct error *err);
