/* SPDX-License-Identifier: Apache-2.0 */
/* Refresh: answered when all manifests have been read and all of the host has been listed since it
 * was asked, and what followed from that has been done. */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/reconcile/relist.h"

enum { REFRESH_MAX_MS = 30 * 1000 }; /* then it fails and says so */

static void on_ended(struct pending_reply *reply)
{
	free(reply);
}

static const struct reply_kind refresh_kind = { .ended = on_ended };

static bool is_refreshed(const struct api *api)
{
	const struct engine *engine = api->options.engine;
	const struct api_options *options = &api->options;

	return list_empty(&engine->relists) && list_empty(&engine->runs) &&
	       list_empty(&engine->queue.ready) &&
	       (!options->rescan ||
		options->last_read(options->rescan_ctx) >= api->refresh.reading);
}

static uint32_t count_objects(const struct engine *engine)
{
	const struct object *object;
	uint32_t n = 0;

	map_for_each(object, &engine->objects, node)
		n += object->kind != KIND_CONTAINER;
	return n;
}

static void answer_round(struct api *api)
{
	Api__RefreshResponse response = API__REFRESH_RESPONSE__INIT;
	struct pending_reply *reply;

	response.has_objects = true;
	response.objects = count_objects(api->options.engine);
	while ((reply = rounds_next(&api->refresh.rounds)))
		reply_send(reply, &response.base);
	rounds_over(&api->refresh.rounds);
}

static void look(struct progress_waiter *waiter)
{
	struct api *api = container_of(waiter, struct api, refresh.progress);

	if (is_refreshed(api))
		answer_round(api);
	else if (rounds_next(&api->refresh.rounds))
		progress_await(&api->options.engine->progress, waiter, look);
	else /* nobody waits for this one any more */
		rounds_over(&api->refresh.rounds);
}

static void is_late(struct pending_reply *reply)
{
	struct error err;

	error_set(&err, -ETIMEDOUT,
		  "not everything could be looked at within %d s; 'kuke status' says what "
		  "does not answer",
		  REFRESH_MAX_MS / 1000);
	reply_fail(reply, &err);
}

/* The look that follows may find that nothing was to be done. */
static void begin(struct rounds *rounds)
{
	struct api *api = container_of(rounds, struct api, refresh.rounds);
	const struct api_options *options = &api->options;
	struct engine *engine = options->engine;

	if (options->rescan)
		api->refresh.reading = options->rescan(options->rescan_ctx);
	relist_all(engine);
	progress_await(&engine->progress, &api->refresh.progress, look);
	progress_made(&engine->progress);
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
	struct pending_reply *reply = xnew(struct pending_reply);

	reply_begin(reply, &api->replies, &refresh_kind, call, message);
	if (request->regenerate_cni)
		regenerate_spaces(engine);
	rounds_join(&api->refresh.rounds, reply, loop_now_ms(engine->loop) + REFRESH_MAX_MS);
	progress_made(&engine->progress); /* what was under way may be waited for by nobody */
}

void api_open_refresh(struct api *api)
{
	rounds_init(&api->refresh.rounds, api->options.engine->loop, begin, is_late);
}

void api_close_refresh(struct api *api)
{
	progress_leave(&api->refresh.progress);
}
