/* SPDX-License-Identifier: Apache-2.0 */
/* Requests whose answers tell what egress policies made the kernel drop: it is asked before. */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/network/network_egress.h"

/* One request that waits. Outlives the API when that closes: the driver ends it. */
struct counted {
	struct list link; /* struct api.counted; unlinked: nobody waits any more */
	struct api *api;
	struct engine *engine;
	struct rpc_server_call *server_call;
	ProtobufCMessage *request;
	api_answer_fn answer;
	struct filter_drops drops;
	struct call call;
};

/* Counters that cannot be read are no reason to say nothing: what was known of them is said. */
static void on_counted(struct call *call)
{
	struct counted *counted = container_of(call, struct counted, call);
	bool waited_for = list_linked(&counted->link);

	list_remove(&counted->link);
	if (waited_for && call->status == 0)
		egress_note_drops(counted->engine, &counted->drops);
	if (waited_for)
		counted->answer(counted->api, counted->server_call, counted->request);
	filter_drops_fini(&counted->drops);
	protobuf_c_message_free_unpacked(counted->request, NULL);
	free(counted);
}

void api_cancel_counted(struct api *api)
{
	struct counted *counted;
	struct error err;

	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	list_for_each(counted, &api->counted, link) {
		list_remove(&counted->link);
		rpc_server_fail(counted->server_call, err.code, &err);
	}
}

void api_when_counted(struct api *api, struct rpc_server_call *call,
		      const ProtobufCMessage *request, api_answer_fn answer)
{
	struct engine *engine = api->options.engine;
	struct counted *counted;

	if (!egress_any(engine)) {
		answer(api, call, request);
		return;
	}
	counted = xnew(struct counted);
	counted->api = api;
	counted->engine = engine;
	counted->server_call = call;
	counted->request = model_copy(request);
	counted->answer = answer;
	list_append(&api->counted, &counted->link);
	call_init(&counted->call, engine->loop, on_counted);
	engine->network->ops->filter_drops(engine->network, &counted->drops, &counted->call);
}
