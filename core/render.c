/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as documents with their status. */
#include "core/model/view.h"
#include "core/status.h"

static char *maybe_str(const char *s)
{
	return str_empty(s) ? NULL : xstrdup(s);
}

static void copy_strv(const struct strv *from, char ***ret_items, size_t *ret_n)
{
	*ret_items = from->n ? xcalloc(from->n, sizeof(char *)) : NULL;
	for (size_t i = 0; i < from->n; i++)
		(*ret_items)[i] = xstrdup(from->items[i]);
	*ret_n = from->n;
}

static Api__Status *render_status(const struct engine *engine, const struct object *object)
{
	const struct object_status *said = &object->status;
	Api__Status *status = xnew(Api__Status);

	api__status__init(status);
	status->has_state = true;
	status->state = said->state;
	status->reason = maybe_str(reason_name(said->reason));
	status->message = maybe_str(said->message);
	status->source = maybe_str(object->source);
	status->created_at = status_time(said->created_ms);
	status->updated_at = status_time(said->updated_ms);
	status->ready_at = status_time(said->ready_ms);
	status->cgroup_path = name_cgroup(engine->cgroup_root, object->key);
	status->has_cgroup_ready = true;
	status->cgroup_ready = object->cgroup_exists;
	copy_strv(&object->controllers, &status->subtree_controllers,
		  &status->n_subtree_controllers);
	return status;
}

static void render_realm(const struct object *object, Api__Status *status)
{
	status->containerd_namespace = engine_namespace(object);
	status->has_containerd_namespace_ready = true;
	status->containerd_namespace_ready = object->own.applied;
}

static void render_space(const struct object *object, Api__Status *status)
{
	status->network = name_network(object->key);
	status->bridge = maybe_str(object->own.space.bridge);
	status->subnet = maybe_str(object->own.space.subnet);
	status->conflist = maybe_str(object->own.space.conflist);
}

static Api__ContainerStatus *render_container_status(const struct engine *engine,
						     const struct object *object,
						     const struct container *c)
{
	const struct plan_context context = engine_plan_context(engine);
	Api__ContainerStatus *status = xnew(Api__ContainerStatus);
	struct container_state state;

	plan_container_state(c, &context, &state);
	api__container_status__init(status);
	status->id = xstrdup(c->name);
	status->has_state = true;
	status->state = state.state;
	status->reason = maybe_str(reason_name(state.reason));
	status->message = maybe_str(state.message);
	status->has_root = true;
	status->root = container_is_root(c);
	status->image = c->spec ? maybe_str(c->spec->image) : NULL;
	status->containerd_id = xstrdup(c->containerd_id);
	status->has_pid = c->pid != 0;
	status->pid = c->pid;
	status->has_restart_count = true;
	status->restart_count = c->restarts;
	status->has_exit_code = status->has_exit_signal = c->finished_wall_ms != 0;
	status->exit_code = c->exit_code;
	status->exit_signal =
		c->exit_code > 128 && c->exit_code < 128 + 65 ? c->exit_code - 128 : 0;
	status->has_exit_signal = status->exit_signal != 0;
	status->started_at = status_time(c->started_wall_ms);
	status->finished_at = status_time(c->finished_wall_ms);
	status->cgroup_path = name_cgroup_leaf(engine->cgroup_root, object->key, c->role);
	return status;
}

static void render_cell(const struct engine *engine, const struct object *object,
			Api__Status *status)
{
	struct network *network = engine->network;
	size_t n = 0;
	struct container *c;

	status->ip = maybe_str(object->cell.ip);
	status->bridge = maybe_str(object->cell.bridge);
	if (object->cell.pinned)
		status->netns = network->ops->netns_path(network, object->key);
	list_for_each(c, &object->cell.containers, link)
		n++;
	status->containers = n ? xcalloc(n, sizeof(*status->containers)) : NULL;
	list_for_each(c, &object->cell.containers, link)
		status->containers[status->n_containers++] =
			render_container_status(engine, object, c);
}

ProtobufCMessage *status_render(const struct engine *engine, const struct object *object)
{
	ProtobufCMessage *message = object->spec ? model_copy(object->spec) : NULL;
	Api__Status *status;

	if (!message || object->kind == KIND_CONTAINER)
		return message;
	status = render_status(engine, object);
	if (object->kind == KIND_REALM)
		render_realm(object, status);
	else if (object->kind == KIND_SPACE)
		render_space(object, status);
	else if (object->kind == KIND_CELL)
		render_cell(engine, object, status);
	*model_view(object->kind, message).status = &status->base;
	return message;
}

Api__Container *status_render_container(const struct engine *engine, const struct object *cell,
					const struct container *c)
{
	Api__Container *message = xnew(Api__Container);

	api__container__init(message);
	message->api_version = xstrdup("v1beta1");
	message->kind = xstrdup("Container");
	message->metadata = xnew(Api__Metadata);
	api__metadata__init(message->metadata);
	message->metadata->name = xstrdup(c->name);
	if (c->spec)
		message->spec = (Api__ContainerSpec *)model_copy(&c->spec->base);
	message->status = render_container_status(engine, cell, c);
	return message;
}
