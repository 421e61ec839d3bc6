/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec: a command in a container, read and written over one stream of each kind. What it writes is
 * taken from the driver when the message before has left, and the caller is asked for the next
 * message when the one before has been taken: so one of each is held here. What users run is
 * theirs: it stands in no log.
 */
#include <errno.h>
#include <signal.h>

#include "core/api/exec/api_exec.h"
#include "core/base/buf.h"
#include "core/driver/runtime.h"

enum {
	INPUT_MAX_BYTES = 1 << 20,
	COLUMNS_MAX = 65535, /* of a terminal: what the kernel keeps of it */
	NOT_INVOCABLE = 126,
	NOT_FOUND = 127, /* what shells say */
};

struct execution {
	struct pending_reply reply;
	struct runtime *runtime;
	struct loop *loop;
	struct exec_session session;
	struct call call;    /* of the session */
	struct call control; /* of one order at a time */
	char *namespace_, *container;
	struct buf input; /* of which this was given: */
	size_t given;
	bool waits;     /* the driver has something that could not be sent */
	bool exited;    /* code, and why it could not be run, are known */
	bool ended;     /* the call of the session has */
	bool heard_all; /* the caller sends no more */
	unsigned code;
	struct error why;
};

static bool is_over(const struct execution *execution)
{
	return execution->exited || execution->ended || execution->reply.held ||
	       !execution->reply.call;
}

static void maybe_free(struct execution *execution)
{
	if (!execution->ended || execution->reply.call || execution->control.pending)
		return;
	buf_fini(&execution->input);
	free(execution->namespace_);
	free(execution->container);
	free(execution);
}

/* ---- what the caller hears ---- */

static void tell_exit(struct execution *execution)
{
	Api__ExecResponse response = API__EXEC_RESPONSE__INIT;
	Api__ExecExit end = API__EXEC_EXIT__INIT;

	if (execution->reply.held || !execution->reply.call ||
	    !rpc_server_call_writable(execution->reply.call))
		return;
	end.has_code = true;
	end.code = execution->code;
	end.message = execution->why.msg[0] ? execution->why.msg : NULL;
	response.exit = &end;
	rpc_server_send(execution->reply.call, &response.base);
	reply_end_stream(&execution->reply);
}

static bool on_output(struct exec_session *session, enum exec_stream stream, const void *data,
		      size_t len)
{
	struct execution *execution = container_of(session, struct execution, session);
	Api__ExecResponse response = API__EXEC_RESPONSE__INIT;
	ProtobufCBinaryData bytes = { .data = (uint8_t *)data, .len = len };

	if (is_over(execution))
		return true;
	execution->waits = !rpc_server_call_writable(execution->reply.call);
	if (execution->waits)
		return false;
	response.has_out = stream == EXEC_OUT;
	response.has_err = stream == EXEC_ERR;
	response.out = response.err = bytes;
	rpc_server_send(execution->reply.call, &response.base);
	return true;
}

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	struct execution *execution = owner;

	if (execution->exited)
		return tell_exit(execution);
	if (!execution->waits)
		return;
	execution->waits = false;
	execution->runtime->ops->exec_resume(execution->runtime, &execution->session);
}

/* ---- what the caller says ---- */

static void ask(struct execution *execution)
{
	if (!is_over(execution) && !execution->heard_all)
		rpc_server_receive(execution->reply.call);
}

static void give(struct execution *execution)
{
	struct buf *input = &execution->input;

	execution->given += execution->runtime->ops->exec_give(
		execution->runtime, &execution->session, input->data + execution->given,
		input->len - execution->given);
	if (execution->given == input->len)
		ask(execution);
}

static void on_room(struct exec_session *session)
{
	struct execution *execution = container_of(session, struct execution, session);

	if (!is_over(execution) && execution->given < execution->input.len)
		give(execution);
}

static void on_ordered(struct call *call)
{
	struct execution *execution = container_of(call, struct execution, control);

	ask(execution);
	maybe_free(execution);
}

static void order(struct execution *execution, const struct exec_control *control)
{
	call_init(&execution->control, execution->loop, on_ordered);
	execution->runtime->ops->exec_control(execution->runtime, &execution->session, control,
					      &execution->control);
}

static int check_message(const Api__ExecRequest *request, struct error *err)
{
	int n = request->has_input + request->has_end_of_input + !!request->size +
		request->has_signal;

	if (request->start || n != 1)
		return error_set(err, -EINVAL,
				 "each message but the first says one thing: input, "
				 "its end, a size or a signal");
	if (request->has_input && request->input.len > INPUT_MAX_BYTES)
		return error_set(err, -EINVAL, "a piece of input has more than %d bytes",
				 INPUT_MAX_BYTES);
	if (request->has_signal && (request->signal < 1 || request->signal > (unsigned)SIGRTMAX))
		return error_set(err, -EINVAL, "there is no signal %u", request->signal);
	return 0;
}

static unsigned side(uint32_t cells)
{
	return cells < COLUMNS_MAX ? cells : COLUMNS_MAX;
}

