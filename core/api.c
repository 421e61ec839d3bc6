/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api.h"

#include <errno.h>

#include "core/api_internal.h"
#include "core/status.h"

enum { IDLE_TIMEOUT_MS = 60 * 1000, CLOSE_GRACE_MS = 200 };

/* ---- selection ---- */

static bool part_matches(const char *wanted, const char *have)
{
	return str_empty(wanted) || strcmp(wanted, have) == 0;
}

static bool scope_matches(const Api__Selector *selector, const struct key_parts *parts)
{
	const char *wanted[] = { selector->realm, selector->space, selector->stack,
				 selector->cell };

	for (int kind = 0; kind < (int)parts->kind && kind < (int)ARRAY_SIZE(wanted); kind++)
		if (!part_matches(wanted[kind], parts->part[kind]))
			return false;
	return true;
}

/* An object of the kind, or for containers the cell they are in. */
static bool object_selected(const Api__Selector *selector, const struct object *object)
{
	enum kind wanted = (enum kind)selector->kind,
		  kind = wanted == KIND_CONTAINER ? KIND_CELL : wanted;
	struct key_parts parts;

	if (object->kind != kind || !object->spec || !key_split(object->key, &parts))
		return false;
	if (!scope_matches(selector, &parts))
		return false;
	if (wanted == KIND_CONTAINER)
		return part_matches(selector->cell, parts.part[KIND_CELL]);
	return part_matches(selector->name, parts.part[kind]);
}

static Api__Object *wrap(enum kind kind, ProtobufCMessage *message)
{
	static const Api__Object__ObjectCase cases[] = {
		[KIND_REALM] = API__OBJECT__OBJECT_REALM,
		[KIND_SPACE] = API__OBJECT__OBJECT_SPACE,
		[KIND_STACK] = API__OBJECT__OBJECT_STACK,
		[KIND_CELL] = API__OBJECT__OBJECT_CELL,
		[KIND_CONTAINER] = API__OBJECT__OBJECT_CONTAINER,
	};
	Api__Object *object = xnew(Api__Object);

	api__object__init(object);
	object->object_case = cases[kind];
	object->realm = (Api__Realm *)message; /* all members of the union are message pointers */
	return object;
}

static void give_containers(struct engine *engine, const Api__Selector *selector,
			    const struct object *cell, api_give_fn give, void *ctx)
{
	struct container *c;

	list_for_each(c, &cell->cell.containers, link) {
		Api__Object *object;

		if (!part_matches(selector->name, c->name))
			continue;
		object = wrap(KIND_CONTAINER, &status_render_container(engine, cell, c)->base);
		give(ctx, object);
	}
}

void api_select_object(struct engine *engine, const Api__Selector *selector,
		       const struct object *object, api_give_fn give, void *ctx)
{
	if (!object_selected(selector, object))
		return;
	if (selector->kind == API__KIND__CONTAINER)
		give_containers(engine, selector, object, give, ctx);
	else
		give(ctx, wrap(object->kind, status_render(engine, object)));
}

void api_select(struct engine *engine, const Api__Selector *selector, api_give_fn give, void *ctx)
{
	struct object *object;

	map_for_each(object, &engine->objects, node)
		api_select_object(engine, selector, object, give, ctx);
}

/* ---- unary methods ---- */

static void add_to_reply(void *ctx, Api__Object *object)
{
	Api__GetReply *reply = ctx;

	reply->objects = xrealloc(reply->objects, (reply->n_objects + 1) * sizeof(*reply->objects));
	reply->objects[reply->n_objects++] = object;
}

static void on_get(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__GetRequest *request = (const Api__GetRequest *)message;
	struct api *api = ctx;
	Api__GetReply *reply;
	struct error err;

	if (!request->selector || !request->selector->has_kind) {
		error_set(&err, -EINVAL, "the request selects no kind");
		return rpc_server_fail(call, err.code, &err);
	}
	reply = xnew(Api__GetReply);
	api__get_reply__init(reply);
	api_select(api->options.engine, request->selector, add_to_reply, reply);
	rpc_server_reply(call, &reply->base);
	protobuf_c_message_free_unpacked(&reply->base, NULL);
}

static void on_version(struct rpc_server_call *call, const ProtobufCMessage *message UNUSED,
		       void *ctx)
{
	struct api *api = ctx;
	Api__VersionReply reply = API__VERSION_REPLY__INIT;

	reply.version = (char *)KUKEON_VERSION;
	reply.has_pid = true;
	reply.pid = (uint32_t)getpid();
	reply.started_at = api->started_at;
	rpc_server_reply(call, &reply.base);
}

static void on_status(struct rpc_server_call *call, const ProtobufCMessage *message UNUSED,
		      void *ctx)
{
	Api__StatusReply *reply = api_status_report(ctx);

	rpc_server_reply(call, &reply->base);
	protobuf_c_message_free_unpacked(&reply->base, NULL);
}

static const struct rpc_method methods[] = {
	{ "/kukeon.v1beta1.Kukeon/Version", &api__version_request__descriptor, on_version },
	{ "/kukeon.v1beta1.Kukeon/Status", &api__status_request__descriptor, on_status },
	{ "/kukeon.v1beta1.Kukeon/Get", &api__get_request__descriptor, on_get },
	{ "/kukeon.v1beta1.Kukeon/Watch", &api__watch_request__descriptor, api_on_watch },
};

/* ---- life ---- */

int api_open(struct api **ret_api, const struct api_options *options, struct error *err)
{
	struct api *api = xnew(struct api);
	const struct rpc_server_options server = {
		.listen_fd = options->listen_fd,
		.methods = methods,
		.n_methods = ARRAY_SIZE(methods),
		.ctx = api,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
	};
	int r;

	api->options = *options;
	api->started_at = status_time(status_now_ms());
	list_init(&api->watches);
	r = rpc_server_open(&api->server, options->rpc, &server, err);
	if (r < 0) {
		free(api->started_at);
		free(api);
		return r;
	}
	*ret_api = api;
	return 0;
}

static void on_server_closed(void *ctx)
{
	struct api *api = ctx;
	void (*closed)(void *) = api->closed;
	void *closed_ctx = api->closed_ctx;

	check(list_empty(&api->watches));
	free(api->started_at);
	free(api);
	closed(closed_ctx);
}

void api_close(struct api *api, void (*closed)(void *ctx), void *ctx)
{
	api->closed = closed;
	api->closed_ctx = ctx;
	api_end_watches(api);
	rpc_server_close(api->server, CLOSE_GRACE_MS, on_server_closed, api);
}
