/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/plugins/exec.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/base/str.h"
#include "drivers/plugins/spawn.h"

enum { READ_BYTES = 16 * 1024 };

struct exec_pool {
	struct loop *loop;
	struct exec_pool_options options;
	struct list queue, running; /* struct exec.link */
	unsigned n_running;
	bool stopping, closing;
	struct deferred gone;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

struct exec {
	struct list link;
	struct exec_pool *pool;
	struct call *call;
	struct exec_output *ret;
	struct exec_output output;
	char *dirs, *name, *input;
	struct strv argv; /* ends with NULL */
	struct strv env;
	uv_poll_t polls[SPAWNED_COUNT];
	struct spawned process;
	int n_handles;
	struct timer timer; /* deadline, then grace */
	int status;         /* why it is being killed */
	struct error err;
};

void exec_output_fini(struct exec_output *output)
{
	buf_fini(&output->out);
	buf_fini(&output->err);
	*output = (struct exec_output){ 0 };
}

static void exec_free(struct exec *exec)
{
	spawned_fini(&exec->process);
	exec_output_fini(&exec->output);
	strv_fini(&exec->env);
	free(exec->dirs);
	free(exec->name);
	strv_fini(&exec->argv);
	free(exec->input);
	free(exec);
}

static void pump(struct exec_pool *pool);

/* ---- the end of a run ---- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct exec *exec = handle->data;
	struct exec_pool *pool = exec->pool;

	if (--exec->n_handles)
		return;
	list_remove(&exec->link);
	pool->n_running--;
	exec_free(exec);
	pump(pool);
}

/* Once: a program that cannot even be killed has been given up before it exits. */
static void complete(struct exec *exec)
{
	struct call *call = exec->call;

	if (!call)
		return;
	exec->call = NULL;
	if (exec->status == 0) {
		*exec->ret = exec->output;
		exec->output = (struct exec_output){ 0 };
	}
	call_complete(call, exec->status, &exec->err);
}

/* Stuck in the kernel: its caller goes on; it keeps its place in the pool until it exits. */
static void on_given_up(struct timer *timer)
{
	complete(container_of(timer, struct exec, timer));
}

static void on_grace_over(struct timer *timer)
{
	struct exec *exec = container_of(timer, struct exec, timer);

	spawned_kill(&exec->process, SIGKILL);
	timer_start(exec->pool->loop, timer, exec->pool->options.grace_ms, on_given_up);
}

/* The first reason stays. */
static void end_early(struct exec *exec, int status, const char *why)
{
	if (exec->status < 0)
		return;
	exec->status = error_set(&exec->err, status, "plugin %s %s", exec->name, why);
	spawned_kill(&exec->process, SIGTERM);
	timer_start(exec->pool->loop, &exec->timer, exec->pool->options.grace_ms, on_grace_over);
}

static void on_deadline(struct timer *timer)
{
	struct exec *exec = container_of(timer, struct exec, timer);
	AUTO_FREE char *why = xasprintf("did not end within %llu ms",
					(unsigned long long)exec->pool->options.deadline_ms);

	end_early(exec, -ETIMEDOUT, why);
}

/* ---- output ---- */

/* Reads what is there. False: nothing more will come. */
static bool drain(struct exec *exec, int which)
{
	struct buf *buf = which == SPAWNED_OUT ? &exec->output.out : &exec->output.err;
	size_t max = which == SPAWNED_OUT ? EXEC_OUT_MAX_BYTES : EXEC_ERR_MAX_BYTES;
	char chunk[READ_BYTES];

	/* Bounded per turn, so that a program that never stops writing cannot hold the loop. */
	for (int turn = 0; turn < 8; turn++) {
		ssize_t n = read(exec->process.fds[which], chunk, sizeof(chunk));
		size_t room = max - buf->len;

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		buf_add(buf, chunk, (size_t)n < room ? (size_t)n : room);
		if (which == SPAWNED_OUT && (size_t)n > room) {
			end_early(exec, -EFBIG, "wrote more than 1 MiB to stdout");
			return false;
		}
	}
	return true;
}

static void on_output(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct exec *exec = poll->data;

	if (!drain(exec, poll == &exec->polls[SPAWNED_OUT] ? SPAWNED_OUT : SPAWNED_ERR))
		uv_poll_stop(poll);
}

static void drain_all(struct exec *exec, int which)
{
	size_t before;

	if (!uv_is_active((uv_handle_t *)&exec->polls[which]))
		return;
	do {
		before = exec->output.out.len;
	} while (drain(exec, which) && exec->output.out.len != before);
}

/*
 * The program has exited but is not reaped: its pid still names the group, so whatever it left
 * running goes now, and nobody else can be hit. Only then is it reaped.
 */
static void on_exit_seen(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct exec *exec = poll->data;
	siginfo_t info = { 0 };

	spawned_kill(&exec->process, SIGKILL);
	drain_all(exec, SPAWNED_OUT);
	drain_all(exec, SPAWNED_ERR);
	check(waitid(P_PIDFD, (id_t)exec->process.fds[SPAWNED_EXIT], &info, WEXITED | WNOHANG) ==
	      0);
	if (info.si_pid == 0)
		return;
	timer_stop(&exec->timer);
	exec->output.exit_code = info.si_status;
	if (exec->status == 0 && info.si_code != CLD_EXITED)
		exec->status = error_set(&exec->err, -EIO, "plugin %s was ended by signal %d (%s)",
					 exec->name, info.si_status, strsignal(info.si_status));
	for (int i = 0; i < SPAWNED_COUNT; i++)
		uv_close((uv_handle_t *)&exec->polls[i], on_handle_closed);
	complete(exec);
}

/* ---- the start of a run ---- */

static void start(struct exec *exec)
{
	struct exec_pool *pool = exec->pool;
	const struct spawn_request request = { .dirs = exec->dirs,
					       .name = exec->name,
					       .input = exec->input,
					       .argv = exec->argv.items,
					       .env = exec->env.items };
	int r = spawn_plugin(&request, &exec->process, &exec->err);

	if (r < 0) {
		exec->status = r;
		complete(exec);
		exec_free(exec);
		return;
	}
	for (int i = 0; i < SPAWNED_COUNT; i++) {
		check(uv_poll_init(&pool->loop->uv, &exec->polls[i], exec->process.fds[i]) == 0);
		exec->polls[i].data = exec;
		uv_poll_start(&exec->polls[i], UV_READABLE,
			      i == SPAWNED_EXIT ? on_exit_seen : on_output);
	}
	exec->n_handles = SPAWNED_COUNT;
	list_append(&pool->running, &exec->link);
	pool->n_running++;
	timer_start(pool->loop, &exec->timer, pool->options.deadline_ms, on_deadline);
}

static void cancel_queue(struct exec_pool *pool)
{
	struct list *link;

	while ((link = list_pop(&pool->queue))) {
		struct exec *exec = list_entry(link, struct exec, link);

		exec->status = error_set(&exec->err, -ECANCELED, "plugin %s not run: shutting down",
					 exec->name);
		complete(exec);
		exec_free(exec);
	}
}

/* Behind its last string there is a NULL. */
static void add_all(struct strv *strv, const char *const *strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		strv_add(strv, strings[i]);
	strv->items = xrealloc(strv->items, (strv->n + 1) * sizeof(char *));
	strv->items[strv->n] = NULL;
}

void exec_run(struct exec_pool *pool, const struct exec_request *request, struct exec_output *ret,
	      struct call *call)
{
	struct exec *exec = xnew(struct exec);

