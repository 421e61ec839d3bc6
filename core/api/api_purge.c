/* SPDX-License-Identifier: Apache-2.0 */
/* Purge: nothing is wanted any more; when all is gone, who asked is told, and the daemon ends. It
 * goes on when whoever asked has gone. */
#include "core/api/api_internal.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/status/record.h"

enum {
	PURGE_STALL_MS = 60 * 1000, /* without any object going, and no container in its grace */
};

static void on_ended(struct pending_reply *reply)
{
	free(reply);
}

static const struct reply_kind purge_kind = { .ended = on_ended };

/* ---- how it ends ---- */

static void answer(struct api *api, const Api__PurgeResponse *response)
{
	struct pending_reply *reply;

	api->purge.under_way = false;
	timer_stop(&api->purge.stall);
	progress_leave(&api->purge.progress);
	while ((reply = reply_queue_first(&api->purge.queue)))
		reply_send(reply, &response->base);
}

/* The daemon goes on, with what is left and why. */
static void report_stall(struct api *api)
{
	Api__StatusResponse *status = api_status_report(api);
	Api__PurgeResponse response = API__PURGE_RESPONSE__INIT;

	response.remaining = status->problems;
	response.n_remaining = status->n_problems;
	answer(api, &response);
	protobuf_c_message_free_unpacked(&status->base, NULL);
}

static void report_purged(struct api *api)
{
	const struct self_control *self = &api->options.self;
	Api__PurgeResponse response = API__PURGE_RESPONSE__INIT;

	answer(api, &response);
	if (self->stop)
		self->stop(self->ctx);
}

/* ---- whether nothing happens any more ---- */

/* Until when something that was asked to end has time for it, or had. */
static uint64_t grace_ends_ms(const struct container *c)
{
	if (!c->stop_sent_ms)
		return 0;
	return c->kill_sent_ms ? c->kill_sent_ms : c->stop_sent_ms + c->stop_grace_ms;
}

static uint64_t last_grace_ends_ms(const struct engine *engine)
{
	const struct container *c;
	uint64_t last_ms = 0;

	map_for_each(c, &engine->containers, node)
		if (grace_ends_ms(c) > last_ms)
			last_ms = grace_ends_ms(c);
	return last_ms;
}

static void on_stall(struct timer *timer)
{
	struct api *api = container_of(timer, struct api, purge.stall);
	struct engine *engine = api->options.engine;
	uint64_t since_ms = api->purge.since_ms, grace_ms = last_grace_ends_ms(engine);
	uint64_t due_ms = (grace_ms > since_ms ? grace_ms : since_ms) + PURGE_STALL_MS;

	if (due_ms <= loop_now_ms(engine->loop))
		report_stall(api);
	else
		timer_start_at(engine->loop, timer, due_ms, on_stall);
}

/* ---- whether all is gone ---- */

static void on_left(struct call *call)
{
	struct engine *engine = container_of(call, struct engine, leaving.call);

	if (call->status < 0)
		log_warning("other managers of the packet filter: %s", call->err.msg);
	engine->leaving.done = true;
	progress_made(&engine->progress);
	pending_end(&engine->under_way);
}

/* Whether other managers of the packet filter have nothing of ours any more. */
static bool has_left(struct engine *engine)
{
	if (!engine->managers || engine->leaving.begun)
		return !engine->managers || engine->leaving.done;
	engine->leaving.begun = true;
	pending_begin(&engine->under_way);
	call_init(&engine->leaving.call, engine->loop, on_left);
	engine->managers->ops->leave(engine->managers, &engine->leaving.call);
	return false;
}

static void look(struct progress_waiter *waiter)
{
	struct api *api = container_of(waiter, struct api, purge.progress);
	struct engine *engine = api->options.engine;

	if (engine->objects.count < api->purge.objects) {
		api->purge.objects = engine->objects.count;
		api->purge.since_ms = loop_now_ms(engine->loop);
	}
	if (!engine->objects.count && has_left(engine))
		return report_purged(api);
	progress_await(&engine->progress, waiter, look);
}

/* ---- the request ---- */

static void begin(struct api *api)
{
	struct engine *engine = api->options.engine;

	api->purge.under_way = true;
	api->purge.objects = engine->objects.count;
	api->purge.since_ms = loop_now_ms(engine->loop);
	timer_start(engine->loop, &api->purge.stall, PURGE_STALL_MS, on_stall);
	progress_await(&engine->progress, &api->purge.progress, look);
}

void api_on_purge(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	struct api *api = ctx;
	struct engine *engine = api->options.engine;
	struct pending_reply *reply = xnew(struct pending_reply);

	log_info("purge: everything is taken down");
	record_request(engine, RECORD_PURGE_REQUESTED, "", rpc_server_call_peer(call).uid, NULL, 0);
	reply_begin(reply, &api->replies, &purge_kind, call, message);
	reply_wait(reply, &api->purge.queue, 0);
	if (!api->purge.under_way)
		begin(api);
	desired_purge(engine);
	progress_made(&engine->progress); /* there may be nothing to take down */
}

void api_open_purge(struct api *api)
{
	reply_queue_init(&api->purge.queue, api->options.engine->loop, NULL);
}

void api_close_purge(struct api *api)
{
	timer_stop(&api->purge.stall);
	progress_leave(&api->purge.progress);
}
