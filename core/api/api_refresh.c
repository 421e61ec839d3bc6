/* SPDX-License-Identifier: Apache-2.0 */
/* Refresh and Purge: what concerns everything. Both wait for the engine; one of each at a time is
 * looked after, the others wait with it. */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/reconcile/relist.h"
#include "core/status/record.h"

enum {
	REFRESH_CHECK_MS = 10,      /* between two looks whether a refresh is through */
	REFRESH_MAX_MS = 30 * 1000, /* then it fails and says so */
	PURGE_CHECK_MS = 50,        /* between two looks at what is left */
	PURGE_STALL_MS = 60 * 1000, /* without any object going, and no container in its grace */
};

/* One call that waits. */
struct waiter {
	struct list link; /* struct api.waiters */
	struct api *api;
	struct rpc_server_call *call;
	struct timer check;
	uint64_t give_up_ms; /* loop time */
	unsigned scans;      /* Refresh: of the manifests, when it began */
	size_t objects;      /* Purge: how many there were when one last went */
};

static struct waiter *waiter_new(struct api *api, struct rpc_server_call *call, uint64_t max_ms)
{
	struct waiter *waiter = xnew(struct waiter);

	waiter->api = api;
	waiter->call = call;
	waiter->give_up_ms = loop_now_ms(api->options.engine->loop) + max_ms;
	list_append(&api->waiters, &waiter->link);
	return waiter;
}

static void waiter_free(struct waiter *waiter)
{
	timer_stop(&waiter->check);
	list_remove(&waiter->link);
	free(waiter);
}

static void waiter_fail(struct waiter *waiter, const struct error *err)
{
	rpc_server_fail(waiter->call, err->code, err);
	waiter_free(waiter);
}

void api_cancel_waiters(struct api *api)
{
	struct waiter *waiter;
	struct error err;

	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	list_for_each(waiter, &api->waiters, link)
		waiter_fail(waiter, &err);
}

static size_t count_objects(const struct engine *engine)
{
	const struct object *object;
	size_t n = 0;

	map_for_each(object, &engine->objects, node)
		n += object->kind != KIND_CONTAINER;
	return n;
}

/* ---- Refresh ---- */

static void on_refresh_check(struct timer *timer)
{
	struct waiter *waiter = container_of(timer, struct waiter, check);
	struct engine *engine = waiter->api->options.engine;
	Api__RefreshResponse reply = API__REFRESH_RESPONSE__INIT;
	struct error err;

	if (list_empty(&engine->relists) && list_empty(&engine->runs) &&
	    engine->desired.scans != waiter->scans) {
		reply.has_objects = true;
		reply.objects = (uint32_t)count_objects(engine);
		rpc_server_reply(waiter->call, &reply.base);
		waiter_free(waiter);
	} else if (loop_now_ms(engine->loop) >= waiter->give_up_ms) {
		error_set(&err, -ETIMEDOUT,
			  "not everything could be looked at within %d s; 'kuke status' says what "
			  "does not answer",
			  REFRESH_MAX_MS / 1000);
		waiter_fail(waiter, &err);
	} else {
		timer_start(engine->loop, timer, REFRESH_CHECK_MS, on_refresh_check);
	}
}

static void regenerate_spaces(struct engine *engine)
{
	struct object *object;

	map_for_each(object, &engine->spaces, space_node) {
		if (!object->wanted)
			continue;
		object->backing.regenerate = true;
		object->backing.applied = false;
		engine_want_anew(engine, &object->backing.slot);
		engine_enqueue(engine, object);
	}
}

void api_on_refresh(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__RefreshRequest *request = (const Api__RefreshRequest *)message;
	struct api *api = ctx;
	struct engine *engine = api->options.engine;
	struct waiter *waiter = waiter_new(api, call, REFRESH_MAX_MS);

	waiter->scans = engine->desired.scans;
	if (request->regenerate_cni)
		regenerate_spaces(engine);
	if (api->options.rescan)
		api->options.rescan(api->options.rescan_ctx);
	else
		waiter->scans--;
	relist_all(engine);
	timer_start(engine->loop, &waiter->check, REFRESH_CHECK_MS, on_refresh_check);
}

/* ---- Purge ---- */

/* Something has been asked to end, and has time for it. */
static bool in_grace(const struct engine *engine)
{
	uint64_t now_ms = loop_now_ms(engine->loop);
	const struct object *object;
	struct container *c;

	map_for_each(object, &engine->objects, node)
		list_for_each(c, &object->cell.containers, link)
			if (c->stop_sent_ms && !c->kill_sent_ms &&
			    now_ms < c->stop_sent_ms + c->stop_grace_ms)
				return true;
	return false;
}

/* The daemon goes on, with what is left and why. */
static void report_stall(struct waiter *waiter)
{
	Api__StatusResponse *status = api_status_report(waiter->api);
	Api__PurgeResponse reply = API__PURGE_RESPONSE__INIT;

	reply.remaining = status->problems;
	reply.n_remaining = status->n_problems;
	rpc_server_reply(waiter->call, &reply.base);
	protobuf_c_message_free_unpacked(&status->base, NULL);
	waiter_free(waiter);
}

static void report_purged(struct waiter *waiter)
{
	const struct self_control *self = &waiter->api->options.self;
	Api__PurgeResponse reply = API__PURGE_RESPONSE__INIT;

	rpc_server_reply(waiter->call, &reply.base);
	waiter_free(waiter);
	if (self->stop)
		self->stop(self->ctx);
}

static void on_purge_check(struct timer *timer);

static void on_left(struct call *call)
{
	struct engine *engine = container_of(call, struct engine, leaving.call);

	if (call->status < 0)
		log_warning("other managers of the packet filter: %s", call->err.msg);
	engine->leaving.done = true;
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

static void on_purge_check(struct timer *timer)
{
	struct waiter *waiter = container_of(timer, struct waiter, check);
	struct engine *engine = waiter->api->options.engine;
	uint64_t now_ms = loop_now_ms(engine->loop);
	size_t objects = count_objects(engine);

	if (objects < waiter->objects || in_grace(engine)) {
		waiter->objects = objects;
		waiter->give_up_ms = now_ms + PURGE_STALL_MS;
	}
	if (!objects && has_left(engine))
		return report_purged(waiter);
	if (now_ms >= waiter->give_up_ms)
		return report_stall(waiter);
	timer_start(engine->loop, timer, PURGE_CHECK_MS, on_purge_check);
}

void api_on_purge(struct rpc_server_call *call, const ProtobufCMessage *message UNUSED, void *ctx)
{
	struct api *api = ctx;
	struct engine *engine = api->options.engine;
	struct waiter *waiter = waiter_new(api, call, PURGE_STALL_MS);

	log_info("purge: everything is taken down");
	record_request(engine, RECORD_PURGE_REQUESTED, "", rpc_server_call_peer(call).uid, NULL, 0);
	waiter->objects = count_objects(engine);
	desired_purge(engine);
	timer_start(engine->loop, &waiter->check, 1, on_purge_check);
}
