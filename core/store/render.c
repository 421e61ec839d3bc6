/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as documents with their status. */
#include "core/base/wall.h"
#include "core/desired/desired.h"
#include "core/desired/effective.h"
#include "core/model/view.h"
#include "core/network/joins.h"
#include "core/network/network_egress.h"
#include "core/plan/plan_cell.h"
#include "core/state/addresses.h"
#include "core/status/plan_context.h"
#include "core/status/status.h"

static void copy_strv(const struct strv *from, char ***ret_items, size_t *ret_n)
{
	*ret_items = from->n ? xcalloc(from->n, sizeof(char *)) : NULL;
	for (size_t i = 0; i < from->n; i++)
		(*ret_items)[i] = xstrdup(from->items[i]);
	*ret_n = from->n;
}

static void render_identity(const struct identity *identity, Api__Metadata *metadata)
{
	str_replace(&metadata->uid, identity->uid);
	metadata->has_generation = identity->generation != 0;
	metadata->generation = identity->generation;
}

static Api__CommonStatus *render_common(const struct engine *engine, const struct object *object)
{
	const struct object_status *said = &object->status;
	Api__CommonStatus *status = xnew(Api__CommonStatus);

	api__common_status__init(status);
	status->has_state = true;
	status->state = said->state;
	status->reason = str_dup_filled(reason_name(said->reason));
	status->message = str_dup_filled(said->message);
	status->source = str_dup_filled(object->source);
	status->held = str_dup_filled(desired_held(object));
	status->created_at = wall_text(said->created_ms);
	status->updated_at = wall_text(said->updated_ms);
	status->has_observed_generation = object->identity.observed != 0;
	status->observed_generation = object->identity.observed;
	status->ready_at = wall_text(said->ready_ms);
	status->cgroup_path = name_cgroup(engine->cgroup_root, object->key);
	status->has_cgroup_ready = true;
	status->cgroup_ready = object->cgroup_exists;
	copy_strv(&object->controllers, &status->subtree_controllers,
		  &status->n_subtree_controllers);
	return status;
}

static void render_realm(const struct object *object, Api__RealmStatus *status)
{
	status->containerd_namespace = engine_namespace(object);
	status->has_containerd_namespace_ready = true;
	status->containerd_namespace_ready = object->backing.applied;
}

static void render_space(const struct engine *engine, const struct object *object,
			 Api__SpaceStatus *status)
{
	status->network = name_network(object->key);
	status->bridge = str_dup_filled(object->backing.space.bridge);
	status->subnet = str_dup_filled(object->backing.space.subnet);
	status->subnet6 = str_dup_filled(object->backing.space.subnet6);
	status->conflist = str_dup_filled(object->backing.space.conflist);
	status->addresses = addresses_of(object->backing.space.subnet);
	status->has_addresses = status->addresses != 0;
	status->has_addresses_used = status->has_addresses;
	status->addresses_used = object->backing.addresses_used;
	status->egress = egress_status(engine, object);
}

static Api__ContainerStatus *render_container_status(const struct engine *engine,
						     const struct object *object,
						     const struct container *c)
{
	const struct plan_context context = plan_context_of(engine);
	Api__ContainerStatus *status = xnew(Api__ContainerStatus);
	struct container_state state;

	plan_container_state(c, &context, &state);
	api__container_status__init(status);
	status->id = xstrdup(c->name);
	status->has_state = true;
	status->state = state.state;
	status->reason = str_dup_filled(reason_name(state.reason));
	status->message = str_dup_filled(state.message);
	status->has_root = true;
	status->root = container_is_root(c);
	status->image = c->spec ? str_dup_filled(c->spec->image) : NULL;
	status->image_digest = c->record ? str_dup_filled(c->image_digest) : NULL;
	status->containerd_id = xstrdup(c->containerd_id);
	status->has_pid = c->pid != 0 && !container_runs_another(c);
	status->pid = status->has_pid ? c->pid : 0;
	status->has_observed_generation = c->identity.observed != 0;
	status->observed_generation = c->identity.observed;
	status->has_restart_count = true;
	status->restart_count = c->restarts;
	status->has_pull_requested = status->pull_requested = c->pull_requested;
	status->has_oom_killed = status->oom_killed = c->oom_killed;
	status->has_exit_code = status->has_exit_signal = c->finished_wall_ms != 0;
	status->exit_code = c->exit_code;
	status->exit_signal =
		c->exit_code > 128 && c->exit_code < 128 + 65 ? c->exit_code - 128 : 0;
	status->has_exit_signal = status->exit_signal != 0;
	status->started_at = wall_text(c->started_wall_ms);
	status->finished_at = wall_text(c->finished_wall_ms);
	status->cgroup_path = name_cgroup_leaf(engine->cgroup_root, object->key, c->role);
	/* A restart of the cell is one of each container that it brings back. */
	status->intent = str_dup_filled(intent_name(
		c->run == INTENT_RUN && object->cell.run == INTENT_RESTART ? INTENT_RESTART
									   : c->run));
	return status;
}

