/* SPDX-License-Identifier: Apache-2.0 */
/* Get: from memory. Of spaces with an egress policy after a look at what the kernel has counted. */
#include <errno.h>

#include "core/api_internal.h"

/* One request that waits for that. Outlives the API when that closes: the driver ends it. */
struct get {
	struct list link; /* struct api.gets; unlinked: nobody waits any more */
	struct api *api;
	struct rpc_server_call *server_call;
	ProtobufCMessage *request;
	struct engine *engine;
	struct filter_drops drops;
	struct call call;
};

static void add_to_reply(void *ctx, Api__Object *object)
{
	Api__GetReply *reply = ctx;

	reply->objects = xrealloc(reply->objects, (reply->n_objects + 1) * sizeof(*reply->objects));
	reply->objects[reply->n_objects++] = object;
}

static void answer(struct api *api, struct rpc_server_call *call, const Api__GetRequest *request)
{
	struct api_selection selection;
	const struct object *object;
	Api__GetReply *reply;
	struct error err;

	if (api_selection_init(&selection, api, request->selector, &err) < 0)
		return rpc_server_fail(call, err.code, &err);
	reply = xnew(Api__GetReply);
	api__get_reply__init(reply);
	selection.give = add_to_reply;
	selection.ctx = reply;
	map_for_each(object, &api->options.engine->objects, node)
		api_select_object(&selection, object);
	rpc_server_reply(call, &reply->base);
	protobuf_c_message_free_unpacked(&reply->base, NULL);
	api_selection_fini(&selection);
}

/* Counters that cannot be read are no reason to say nothing: what was known of them is said. */
static void on_counted(struct call *call)
{
	struct get *get = container_of(call, struct get, call);
	bool waited_for = list_linked(&get->link);

	list_remove(&get->link);
	if (waited_for && call->status == 0)
		egress_note_drops(get->engine, &get->drops);
	if (waited_for)
		answer(get->api, get->server_call, (const Api__GetRequest *)get->request);
	filter_drops_fini(&get->drops);
	protobuf_c_message_free_unpacked(get->request, NULL);
	free(get);
}

void api_cancel_gets(struct api *api)
{
	struct error err;
	struct get *get;

	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	list_for_each(get, &api->gets, link) {
		list_remove(&get->link);
		rpc_server_fail(get->server_call, err.code, &err);
	}
}

void api_on_get(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__GetRequest *request = (const Api__GetRequest *)message;
	struct api *api = ctx;
	struct engine *engine = api->options.engine;
	struct get *get;

	if (!request->selector || request->selector->kind != API__KIND__SPACE ||
	    !egress_any(engine)) {
		answer(api, call, request);
		return;
	}
	get = xnew(struct get);
	get->api = api;
	get->engine = engine;
	get->server_call = call;
	get->request = model_copy(message);
	list_append(&api->gets, &get->link);
	call_init(&get->call, engine->loop, on_counted);
	engine->network->ops->filter_drops(engine->network, &get->drops, &get->call);
}
