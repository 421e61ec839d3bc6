/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process in a running container beside its own: struct runtime_ops starts one. It has the user,
 * the groups, the environment, the capabilities, the filter of system calls and the limits of the
 * container, but for what is asked otherwise.
 *
 * Output goes no faster than it is taken and input no faster than the process reads: of each
 * direction one piece is held.
 */
#pragma once

#include "core/loop/call.h"

enum exec_stream { EXEC_OUT, EXEC_ERR, EXEC_STREAMS };

/* Why it was not started, beside an error that speaks for itself. */
enum exec_failure {
	EXEC_FAILED,
	EXEC_NOT_FOUND,     /* there is no such command */
	EXEC_NOT_INVOCABLE, /* there is, or may be, but it cannot be run */
};

enum {
	EXEC_PIECE_MAX_BYTES = 64 << 10, /* of output */
	EXEC_UNKNOWN_EXIT = 137,         /* of one that went with its container */
};

/* Embedded in its owner. */
struct exec_session {
	/* in, copied by exec() */
	const char *namespace_, *container; /* as containerd has them */
	const char *const *argv;
	size_t n_argv;
	const char *const *env; /* "NAME=value", in place of the container's */
	size_t n_env;
	const char *user;       /* "": the container's; as in a manifest */
	const char *dir;        /* "": the container's */
	bool tty;               /* a terminal of its own, whose output is all EXEC_OUT */
	bool input;             /* else it has none */
	unsigned columns, rows; /* of the terminal; 0: not known */

	/* It runs. */
	void (*on_started)(struct exec_session *session);
	/* At most EXEC_PIECE_MAX_BYTES. Whether it was taken; if not, it comes again after
	 * exec_resume(), and nothing else before. */
	bool (*on_output)(struct exec_session *session, enum exec_stream stream, const void *data,
			  size_t len);
	/* More input may be given. */
	void (*on_room)(struct exec_session *session);
	/* It has ended, 128 + n when signal n ended it, and all its output was given. Its call
	 * follows when nothing is left of it; nothing more may be asked of it. */
	void (*on_exit)(struct exec_session *session, unsigned code);

	/* out, when the call has ended with an error */
	enum exec_failure failure;

	void *state; /* the driver's; NULL: not running */
};

enum exec_order {
	EXEC_END_INPUT, /* the process reads its end once it has read what was given */
	EXEC_RESIZE,
	EXEC_SIGNAL,
};

struct exec_control {
	enum exec_order order;
	unsigned columns, rows;
	int signal;
};
