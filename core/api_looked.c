/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about what is, in the first moments of a daemon: nothing has been looked at yet, and the
 * request itself may have started it. They wait until the host has been looked at, what was seen
 * has been judged and what follows from that is done, for a moment at most: where something does
 * not answer, or takes its time, the answer says so.
 */
#include <errno.h>

#include "core/api_internal.h"
#include "core/filter.h"

enum { LOOK_AGAIN_MS = 20, LIMIT_MS = 3000 };

struct waiting {
	struct list link; /* struct api.first_look.waiting */
	struct rpc_server_call *server_call;
	ProtobufCMessage *request;
	api_answer_fn answer;
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
				(engine_has_looked(engine) && filter_was_tried(engine) &&
				 list_empty(&engine->queue.ready) && list_empty(&engine->runs));
	return api->first_look.over;
}

static void on_look_again(struct timer *timer)
{
	struct api *api = container_of(timer, struct api, first_look.again);
	struct list *link;

	if (!is_over(api)) {
		timer_start(api->options.engine->loop, timer, LOOK_AGAIN_MS, on_look_again);
		return;
	}
	while ((link = list_pop(&api->first_look.waiting))) {
		struct waiting *waiting = list_entry(link, struct waiting, link);

		waiting->answer(api, waiting->server_call, waiting->request);
		protobuf_c_message_free_unpacked(waiting->request, NULL);
		free(waiting);
	}
}

void api_when_looked(struct api *api, struct rpc_server_call *call, const ProtobufCMessage *request,
		     api_answer_fn answer)
{
	struct waiting *waiting;

	if (is_over(api)) {
		answer(api, call, request);
		return;
	}
	waiting = xnew(struct waiting);
	waiting->server_call = call;
	waiting->request = model_copy(request);
	waiting->answer = answer;
	list_append(&api->first_look.waiting, &waiting->link);
	timer_start(api->options.engine->loop, &api->first_look.again, LOOK_AGAIN_MS,
		    on_look_again);
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
