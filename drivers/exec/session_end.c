/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of a command goes: its process, what containerd remembers, its directory. Deleting
 * waits for whoever holds its output open, for which that is read all the time; a deletion that
 * fails is tried again, and what then stays is found by its directory.
 */
#include <errno.h>
#include <signal.h>

#include "drivers/exec/session_private.h"

enum {
	ENDS_CHECK_MS = 20, /* between two looks whether a killed command has ended */
	ENDS_CHECKS = 250,
	GO_AGAIN_MS = 1000, /* after a deletion that failed */
	GO_TRIES = 20,
};

struct end_op {
	struct ctd_op op;
	struct session *session;
	unsigned checks;
	struct timer again;
};

enum { STEP_DELETE = 2, STEP_CHECK };

static struct end_op *end_of(struct op *op)
{
	return container_of(op, struct end_op, op.op);
}

static struct session *session_of(struct op *op)
{
	return end_of(op)->session;
}

static int open_left(struct op *op, struct error *err UNUSED)
{
	if (!session_of(op)->exec)
		session_open_left(session_of(op));
	return 0;
}

static int done_open_left(struct op *op, int status UNUSED)
{
	session_read_on(session_of(op));
	return OP_NEXT;
}

static int start_kill(struct op *op)
{
	struct session *session = session_of(op);
	Ctd__TaskKillRequest request = CTD__TASK_KILL_REQUEST__INIT;

	if (session->exited)
		return OP_NEXT;
	request.container_id = session->container;
	request.exec_id = session->id;
	request.has_signal = true;
	request.signal = SIGKILL;
	return ctd_unary(op, &tasks_kill_method, &request.base);
}

static int start_delete(struct op *op)
{
	Ctd__TaskProcessRequest request = CTD__TASK_PROCESS_REQUEST__INIT;

	request.container_id = session_of(op)->container;
	request.exec_id = session_of(op)->id;
	return ctd_unary(op, &tasks_delete_process_method, &request.base);
}

/* While it is dying it is refused, by some with no code of its own. */
static int done_delete(struct op *op, int status)
{
	if (status == 0 || status == -ENOENT) {
		op->next = STEP_CHECK + 1;
		return OP_NEXT;
	}
	if (end_of(op)->checks++ < ENDS_CHECKS)
		return OP_NEXT;
	return ctd_fail(op, -EBUSY, "a command in it does not end");
}

static void on_again(struct timer *timer)
{
	call_complete(&container_of(timer, struct end_op, again)->op.op.step, 0, NULL);
}

static int start_check(struct op *op)
{
	timer_start(ctd_of(op)->ops.loop, &end_of(op)->again, ENDS_CHECK_MS, on_again);
	return OP_WAIT;
}

static int done_check(struct op *op, int status UNUSED)
{
	op->next = STEP_DELETE;
	return OP_NEXT;
}

static int remove_files(struct op *op, struct error *err)
{
	return session_remove_files(session_of(op)->dir, err);
}

static const struct step end_steps[] = {
	{ .name = "look at its FIFOs", .blocking = open_left, .done = done_open_left },
	{ .name = "kill the command", .also_ok = { ENOENT, EBUSY }, .start = start_kill },
	[STEP_DELETE] = { .name = "delete the command",
			  .timeout_ms = EXEC_TIMEOUT_MS,
			  .also_ok = { ENOENT, EBUSY },
			  .start = start_delete,
			  .done = done_delete },
	[STEP_CHECK] = { .name = "wait for its end", .start = start_check, .done = done_check },
	{ .name = "remove its files", .blocking = remove_files },
	{ 0 },
};

/* ---- the end of the end ---- */

static void session_free(struct session *session)
{
	struct sessions *sessions = session->sessions;
	struct pending *under_way = &sessions->ctd->ops.under_way;

	rpc_unary_fini(&session->wait);
	list_remove(&session->link);
	strv_fini(&session->argv);
	strv_fini(&session->env);
	free(session->user);
	free(session->cwd);
	free(session->id);
	free(session->namespace_);
	free(session->container);
	free(session->dir);
	free(session->piece);
	free(session);
	if (sessions->closed && list_empty(&sessions->all)) {
		timer_stop(&sessions->close_limit);
		take_ptr(sessions->closed)(sessions->closed_ctx);
	}
	pending_end(under_way);
}

static void complete(struct session *session)
{
	struct error err;

	if (session->exec)
		session->exec->state = NULL;
	if (session->status == 0 && session->cancelled)
		session->status = error_set(&session->err, -ECANCELED, "nobody waits for it");
	err = session->err;
	if (session->call)
		call_complete(session->call, session->status, &err);
	session_free(session);
}

void session_settle(struct session *session)
{
	if (session->state == SESSION_GONE && session->n_handles == 0 &&
	    !session->wait_call.pending)
		complete(session);
}

void session_handle_closed(struct session *session)
{
	session->n_handles--;
	session_settle(session);
}

void session_leave(struct session *session)
{
	if (session->state == SESSION_GONE)
		return;
	session->state = SESSION_GONE;
	timer_stop(&session->timer);
	timer_stop(&session->again);
	session_close_files(session);
	if (session->wait_call.pending)
		rpc_unary_cancel(&session->wait);
	session_settle(session);
}

static void on_try_again(struct timer *timer);

static void on_end(struct call *call)
{
	struct session *session = container_of(call, struct session, op_call);
	struct sessions *sessions = session->sessions;

	if (call->status == 0 || sessions->closing || sessions->ctd->ops.closing ||
	    ++session->tries >= GO_TRIES) {
		if (call->status < 0 && !session->exec) {
			session->status = call->status;
			session->err = call->err;
		}
		session_leave(session);
	} else {
		timer_start(sessions->ctd->ops.loop, &session->again, GO_AGAIN_MS, on_try_again);
	}
}

static void run_end(struct session *session)
{
	struct end_op *end = xnew(struct end_op);
	AUTO_FREE char *object = xasprintf("container %s", session->container);

	end->session = session;
	call_init(&session->op_call, session->sessions->ctd->ops.loop, on_end);
	ctd_op_start(session->sessions->ctd, &end->op, end_steps, session->namespace_, object,
		     &session->op_call);
}

static void on_try_again(struct timer *timer)
{
	run_end(container_of(timer, struct session, again));
}

void session_go(struct session *session)
{
	if (session->state >= SESSION_GOING)
		return;
	session->state = SESSION_GOING;
	timer_stop(&session->timer);
	session_close_input(session);
	if (session->has_dir)
		run_end(session);
	else
		session_leave(session);
}
