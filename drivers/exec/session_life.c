/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a command that runs: its exit, the rest of its output, what it is told. */
#include <errno.h>
#include <signal.h>

#include "core/rpc/wire/exchange.h"
#include "drivers/exec/session_private.h"

enum {
	WAIT_AGAIN_MS = 500,           /* after containerd went away under the question */
	DRAIN_MS = 250,                /* a child of the command may hold its output open */
	HANGUP_MS = 1000,              /* from SIGHUP to SIGKILL */
	AFTER_END_MAX_BYTES = 1 << 18, /* more than all buffers between it and us hold */
};

static struct loop *loop_of(const struct session *session)
{
	return session->sessions->ctd->ops.loop;
}

/* ---- making one ---- */

struct session *session_new(struct sessions *sessions, const char *id)
{
	struct session *session = xnew(struct session);

	session->sessions = sessions;
	session->id = xstrdup(id);
	session->dir = xasprintf("%s/%s", sessions->dir, id);
	session->piece = xcalloc(1, EXEC_PIECE_MAX_BYTES);
	session->input.fd = session->fifos[EXEC_OUT].fd = session->fifos[EXEC_ERR].fd = -1;
	list_append(&sessions->all, &session->link);
	pending_begin(&sessions->ctd->ops.under_way);
	return session;
}

/* ---- its exit ---- */

static void on_drain_over(struct timer *timer);

static void report(struct session *session)
{
	timer_stop(&session->timer);
	session->exec->on_exit(session->exec, session->code);
	session_go(session);
}

void session_check_drained(struct session *session)
{
	if (session->state != SESSION_ENDED || session->cancelled)
		return;
	timer_stop(&session->timer);
	if (session->held)
		return; /* it is whoever reads that takes his time */
	if (session_has_all(session) || session->after_end > AFTER_END_MAX_BYTES)
		report(session);
	else
		timer_start(loop_of(session), &session->timer, DRAIN_MS, on_drain_over);
}

static void on_drain_over(struct timer *timer)
{
	report(container_of(timer, struct session, timer));
}

static void ended(struct session *session, unsigned code)
{
	session->exited = true;
	session->code = code;
	if (session->state != SESSION_RUNNING)
		return;
	session->state = SESSION_ENDED;
	if (session->cancelled)
		session_go(session);
	else
		session_check_drained(session);
}

static void wait_for_exit(struct session *session);

static void on_wait_again(struct timer *timer)
{
	wait_for_exit(container_of(timer, struct session, timer));
}

static void on_waited(struct call *call)
{
	struct session *session = container_of(call, struct session, wait_call);
	const Ctd__TaskWaitReply *reply = (const Ctd__TaskWaitReply *)session->wait.reply;
	unsigned code = reply ? reply->exit_status : EXEC_UNKNOWN_EXIT;

	rpc_unary_fini(&session->wait);
	if (call->status == 0 || call->status == -ENOENT)
		ended(session, code);
	else if (session->state == SESSION_RUNNING && session->sessions->ctd->ops.closing)
		session_leave(session);
	else if (session->state == SESSION_RUNNING && !session->cancelled)
		timer_start(loop_of(session), &session->timer, WAIT_AGAIN_MS, on_wait_again);
	session_settle(session);
}

/* For as long as it takes: containerd answers when it has ended, whenever that is. */
static void wait_for_exit(struct session *session)
{
	const struct client_scope scope = { .namespace_ = session->namespace_,
					    .timeout_ms = RPC_NO_TIMEOUT };
	Ctd__TaskProcessRequest request = CTD__TASK_PROCESS_REQUEST__INIT;

	if (session->sessions->ctd->ops.closing)
		return session_leave(session);
	request.container_id = session->container;
	request.exec_id = session->id;
	call_init(&session->wait_call, loop_of(session), on_waited);
	client_unary(session->sessions->ctd->channel, &tasks_wait_method, &scope, &request.base,
		     &session->wait, &session->wait_call);
}

/* ---- what it is told ---- */

struct control_op {
	struct ctd_op op;
	char *id, *container;
	struct exec_control control;
};

static struct control_op *control_of(struct op *op)
{
	return container_of(op, struct control_op, op.op);
}

static void control_fini(struct op *op)
{
	free(control_of(op)->id);
	free(control_of(op)->container);
}

static int start_close_input(struct op *op)
{
	Ctd__TaskCloseInputRequest request = CTD__TASK_CLOSE_INPUT_REQUEST__INIT;

	request.container_id = control_of(op)->container;
	request.exec_id = control_of(op)->id;
	request.has_stdin = request.stdin = true;
	return ctd_unary(op, &tasks_close_input_method, &request.base);
}

