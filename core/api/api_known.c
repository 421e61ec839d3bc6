/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about what is. In the first moments of a daemon nothing has been looked at yet, and the
 * request itself may have started it: they wait until the host has been looked at, what was seen
 * has been judged and what follows from that is done. Later they wait until containerd has shown
 * that it answers, and what it says where the last look is old. For a moment at most: where
 * something does not answer, or takes its time, the answer says so.
 */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/network/filter.h"
#include "core/reconcile/relist.h"

enum {
	LOOK_AGAIN_MS = 20,  /* between two looks whether what is asked about was seen */
	ANSWER_AGAIN_MS = 2, /* the same once only an answer is awaited */
	LIMIT_MS = 3000,     /* so long a status waits for the first look */
};

struct waiting {
	struct list link; /* struct api.first_look.waiting */
	struct rpc_server_call *server_call;
	ProtobufCMessage *request;
	api_answer_fn answer;
	uint64_t limit_ms; /* loop time: containerd is not waited for any longer */
};

/* Spaces are not Ready before they are in the packet filter. */
static bool filter_was_tried(const struct engine *engine)
{
	return engine->filter->applied || engine->filter->failures || !engine->objects.count;
}

/* Once it is over it stays so. */
static bool is_over(struct api *api)
{
	const struct engine *engine = api->options.engine;

	api->first_look.over |= loop_now_ms(engine->loop) >= api->first_look.limit_ms ||
				(engine_has_relisted(engine) && filter_was_tried(engine) &&
				 list_empty(&engine->queue.ready) && list_empty(&engine->runs));
	return api->first_look.over;
}

/* Whether containerd has answered since it was asked, and what it said has been judged. */
static bool runtime_is_known(struct api *api)
{
	struct engine *engine = api->options.engine;

	return engine->runtime->ops->ask(engine->runtime) == 0 &&
	       (!relist_runtime_is_under_way(engine) || engine->relist_problems.runtime.err.code);
}

static void on_look_again(struct timer *timer)
{
	struct api *api = container_of(timer, struct api, first_look.again);
	struct loop *loop = api->options.engine->loop;
	bool over = is_over(api),
	     known = over && runtime_is_known(api) && list_empty(&api->options.engine->queue.ready);
	struct waiting *waiting;

	list_for_each(waiting, &api->first_look.waiting, link) {
		if (!over || (!known && loop_now_ms(loop) < waiting->limit_ms))
			continue;
		list_remove(&waiting->link);
		waiting->answer(api, waiting->server_call, waiting->request);
		protobuf_c_message_free_unpacked(waiting->request, NULL);
		free(waiting);
	}
	if (!list_empty(&api->first_look.waiting))
		timer_start(loop, timer, over ? ANSWER_AGAIN_MS : LOOK_AGAIN_MS, on_look_again);
}

void api_when_looked(struct api *api, struct rpc_server_call *call, const ProtobufCMessage *request,
		     api_answer_fn answer)
{
	struct loop *loop = api->options.engine->loop;
	struct waiting *waiting;
	bool over = is_over(api);

	if (over)
		relist_runtime_if_old(api->options.engine);
	if (over && runtime_is_known(api)) {
		answer(api, call, request);
		return;
	}
	waiting = xnew(struct waiting);
	waiting->server_call = call;
	waiting->request = model_copy(request);
	waiting->answer = answer;
	waiting->limit_ms = loop_now_ms(loop) + API_SILENT_MS;
	list_append(&api->first_look.waiting, &waiting->link);
	timer_start(loop, &api->first_look.again, over ? ANSWER_AGAIN_MS : LOOK_AGAIN_MS,
		    on_look_again);
}

void api_ask_runtime(struct api *api)
{
	struct engine *engine = api->options.engine;

	engine->runtime->ops->ask(engine->runtime);
	relist_runtime_if_old(engine);
}

void api_open_first_look(struct api *api)
{
	list_init(&api->first_look.waiting);
	api->first_look.limit_ms = loop_now_ms(api->options.engine->loop) + LIMIT_MS;
}

void api_cancel_first_look(struct api *api)
{
	struct list *link;
	struct error err;

	timer_stop(&api->first_look.again);
	api->first_look.over = true;
	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	while ((link = list_pop(&api->first_look.waiting))) {
		struct waiting *waiting = list_entry(link, struct waiting, link);

		rpc_server_fail(waiting->server_call, err.code, &err);
		protobuf_c_message_free_unpacked(waiting->request, NULL);
		free(waiting);
	}
}
