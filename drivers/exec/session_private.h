/* SPDX-License-Identifier: Apache-2.0 */
/* One command, and how it is made (session_start.c), read and written (session_io.c), and taken
 * away (session_end.c). Private to drivers/exec. */
#pragma once

#include "api/containerd.pb-c.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/ctd/methods.h"
#include "drivers/exec/sessions.h"

/* runc and the shim: slow on a loaded machine. */
enum { EXEC_TIMEOUT_MS = 60 * 1000 };

enum session_state {
	SESSION_STARTING,
	SESSION_RUNNING,
	SESSION_ENDED, /* the process has; the rest of its output is awaited */
	SESSION_GOING, /* what is left of it is taken away, and its output dropped */
	SESSION_GONE,  /* its handles close */
};

/* One of our ends of its FIFOs. */
struct session_fifo {
	struct session *session;
	int fd;      /* -1: none */
	bool polled; /* poll is a handle of the loop */
	uv_poll_t poll;
};

struct session {
	struct list link; /* struct sessions.all */
	struct sessions *sessions;
	struct exec_session *exec; /* NULL: what an earlier daemon has left */
	struct call *call;         /* NULL: nobody waits */
	char *id, *namespace_, *container, *dir;
	enum session_state state;
	bool begun;     /* it has had its turn to start */
	bool cancelled; /* nobody takes its output, nor waits for its exit */

	/* what was asked for */
	struct strv argv, env;
	char *user, *cwd;
	bool tty, has_input;
	unsigned columns, rows;

	call_fn started;     /* its making has ended */
	struct call op_call; /* of what makes it, or takes it away */
	bool has_dir;        /* there may be something to be taken away */
	int status;          /* of making it */
	struct error err;
	unsigned tries;
	struct timer again; /* the next try to take it away */

	struct session_fifo fifos[EXEC_STREAMS], input;
	unsigned n_handles;
	char *piece; /* EXEC_PIECE_MAX_BYTES that were read last; of which are held: */
	size_t held; /* 0: nothing */
	enum exec_stream held_stream;
	size_t after_end; /* bytes given since the process has ended */

	struct rpc_unary wait;
	struct call wait_call;
	bool exited;
	unsigned code;
	struct timer timer; /* a grace, or the next wait */
};

/* session_start.c */
struct session *session_new(struct sessions *sessions, const char *id);
void session_start(struct session *session);

/* session_turn.c: those of a container start a few at a time */
void session_await_turn(struct session *session);
void session_end_turn(struct session *session);

/* session_process.c: the Process that containerd is given, as JSON, from the spec of the container.
 * @user NULL: the container's. Pure. */
struct user;
int session_process(const struct session *session, const void *spec, size_t len,
		    const struct user *user, struct buf *ret_text, struct error *err);
/* What the words of a start that failed tell. */
enum exec_failure session_failure(const char *text);

/* session_files.c: all block */
int session_make_files(struct session *session, struct error *err);
/* What of the FIFOs is there, to be read until nobody writes any more. */
void session_open_left(struct session *session);
int session_remove_files(const char *dir, struct error *err);
/* "<namespace>" and "<container>" of a directory; false: it says none, and has run nothing. */
bool session_read_place(const char *dir, char **ret_namespace, char **ret_container);

/* session_io.c */
void session_read_on(struct session *session);
/* Nothing more is to come of either stream. */
bool session_has_all(const struct session *session);
void session_close_input(struct session *session);
void session_close_files(struct session *session);

/* session_life.c: told by session_io.c after something was given, or ended. */
void session_check_drained(struct session *session);

/* session_end.c */
/* Takes away what is left of it, then frees it. */
void session_go(struct session *session);
/* Without that: what is left stays. */
void session_leave(struct session *session);
void session_handle_closed(struct session *session);
/* Something has ended that its memory may wait for; to be called last. */
void session_settle(struct session *session);
