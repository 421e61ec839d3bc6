/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a plugin's process, in a group of its own. */
#pragma once

#include <sys/types.h>

#include "core/base/error.h"

enum { SPAWNED_OUT, SPAWNED_ERR, SPAWNED_EXIT, SPAWNED_COUNT };

struct spawned {
	pid_t pid;              /* of the process and of its group, until it is reaped */
	int fds[SPAWNED_COUNT]; /* the ends that are read of its two outputs; its pidfd */
};

#define SPAWNED_NONE                                                                               \
	{                                                                                          \
		.fds = { -1, -1, -1 }                                                              \
	}

/* Closes the descriptors. */
void spawned_fini(struct spawned *process);

/* The whole group; for a process that is not reaped. */
void spawned_kill(const struct spawned *process, int sig);

struct spawn_request {
	const char *dirs; /* colon list: the first that has the program */
	const char *name; /* a file name */
	const char *input;
	char *const *argv, *const *env; /* end with NULL */
};

/* -ENOENT: no such program. @ret is SPAWNED_NONE before; whatever comes out, spawned_fini() is the
 * caller's. */
int spawn_plugin(const struct spawn_request *request, struct spawned *ret, struct error *err);
