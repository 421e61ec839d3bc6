/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api.h"

#include <errno.h>

#include "core/api/api_internal.h"
#include "core/api/api_mutation.h"
#include "core/base/wall.h"
#include "core/desired/wish.h"
#include "core/network/passage.h"
#include "core/status/status.h"

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

static const Api__Object__ObjectCase object_cases[] = {
	[KIND_REALM] = API__OBJECT__OBJECT_REALM,         [KIND_SPACE] = API__OBJECT__OBJECT_SPACE,
	[KIND_STACK] = API__OBJECT__OBJECT_STACK,         [KIND_CELL] = API__OBJECT__OBJECT_CELL,
	[KIND_CONTAINER] = API__OBJECT__OBJECT_CONTAINER,
};

bool api_object_kind(const Api__Object *object, enum kind *ret_kind)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(object_cases); kind++) {
		if (object->object_case != object_cases[kind] || !object->realm)
			continue;
		*ret_kind = (enum kind)kind;
		return true;
	}
	return false;
}

static Api__Object *wrap(enum kind kind, ProtobufCMessage *message)
{
	Api__Object *object = xnew(Api__Object);

	api__object__init(object);
	object->object_case = object_cases[kind];
	object->realm = (Api__Realm *)message; /* all members of the union are message pointers */
	return object;
}

/* Takes @message. */
static void give_matching(const struct api_selection *selection, enum kind kind,
			  ProtobufCMessage *message)
{
	if (selector_matches(selection->labels, model_metadata(kind, message)))
		selection->give(selection->ctx, wrap(kind, message));
	else
		protobuf_c_message_free_unpacked(message, NULL);
}

static void give_containers(const struct api_selection *selection, const struct object *cell)
{
	struct engine *engine = selection->api->options.engine;
	const char *name = selection->selector->name;
	struct container *c;

	if (self_is_key(cell->key) && cell->wanted && part_matches(name, SELF_CONTAINER))
		give_matching(selection, KIND_CONTAINER, &status_render_self(engine, cell)->base);
	list_for_each(c, &cell->cell.containers, link)
		if (part_matches(name, c->name))
			give_matching(selection, KIND_CONTAINER,
				      &status_render_container(engine, cell, c)->base);
}

void api_select_object(const struct api_selection *selection, const struct object *object)
{
	if (!object_selected(selection->selector, object))
		return;
	if (selection->selector->kind == API__KIND__CONTAINER)
		give_containers(selection, object);
	else
		give_matching(selection, object->kind,
			      status_render(selection->api->options.engine, object));
}

int api_selection_init(struct api_selection *selection, struct api *api,
		       const Api__Selector *selector, struct error *err)
{
	*selection = (struct api_selection){ .api = api, .selector = selector };
	if (!selector || !selector->has_kind || selector->kind > API__KIND__CONTAINER)
		return error_set(err, -EINVAL, "the request selects no kind");
	return selector_parse(selector->labels, &selection->labels, err);
}

void api_selection_fini(struct api_selection *selection)
{
	selector_free(selection->labels);
}

/* ---- one object ---- */

Api__Object *api_object_gone(const char *key)
{
	return wrap(key_kind(key), wish_implicit_document(key));
}

char *api_selector_key(const Api__Selector *selector, struct error *err)
{
	const char *names[KIND_COUNT];
	enum kind kind;

	if (!selector || !selector->has_kind || selector->kind > API__KIND__CONTAINER) {
		error_set(err, -EINVAL, "the request names no object");
		return NULL;
	}
	kind = (enum kind)selector->kind;
	names[KIND_REALM] = selector->realm;
	names[KIND_SPACE] = selector->space;
	names[KIND_STACK] = selector->stack;
	names[KIND_CELL] = selector->cell;
	names[kind] = selector->name;
	for (int above = KIND_REALM; above <= (int)kind; above++) {
		if (!str_empty(names[above]) && name_is_valid(names[above]))
			continue;
		error_set(err, -EINVAL, "the %s of a %s is %s%.80s%s; expected a name",
			  kind_name((enum kind)above), kind_name(kind),
			  str_empty(names[above]) ? "missing" : "\"",
			  str_empty(names[above]) ? "" : names[above],
			  str_empty(names[above]) ? "" : "\"");
		return NULL;
	}
	return key_join(kind, names);
}

struct container *api_find_container(const struct object *cell, const char *name)
{
	struct container *c;