	check(!pool->closing);
	*exec = (struct exec){ .pool = pool, .call = call, .ret = ret, .process = SPAWNED_NONE };
	exec->dirs = xstrdup(request->dirs);
	exec->name = xstrdup(request->name);
	exec->input = xstrdup(request->input);
	strv_add(&exec->argv, request->name);
	add_all(&exec->argv, request->args);
	add_all(&exec->env, (const char *const *)request->env);
	list_append(&pool->queue, &exec->link);
	if (pool->stopping)
		cancel_queue(pool);
	pump(pool);
}

/* ---- the pool ---- */

struct exec_pool *exec_pool_new(struct loop *loop, const struct exec_pool_options *options)
{
	struct exec_pool *pool = xnew(struct exec_pool);

	pool->loop = loop;
	pool->options = *options;
	list_init(&pool->queue);
	list_init(&pool->running);
	return pool;
}

static void on_gone(struct deferred *deferred)
{
	struct exec_pool *pool = container_of(deferred, struct exec_pool, gone);
	void (*closed)(void *ctx) = pool->closed;
	void *ctx = pool->closed_ctx;

	check(list_empty(&pool->queue) && list_empty(&pool->running));
	free(pool);
	if (closed)
		closed(ctx);
}

static void pump(struct exec_pool *pool)
{
	while (!list_empty(&pool->queue) && pool->n_running < pool->options.max_running)
		start(list_entry(list_pop(&pool->queue), struct exec, link));
	if (pool->closing && pool->n_running == 0)
		loop_defer(pool->loop, &pool->gone, on_gone);
}

void exec_pool_stop(struct exec_pool *pool)
{
	struct exec *exec;

	pool->stopping = true;
	cancel_queue(pool);
	list_for_each(exec, &pool->running, link)
		end_early(exec, -ECANCELED, "stopped: shutting down");
}

void exec_pool_close(struct exec_pool *pool, void (*closed)(void *ctx), void *ctx)
{
	check(!pool->closing);
	pool->closing = true;
	pool->closed = closed;
	pool->closed_ctx = ctx;
	exec_pool_stop(pool);
	pump(pool);
}
