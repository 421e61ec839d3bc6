/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as documents with their status. */
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

/* Every kind's status has these fields; only their C types differ. */
#define RENDER_COMMON(status_, object_, engine_)                                                   \
	do {                                                                                       \
		const struct object_status *said_ = &(object_)->status;                            \
		(status_)->has_state = true;                                                       \
		(status_)->state = said_->state;                                                   \
		(status_)->reason = maybe_str(reason_name(said_->reason));                         \
		(status_)->message = maybe_str(said_->message);                                    \
		(status_)->source = maybe_str((object_)->source);                                  \
		(status_)->created_at = status_time(said_->created_ms);                            \
		(status_)->updated_at = status_time(said_->updated_ms);                            \
		(status_)->ready_at = status_time(said_->ready_ms);                                \
		(status_)->cgroup_path = name_cgroup((engine_)->cgroup_root, (object_)->key);      \
		(status_)->has_cgroup_ready = true;                                                \
		(status_)->cgroup_ready = (object_)->cgroup_exists;                                \
		copy_strv(&(object_)->controllers, &(status_)->subtree_controllers,                \
			  &(status_)->n_subtree_controllers);                                      \
	} while (0)

static void render_realm(const struct engine *engine, const struct object *object, Api__Realm *realm)
{
	realm->status = xnew(Api__RealmStatus);
	api__realm_status__init(realm->status);
	RENDER_COMMON(realm->status, object, engine);
	realm->status->containerd_namespace = engine_namespace(object);
	realm->status->has_containerd_namespace_ready = true;
	realm->status->containerd_namespace_ready = object->own.applied;
}

static void render_space(const struct engine *engine, const struct object *object, Api__Space *space)
{
	space->status = xnew(Api__SpaceStatus);
	api__space_status__init(space->status);
	RENDER_COMMON(space->status, object, engine);
	space->status->network = name_network(object->key);
	space->status->bridge = maybe_str(object->own.space.bridge);
	space->status->subnet = maybe_str(object->own.space.subnet);
	space->status->conflist = maybe_str(object->own.space.conflist);
}

static void render_stack(const struct engine *engine, const struct object *object, Api__Stack *stack)
{
	stack->status = xnew(Api__StackStatus);
	api__stack_status__init(stack->status);
	RENDER_COMMON(stack->status, object, engine);
}

static Api__ContainerStatus *render_container_status(const struct engine *engine, const struct object *object,
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
	status->exit_signal = c->exit_code > 128 && c->exit_code < 128 + 65 ? c->exit_code - 128 : 0;
	status->has_exit_signal = status->exit_signal != 0;
	status->started_at = status_time(c->started_wall_ms);
	status->finished_at = status_time(c->finished_wall_ms);
	status->cgroup_path = name_cgroup_leaf(engine->cgroup_root, object->key, c->role);
	return status;
}

static void render_cell(const struct engine *engine, const struct object *object, Api__Cell *cell)
{
	struct network *network = engine->network;
	size_t n = 0;
	struct container *c;

	cell->status = xnew(Api__CellStatus);
	api__cell_status__init(cell->status);
	RENDER_COMMON(cell->status, object, engine);
	cell->status->ip = maybe_str(object->cell.ip);
	cell->status->bridge = maybe_str(object->cell.bridge);
	if (object->cell.pinned)
		cell->status->netns = network->ops->netns_path(network, object->key);
	list_for_each(c, &object->cell.containers, link)
		n++;
	cell->status->containers = n ? xcalloc(n, sizeof(*cell->status->containers)) : NULL;
	list_for_each(c, &object->cell.containers, link)
		cell->status->containers[cell->status->n_containers++] =
			render_container_status(engine, object, c);
}

ProtobufCMessage *status_render(const struct engine *engine, const struct object *object)
{
	ProtobufCMessage *message = object->spec ? model_copy(object->spec) : NULL;

	if (!message)
		return NULL;
	switch (object->kind) {
	case KIND_REALM:
		render_realm(engine, object, (Api__Realm *)message);
		break;
	case KIND_SPACE:
		render_space(engine, object, (Api__Space *)message);
		break;
	case KIND_STACK:
		render_stack(engine, object, (Api__Stack *)message);
		break;
	case KIND_CELL:
		render_cell(engine, object, (Api__Cell *)message);
		break;
	default:
		break;
	}
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