static void obey(struct execution *execution, const Api__ExecRequest *request)
{
	struct exec_control control = { .order = EXEC_END_INPUT };

	if (request->size) {
		control.order = EXEC_RESIZE;
		control.columns = side(request->size->columns);
		control.rows = side(request->size->rows);
	} else if (request->has_signal) {
		control.order = EXEC_SIGNAL;
		control.signal = (int)request->signal;
	}
	order(execution, &control);
}

static void on_message(struct rpc_server_call *call UNUSED, const ProtobufCMessage *message,
		       void *owner)
{
	const Api__ExecRequest *request = (const Api__ExecRequest *)message;
	static const struct exec_control end_input = { .order = EXEC_END_INPUT };
	struct execution *execution = owner;
	struct error err;

	execution->heard_all |= !request;
	if (is_over(execution))
		return;
	if (!request)
		return order(execution, &end_input);
	if (check_message(request, &err) < 0)
		return reply_fail_stream(&execution->reply, &err);
	if (!request->has_input)
		return obey(execution, request);
	execution->input.len = execution->given = 0;
	buf_add(&execution->input, request->input.data, request->input.len);
	give(execution);
}

/* ---- its life ---- */

static void on_started(struct exec_session *session)
{
	struct execution *execution = container_of(session, struct execution, session);
	Api__ExecResponse response = API__EXEC_RESPONSE__INIT;

	if (is_over(execution) || !rpc_server_call_writable(execution->reply.call))
		return;
	response.has_started = response.started = true;
	rpc_server_send(execution->reply.call, &response.base);
	ask(execution);
}

static void on_session_exit(struct exec_session *session, unsigned code)
{
	struct execution *execution = container_of(session, struct execution, session);

	execution->exited = true;
	execution->code = code;
	tell_exit(execution);
}

/* What the caller may mend is said to him as the end of his command, as a shell does. */
static void fail(struct execution *execution, const struct error *err)
{
	static const unsigned codes[] = {
		[EXEC_NOT_FOUND] = NOT_FOUND, [EXEC_NOT_INVOCABLE] = NOT_INVOCABLE
	};
	struct error copy = *err;

	if (err->code == -ECONNREFUSED || err->code == -ETIMEDOUT)
		copy.code = -EIO; /* he has reached us, whoever was not reached */
	if (execution->session.failure == EXEC_FAILED)
		return reply_fail_stream(&execution->reply, &copy);
	execution->exited = true;
	execution->code = codes[execution->session.failure];
	execution->why = copy;
	tell_exit(execution);
}

static void on_ended(struct call *call)
{
	struct execution *execution = container_of(call, struct execution, call);

	execution->ended = true;
	if (call->status < 0 && execution->reply.call && !execution->exited)
		fail(execution, &call->err);
	maybe_free(execution);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	struct execution *execution = owner;

	reply_closed(&execution->reply);
	if (!execution->ended && !execution->exited)
		execution->runtime->ops->exec_cancel(execution->runtime, &execution->session);
	maybe_free(execution);
}

static const struct reply_kind kind = { .stream = true, .whole = true };

static const struct rpc_stream_handler handler = {
	.on_writable = on_writable,
	.on_message = on_message,
	.on_closed = on_closed,
};

static void set_session(struct exec_session *session, const Api__ExecStart *start)
{
	session->argv = (const char *const *)start->args;
	session->n_argv = start->n_args;
	session->env = (const char *const *)start->env;
	session->n_env = start->n_env;
	session->user = start->user;
	session->dir = start->dir;
	session->tty = start->tty;
	session->input = start->input;
	session->columns = start->size ? side(start->size->columns) : 0;
	session->rows = start->size ? side(start->size->rows) : 0;
	session->on_started = on_started;
	session->on_output = on_output;
	session->on_room = on_room;
	session->on_exit = on_session_exit;
}

static char *namespace_of(const struct container *c)
{
	const struct object *realm = c->object;

	while (realm->parent)
		realm = realm->parent;
	return engine_namespace(realm);
}

static void begin(struct api *api, struct rpc_server_call *call, const struct container *c,
		  const Api__ExecStart *start)
{
	struct execution *execution = xnew(struct execution);
	struct runtime *runtime = api->options.engine->runtime;

	execution->runtime = runtime;
	execution->loop = api->options.engine->loop;
	execution->namespace_ = namespace_of(c);
	execution->container = xstrdup(c->containerd_id);
	set_session(&execution->session, start);
	execution->session.namespace_ = execution->namespace_;
	execution->session.container = execution->container;
	reply_begin(&execution->reply, &api->replies, &kind, call, NULL);
	rpc_server_stream(call, &handler, execution);
	call_init(&execution->call, execution->loop, on_ended);
	runtime->ops->exec(runtime, &execution->session, &execution->call);
}

void api_on_exec(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__ExecRequest *request = (const Api__ExecRequest *)message;
	const struct container *c = NULL;
	struct error err;

	if (exec_check_start(request->start, &err) == 0)
		c = exec_find_container(ctx, request->start, &err);
	if (c)
		begin(ctx, call, c, request->start);
	else
		rpc_server_fail(call, err.code, &err);
}
