/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's own process as an object: the cell kukeond of the system realm stands for it.
 *
 * That cell needs no containers of ours. It is Ready while the daemon runs, and what is asked of it
 * (stop, kill, restart) goes to the process through struct self_control.
 */
#pragma once

#include <sys/types.h>

#include "core/base/error.h"

#define SELF_REALM "kukeon-system"
#define SELF_SPACE "kukeon"
#define SELF_STACK "kukeon"
#define SELF_CELL "kukeond"
#define SELF_CONTAINER "kukeond" /* the one container that its status shows */
#define SELF_KEY SELF_REALM "/" SELF_SPACE "/" SELF_STACK "/" SELF_CELL

/* Whether @key is the daemon's own cell; whether that cell lies below @key. */
bool self_is_key(const char *key);
bool self_is_below(const char *key);

struct self {
	pid_t pid;
	int64_t started_ms; /* since the epoch */
	char *cgroup;       /* path below the cgroup mount; NULL when the kernel tells none */
};

/*
 * What the process is now. The first call notes the time as that of the start, so main() makes it:
 * the kernel's own time of the process would stay over an exec. Reads one small file of the kernel.
 */
void self_read(struct self *ret_self);
void self_fini(struct self *self);

/* The path on the v2 line ("0::/...") of the text of /proc/<pid>/cgroup; NULL when there is none.
 * Free with free(). */
char *self_parse_cgroup(const char *text);

/*
 * Executes the program anew in this process, with the arguments and the environment of the start:
 * the file that was executed then, which may have been replaced, or else what runs now. Everything
 * must have been closed. Returns only when that fails.
 */
int self_execute(char **argv, struct error *err);

/*
 * What the process can be told to do. Each returns at once and acts later, so that the call that
 * asked is answered first. When several are asked for, the last one counts.
 */
struct self_control {
	void (*stop)(void *ctx);    /* ends in order, as on SIGTERM; what runs in cells goes on */
	void (*kill)(void *ctx);    /* ends by SIGKILL */
	void (*restart)(void *ctx); /* ends in order and executes itself anew */
	void *ctx;
};
