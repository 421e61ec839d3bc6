/* SPDX-License-Identifier: Apache-2.0 */
/* Get: from memory. */
#include "core/api/api_internal.h"

static void add_to_reply(void *ctx, Api__Object *object)
{
	Api__GetResponse *reply = ctx;

	reply->objects = xrealloc(reply->objects, (reply->n_objects + 1) * sizeof(*reply->objects));
	reply->objects[reply->n_objects++] = object;
}

static void answer(struct api *api, struct pending_reply *pending)
{
	const Api__GetRequest *request = (const Api__GetRequest *)pending->request;
	struct api_selection selection;
	const struct object *object;
	Api__GetResponse *reply;
	struct error err;

	if (api_selection_init(&selection, api, request->selector, &err) < 0)
		return reply_fail(pending, &err);
	reply = xnew(Api__GetResponse);
	api__get_response__init(reply);
	selection.give = add_to_reply;
	selection.ctx = reply;
	map_for_each(object, &api->options.engine->objects, node)
		api_select_object(&selection, object);
	api_selection_fini(&selection); /* it is of the request */
	reply_send(pending, &reply->base);
	protobuf_c_message_free_unpacked(&reply->base, NULL);
}

void api_on_get(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__GetRequest *request = (const Api__GetRequest *)message;
	struct api *api = ctx;

	bool spaces = request->selector && request->selector->kind == API__KIND__KIND_SPACE;

	api_ask_runtime(api);
	api_when_known(api, call, message, spaces ? API_KNOWN_DROPPED : 0, answer);
}
