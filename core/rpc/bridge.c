/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc/bridge.h"

#include <errno.h>
#include <grpc/support/time.h>
#include <pthread.h>

/* ---- the thread ---- */

static void completions_add(struct completions *completions, struct completion completion)
{
	if (completions->n == completions->capacity) {
		completions->capacity = completions->capacity ? 2 * completions->capacity : 64;
		completions->items = xrealloc(completions->items,
					      completions->capacity * sizeof(*completions->items));
	}
	completions->items[completions->n++] = completion;
}

static void hand_over(struct rpc *rpc, grpc_event event)
{
	bool wake;

	uv_mutex_lock(&rpc->mutex);
	wake = rpc->arrived.n == 0;
	if (event.type == GRPC_QUEUE_SHUTDOWN)
		rpc->ended = true;
	else
		completions_add(&rpc->arrived,
				(struct completion){ event.tag, event.success != 0 });
	uv_mutex_unlock(&rpc->mutex);
	if (wake)
		uv_async_send(&rpc->async);
}

static void run_thread(void *arg)
{
	struct rpc *rpc = arg;
	grpc_event event;

	pthread_setname_np(pthread_self(), "rpc");
	for (;;) {
		event = grpc_completion_queue_next(rpc->queue, gpr_inf_future(GPR_CLOCK_REALTIME),
						   NULL);
		if (event.type == GRPC_QUEUE_SHUTDOWN)
			break;
		hand_over(rpc, event);
	}
	grpc_completion_queue_destroy(rpc->queue);
	rpc_library_fini();
	hand_over(rpc, event);
}

/* ---- the loop's side ---- */

static void on_finish(struct deferred *deferred)
{
	struct rpc *rpc = container_of(deferred, struct rpc, finish);
	void (*closed)(void *ctx) = rpc->closed;
	void *ctx = rpc->closed_ctx;

	free(rpc->arrived.items);
	free(rpc->current.items);
	free(rpc);
	if (closed)
		closed(ctx);
}

/* Deferred behind the done callbacks of the last calls, so that @closed is the last of all. */
static void on_async_closed(uv_handle_t *handle)
{
	struct rpc *rpc = container_of((uv_async_t *)handle, struct rpc, async);

	loop_defer(rpc->loop, &rpc->finish, on_finish);
}

static void end_thread(struct rpc *rpc)
{
	check(uv_thread_join(&rpc->thread) == 0);
	uv_mutex_destroy(&rpc->mutex);
	uv_close((uv_handle_t *)&rpc->async, on_async_closed);
}

static void shut_queue_when_idle(struct rpc *rpc)
{
	if (!rpc->closing || rpc->queue_shut || rpc->n_calls > 0)
		return;
	rpc->queue_shut = true;
	grpc_completion_queue_shutdown(rpc->queue);
}

static void on_async(uv_async_t *async)
{
	struct rpc *rpc = container_of(async, struct rpc, async);
	struct completions batch;
	bool ended;

	uv_mutex_lock(&rpc->mutex);
	batch = rpc->arrived;
	rpc->arrived = rpc->current;
	ended = rpc->ended;
	uv_mutex_unlock(&rpc->mutex);
	for (size_t i = 0; i < batch.n; i++)
		batch.items[i].tag->fn(batch.items[i].tag, batch.items[i].ok);
	batch.n = 0;
	rpc->current = batch;
	if (ended)
		end_thread(rpc);
	else
		shut_queue_when_idle(rpc);
}

int rpc_open(struct rpc **ret_rpc, struct loop *loop, struct error *err)
{
	struct rpc *rpc = xnew(struct rpc);
	int r;

	rpc->loop = loop;
	r = uv_async_init(&loop->uv, &rpc->async, on_async);
	if (r < 0) {
		free(rpc);
		return error_set(err, r, "cannot create the wake-up handle of gRPC: %s",
				 uv_strerror(r));
	}
	check(uv_mutex_init(&rpc->mutex) == 0);
	rpc_library_init();
	rpc->queue = grpc_completion_queue_create_for_next(NULL);
	check(uv_thread_create(&rpc->thread, run_thread, rpc) == 0);
	*ret_rpc = rpc;
	return 0;
}

void rpc_close(struct rpc *rpc, void (*closed)(void *ctx), void *ctx)
{
	check(rpc->n_servers == 0 && rpc->n_channels == 0 && !rpc->closing);
	rpc->closing = true;
	rpc->closed = closed;
	rpc->closed_ctx = ctx;
	shut_queue_when_idle(rpc);
}