static void render_cell(const struct engine *engine, const struct object *object,
			Api__CellStatus *status)
{
	struct network *network = engine->network;
	size_t n = 0;
	struct container *c;

	status->intent = str_dup_filled(intent_name(object->cell.run));
	status->ip = str_dup_filled(object->cell.ip);
	status->ip6 = str_dup_filled(object->cell.ip6);
	status->bridge = str_dup_filled(object->cell.bridge);
	joins_render(object, status);
	copy_strv(&object->cell.ports, &status->ports, &status->n_ports);
	if (object->cell.pinned)
		status->netns = network->ops->netns_path(network, object->key);
	list_for_each(c, &object->cell.containers, link)
		n++;
	status->containers = n ? xcalloc(n, sizeof(*status->containers)) : NULL;
	list_for_each(c, &object->cell.containers, link)
		status->containers[status->n_containers++] =
			render_container_status(engine, object, c);
}

/* ---- the daemon itself ---- */

static Api__ContainerStatus *self_container_status(const struct engine *engine)
{
	Api__ContainerStatus *status = xnew(Api__ContainerStatus);

	api__container_status__init(status);
	status->id = xstrdup(SELF_CONTAINER);
	status->has_state = status->has_root = status->has_pid = status->root = true;
	status->state = API__STATE__STATE_READY;
	status->pid = (uint32_t)engine->self.pid;
	status->started_at = wall_text(engine->self.started_ms);
	status->cgroup_path = str_dup_filled(engine->self.cgroup);
	status->source = xstrdup(DESIRED_SOURCE_CELL);
	return status;
}

Api__Container *status_render_self(const struct engine *engine, const struct object *cell)
{
	AUTO_FREE char *key = xasprintf("%s/%s", cell->key, SELF_CONTAINER);
	Api__Container *message = (Api__Container *)effective_implicit_document(key);

	message->status = self_container_status(engine);
	return message;
}

/* Its cgroup is where the process is, not one of ours. */
static void render_self(const struct engine *engine, Api__CellStatus *status)
{
	free(status->cgroup_path);
	status->cgroup_path = str_dup_filled(engine->self.cgroup);
	status->cgroup_ready = engine->self.cgroup != NULL;
	status->containers = xcalloc(1, sizeof(*status->containers));
	status->containers[0] = self_container_status(engine);
	status->n_containers = 1;
}

/* @common is taken over. A stack has nothing more. */
static void add_status(const struct engine *engine, const struct object *object,
		       Api__CommonStatus *common, ProtobufCMessage *message)
{
	model_give_status(object->kind, message, common);
	if (object->kind == KIND_REALM)
		render_realm(object, ((Api__Realm *)message)->status);
	else if (object->kind == KIND_SPACE)
		render_space(engine, object, ((Api__Space *)message)->status);
	else if (self_is_key(object->key))
		render_self(engine, ((Api__Cell *)message)->status);
	else if (object->kind == KIND_CELL)
		render_cell(engine, object, ((Api__Cell *)message)->status);
	render_identity(&object->identity, model_metadata(object->kind, message));
}

ProtobufCMessage *status_render(const struct engine *engine, const struct object *object)
{
	ProtobufCMessage *message = object->spec ? model_copy(object->spec) : NULL;

	if (message && object->kind != KIND_CONTAINER)
		add_status(engine, object, render_common(engine, object), message);
	return message;
}

/* What was asked of the container itself. A restart is one of a run: whoever sees another there
 * knows that it has been done. */
static void store_intent(const struct container *c, Api__ContainerStatus *status)
{
	str_replace(&status->intent, *intent_name(c->run) ? intent_name(c->run) : NULL);
	if (c->run != INTENT_RESTART && c->object->cell.run != INTENT_RESTART)
		return;
	status->has_pid = c->restart_of != 0;
	status->pid = c->restart_of;
}