static int start_resize(struct op *op)
{
	Ctd__TaskResizeRequest request = CTD__TASK_RESIZE_REQUEST__INIT;

	request.container_id = control_of(op)->container;
	request.exec_id = control_of(op)->id;
	request.has_width = request.has_height = true;
	request.width = control_of(op)->control.columns;
	request.height = control_of(op)->control.rows;
	return ctd_unary(op, &tasks_resize_method, &request.base);
}

static int start_signal(struct op *op)
{
	Ctd__TaskKillRequest request = CTD__TASK_KILL_REQUEST__INIT;

	request.container_id = control_of(op)->container;
	request.exec_id = control_of(op)->id;
	request.has_signal = true;
	request.signal = (uint32_t)control_of(op)->control.signal;
	return ctd_unary(op, &tasks_kill_method, &request.base);
}

static const struct step orders[][2] = {
	[EXEC_END_INPUT] = { { .name = "end the input of the command",
			       .also_ok = { ENOENT, EBUSY },
			       .start = start_close_input } },
	[EXEC_RESIZE] = { { .name = "resize the terminal of the command",
			    .also_ok = { ENOENT, EBUSY },
			    .start = start_resize } },
	[EXEC_SIGNAL] = { { .name = "send the command a signal",
			    .also_ok = { ENOENT, EBUSY },
			    .start = start_signal } },
};

static void order(struct session *session, const struct exec_control *control, struct call *call)
{
	struct control_op *op = xnew(struct control_op);
	AUTO_FREE char *object = xasprintf("container %s", session->container);

	op->id = xstrdup(session->id);
	op->container = xstrdup(session->container);
	op->control = *control;
	op->op.fini = control_fini;
	ctd_op_start(session->sessions->ctd, &op->op, orders[control->order], session->namespace_,
		     object, call);
}

void session_control(struct sessions *sessions UNUSED, struct exec_session *exec,
		     const struct exec_control *control, struct call *call)
{
	struct session *session = exec->state;

	if (!session || session->state != SESSION_RUNNING)
		return call_complete(call, 0, NULL);
	if (control->order == EXEC_END_INPUT)
		session_close_input(session);
	order(session, control, call);
}

/* ---- nobody wants it any more ---- */

static void on_hangup_over(struct timer *timer)
{
	session_go(container_of(timer, struct session, timer));
}

static void on_hangup_sent(struct call *call)
{
	free(call);
}

static void hang_up(struct session *session)
{
	const struct exec_control hangup = { .order = EXEC_SIGNAL, .signal = SIGHUP };
	struct call *call = xnew(struct call);

	call_init(call, loop_of(session), on_hangup_sent);
	order(session, &hangup, call);
	session_close_input(session);
	session->held = 0;
	session_read_on(session);
	timer_start(loop_of(session), &session->timer, HANGUP_MS, on_hangup_over);
}

void session_cancel(struct exec_session *exec)
{
	struct session *session = exec->state;

	if (!session || session->cancelled)
		return;
	session->cancelled = true;
	if (session->state == SESSION_RUNNING)
		hang_up(session);
	else if (session->state == SESSION_ENDED || !session->begun)
		session_go(session);
}

/* ---- it runs, or not ---- */

static void on_started(struct call *call)
{
	struct session *session = container_of(call, struct session, op_call);
	struct sessions *sessions = session->sessions;

	session_end_turn(session);
	if (call->status < 0) {
		session->status = call->status;
		session->err = call->err;
		session->exec->failure = session_failure(call->err.msg);
		return session_go(session);
	}
	session->state = SESSION_RUNNING;
	if (sessions->closing)
		return session_go(session);
	wait_for_exit(session);
	if (session->cancelled)
		return hang_up(session);
	session->exec->on_started(session->exec);
	session_read_on(session);
}

static void add_all(struct strv *strv, const char *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strv_add(strv, items[i]);
}

static void set_request(struct session *session, struct exec_session *exec)
{
	session->exec = exec;
	session->namespace_ = xstrdup(exec->namespace_);
	session->container = xstrdup(exec->container);
	add_all(&session->argv, exec->argv, exec->n_argv);
	add_all(&session->env, exec->env, exec->n_env);
	session->user = str_dup_filled(exec->user);
	session->cwd = str_dup_filled(exec->dir);
	session->tty = exec->tty;
	session->has_input = exec->input;
	session->columns = exec->columns;
	session->rows = exec->rows;
}

void sessions_exec(struct sessions *sessions, struct exec_session *exec, struct call *call)
{
	AUTO_FREE char *id = xasprintf("%s-%u", sessions->maker, ++sessions->n_made);
	struct session *session;
	struct error err;

	exec->state = NULL;
	exec->failure = EXEC_FAILED;
	if (!sessions->dir || sessions->closing) {
		error_set(&err, -ECANCELED, "kukeond is stopping");
		return call_complete(call, err.code, &err);
	}
	session = session_new(sessions, id);
	set_request(session, exec);
	session->call = call;
	session->started = on_started;
	exec->state = session;
	session_await_turn(session);
}