	list_for_each(c, &cell->cell.containers, link)
		if (c->spec && str_equal(c->name, name))
			return c;
	return NULL;
}

/* ---- unary methods ---- */

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

static void answer_status(struct api *api, struct rpc_server_call *call,
			  const ProtobufCMessage *request UNUSED)
{
	Api__StatusReply *reply = api_status_report(api);

	rpc_server_reply(call, &reply->base);
	protobuf_c_message_free_unpacked(&reply->base, NULL);
	passage_refresh(api->options.engine);
}

static void count_for_status(struct api *api, struct rpc_server_call *call,
			     const ProtobufCMessage *request)
{
	api_when_counted(api, call, request, answer_status);
}

static void on_status(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	api_when_looked(ctx, call, message, count_for_status);
}

static const struct rpc_method methods[] = {
	{ "/kukeon.v1beta1.Kukeon/Version", &api__version_request__descriptor, on_version },
	{ "/kukeon.v1beta1.Kukeon/Status", &api__status_request__descriptor, on_status },
	{ "/kukeon.v1beta1.Kukeon/Get", &api__get_request__descriptor, api_on_get },
	{ "/kukeon.v1beta1.Kukeon/Watch", &api__watch_request__descriptor, api_on_watch },
	{ "/kukeon.v1beta1.Kukeon/Apply", &api__apply_request__descriptor, api_on_apply },
	{ "/kukeon.v1beta1.Kukeon/Delete", &api__delete_request__descriptor, api_on_delete },
	{ "/kukeon.v1beta1.Kukeon/Run", &api__run_request__descriptor, api_on_run },
	{ "/kukeon.v1beta1.Kukeon/Refresh", &api__refresh_request__descriptor, api_on_refresh },
	{ "/kukeon.v1beta1.Kukeon/Prune", &api__prune_request__descriptor, api_on_prune },
	{ "/kukeon.v1beta1.Kukeon/Purge", &api__purge_request__descriptor, api_on_purge },
	{ "/kukeon.v1beta1.Kukeon/Events", &api__events_request__descriptor, api_on_events },
	{ "/kukeon.v1beta1.Kukeon/Doctor", &api__doctor_request__descriptor, api_on_doctor },
};

/* ---- life ---- */

static bool admits(int fd, const struct rpc_peer *peer, void *ctx)
{
	const struct api *api = ctx;

	return peers_admit(&api->options.peers, fd, peer->uid, peer->gid);
}

int api_open(struct api **ret_api, const struct api_options *options, struct error *err)
{
	struct api *api = xnew(struct api);
	const struct rpc_server_options server = {
		.listen_fd = options->listen_fd,
		.methods = methods,
		.n_methods = ARRAY_SIZE(methods),
		.ctx = api,
		.admits = admits,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
	};
	int r;

	api->options = *options;
	api->started_at = wall_text(wall_now_ms());
	list_init(&api->watches);
	list_init(&api->events);
	list_init(&api->mutations);
	list_init(&api->waiters);
	list_init(&api->doctors);
	list_init(&api->counted);
	api_open_first_look(api);
	r = rpc_server_open(&api->server, options->rpc, &server, err);
	if (r < 0) {
		free(api->started_at);
		free(api);
		return r;
	}
	*ret_api = api;
	return 0;
}

int api_listen(struct api *api, int fd, struct error *err)
{
	return rpc_server_listen(api->server, fd, err);
}

void api_free_when_done(struct api *api)
{
	void (*closed)(void *) = api->closed;
	void *closed_ctx = api->closed_ctx;

	if (!api->server_closed || !list_empty(&api->mutations))
		return;
	check(list_empty(&api->watches) && list_empty(&api->events) && list_empty(&api->waiters));
	free(api->started_at);
	free(api);
	closed(closed_ctx);
}

static void on_server_closed(void *ctx)
{
	struct api *api = ctx;

	api->server_closed = true;
	api_free_when_done(api);
}

void api_close(struct api *api, void (*closed)(void *ctx), void *ctx)
{
	api->closed = closed;
	api->closed_ctx = ctx;
	api->closing = true;
	mutations_cancel(api);
	api_cancel_waiters(api);
	api_cancel_doctors(api);
	api_cancel_counted(api);
	api_cancel_first_look(api);
	api_end_watches(api);
	api_end_events(api);
	rpc_server_close(api->server, CLOSE_GRACE_MS, on_server_closed, api);
}