static void store_intents(const struct object *object, Api__CellStatus *status)
{
	const struct container *c;
	size_t i = 0;

	list_for_each(c, &object->cell.containers, link)
		if (i < status->n_containers) /* the daemon's own cell has another list */
			store_intent(c, status->containers[i++]);
}

ProtobufCMessage *status_render_stored(const struct engine *engine, const struct object *object)
{
	/* What a realm refuses is not what the next daemon shall begin with. */
	ProtobufCMessage *message = object->refused && object->kind == KIND_REALM
					    ? model_copy(object->spec)
					    : effective_document(object);

	add_status(engine, object, render_common(engine, object), message);
	if (object->kind == KIND_CELL)
		store_intents(object, ((Api__Cell *)message)->status);
	return message;
}

/* What becomes of it stands in the status of its cell. */
static ProtobufCMessage *accepted_container(ProtobufCMessage *message)
{
	Api__ContainerStatus *status = xnew(Api__ContainerStatus);

	api__container_status__init(status);
	status->id = xstrdup(((Api__Container *)message)->spec->id);
	status->has_state = true;
	status->source = xstrdup(DESIRED_SOURCE_API);
	((Api__Container *)message)->status = status;
	return message;
}

static Api__CommonStatus *pending_status(void)
{
	Api__CommonStatus *status = xnew(Api__CommonStatus);

	api__common_status__init(status);
	status->has_state = true;
	status->state = API__STATE__STATE_PENDING;
	return status;
}

/* As the API has declared it just now. */
static Api__CommonStatus *accepted_status(const struct engine *engine, const struct object *object)
{
	Api__CommonStatus *status = object ? render_common(engine, object) : pending_status();

	str_replace(&status->source, DESIRED_SOURCE_API);
	free(status->updated_at);
	status->updated_at = wall_text(wall_now_ms());
	if (!status->created_at)
		status->created_at = xstrdup(status->updated_at);
	return status;
}

ProtobufCMessage *status_render_accepted(const struct engine *engine, const struct object *object,
					 const struct identity *identity, enum kind kind,
					 const ProtobufCMessage *document)
{
	ProtobufCMessage *message = model_copy(document);

	if (kind == KIND_CONTAINER)
		return accepted_container(message);
	if (object)
		add_status(engine, object, accepted_status(engine, object), message);
	else
		model_give_status(kind, message, accepted_status(engine, NULL));
	render_identity(identity, model_metadata(kind, message));
	return message;
}

/* The container's own document, when it joined the cell with one. */
static const struct object *joined(const struct engine *engine, const struct object *cell,
				   const struct container *c)
{
	AUTO_FREE char *key = xasprintf("%s/%s", cell->key, c->name);
	const struct object *object =
		map_entry(map_find(&engine->objects, key), struct object, node);

	return object && object->wanted && effective_has_joined(object) ? object : NULL;
}

/* As declared: without what the space adds. */
static const Api__ContainerSpec *declared_spec(const struct object *cell, const char *name)
{
	const Api__CellSpec *spec = object_cell_spec(cell);

	for (size_t i = 0; spec && i < spec->n_containers; i++)
		if (str_equal(spec->containers[i]->id, name))
			return spec->containers[i];
	return NULL;
}

/* One that is being taken away has no spec any more, but a name and a place. */
static Api__Container *container_document(const struct object *cell, const struct container *c)
{
	const Api__ContainerSpec *spec = c->spec ? declared_spec(cell, c->name) : NULL;
	AUTO_FREE char *key = xasprintf("%s/%s", cell->key, c->name);
	Api__Container *message = (Api__Container *)effective_implicit_document(key);

	if (spec) {
		protobuf_c_message_free_unpacked(&message->spec->base, NULL);
		message->spec = (Api__ContainerSpec *)model_copy(&spec->base);
		model_set_defaults(KIND_CONTAINER, &message->base);
	}
	return message;
}

Api__Container *status_render_container(const struct engine *engine, const struct object *cell,
					const struct container *c)
{
	const struct object *own = joined(engine, cell, c);
	Api__Container *message =
		own ? (Api__Container *)model_copy(own->spec) : container_document(cell, c);

	message->status = render_container_status(engine, cell, c);
	message->status->source = xstrdup(own ? own->source : DESIRED_SOURCE_CELL);
	message->status->held = own ? str_dup_filled(desired_held(own)) : NULL;
	render_identity(&c->identity, message->metadata);
	return message;
}
