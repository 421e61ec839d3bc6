/* SPDX-License-Identifier: Apache-2.0 */
/* The shims that run on this host, found by their command lines. */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"

/* A shim serves all containers of one group, in one namespace of one containerd. */
struct shim {
	char *namespace_, *id, *containerd; /* id: of the container it was started for */
};

struct shims {
	struct shim *items;
	size_t n;
};

/* Reads a command line as /proc has it, @len bytes with a NUL after each word. False: no shim. */
bool shim_parse(const char *cmdline, size_t len, struct shim *ret_shim);
void shim_fini(struct shim *shim);

/* Those of the containerd at @socket. Blocks: for a worker thread. What ends meanwhile is left
 * out. */
void shims_read(const char *socket, struct shims *ret_shims);
void shims_fini(struct shims *shims);

/*
 * SIGKILL to the shim that was started for @id, for a worker thread. Its pid alone is not believed:
 * a pidfd holds the process before its command line is read. -ENOENT: there is none.
 */
int shim_kill(const char *socket, const char *namespace_, const char *id, struct error *err);
