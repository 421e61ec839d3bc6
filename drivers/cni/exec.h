/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs CNI plugins: input on stdin, bounded output, a deadline, the whole process group killed when
 * it passes. A few at a time, the others wait in order. Never blocks the loop, leaves no zombies.
 */
#pragma once

#include "core/base/buf.h"
#include "core/loop/call.h"

enum {
	EXEC_OUT_MAX_BYTES = 1024 * 1024,
	EXEC_ERR_MAX_BYTES = 64 * 1024,
};

struct exec_pool;

struct exec_pool_options {
	unsigned max_running;
	uint64_t deadline_ms; /* from the start of the process to SIGTERM */
	uint64_t grace_ms;    /* from SIGTERM to SIGKILL */
};

struct exec_pool *exec_pool_new(struct loop *loop, const struct exec_pool_options *options);

/* Ends what runs; what waits or comes later is cancelled (-ECANCELED). */
void exec_pool_stop(struct exec_pool *pool);

/* Stops; nothing may be run any more. The memory is gone when @closed runs. */
void exec_pool_close(struct exec_pool *pool, void (*closed)(void *ctx), void *ctx);

struct exec_request {
	const char *dirs;        /* colon list: the first that has the program */
	const char *name;        /* a file name */
	const char *const *args; /* behind the name, ends with NULL; NULL: none */
	char *const *env;
	const char *input;
};

struct exec_output {
	int exit_code;
	struct buf out;
	struct buf err; /* the first EXEC_ERR_MAX_BYTES; the rest is dropped */
};

void exec_output_fini(struct exec_output *output);

/*
 * Runs one program. Success: it exited by itself, with any code. -ENOENT: no such program;
 * -ETIMEDOUT; -EFBIG: too much on stdout; -EIO: a signal ended it. @ret is a zeroed struct that the
 * caller keeps; it is filled in on success.
 */
void exec_run(struct exec_pool *pool, const struct exec_request *request, struct exec_output *ret,
	      struct call *call);
