/* SPDX-License-Identifier: Apache-2.0 */
#include "core/act.h"

#include <errno.h>
#include <signal.h>

#include "core/cellfiles.h"
#include "core/observed.h"

/* ---- what the drivers are told ---- */

static struct object *realm_of(struct object *object)
{
	while (object->parent)
		object = object->parent;
	return object;
}

/* From its first use on the namespace of a realm stands. */
static const char *namespace_of(struct object *object)
{
	struct object *realm = realm_of(object);

	if (!realm->own.namespace_)
		realm->own.namespace_ = engine_namespace(realm);
	return realm->own.namespace_;
}

static struct container_ref ref_of(struct run *run)
{
	return (struct container_ref){ namespace_of(run->object), run->container->containerd_id };
}

/* ---- realms and spaces ---- */

/* "x" and "kukeon-x" would both be kukeon-x; so would two realms that name the same. The first keeps it. */
static void start_namespace_ensure(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct object *owner = engine_find_realm(run->engine, namespace_of(run->object));
	struct error err;

	if (owner != run->object) {
		error_set(&err, -EEXIST,
			  "containerd namespace %s belongs to realm %s; set spec.namespace of one of the two",
			  namespace_of(run->object), owner->key);
		call_complete(&run->call, err.code, &err);
		return;
	}
	run->object->own.exists = true;
	runtime->ops->ensure_namespace(runtime, namespace_of(run->object), run->object->key, &run->call);
}

static void start_namespace_remove(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;

	runtime->ops->remove_namespace(runtime, namespace_of(run->object), &run->call);
}

static void start_space_ensure(struct run *run)
{
	const Api__SpaceSpec *spec = ((const Api__Space *)run->object->spec)->spec;
	struct network *network = run->engine->network;
	const struct space_request request = {
		.space_key = run->object->key,
		.conf_dir = str_empty(spec->cni_config_path) ? NULL : spec->cni_config_path,
		.subnet = str_empty(spec->subnet) ? NULL : spec->subnet,
	};

	run->object->own.exists = true;
	network->ops->ensure_space(network, &request, &run->ret.space, &run->call);
}

static void start_space_remove(struct run *run)
{
	struct network *network = run->engine->network;

	network->ops->remove_space(network, run->object->key, &run->call);
}

static void own_applied(struct run *run)
{
	run->object->own.applied = true;
}

static void space_applied(struct run *run)
{
	space_fact_fini(&run->object->own.space);
	run->object->own.space = run->ret.space;
	run->object->own.applied = true;
}

static void own_removed(struct run *run)
{
	run->object->own.exists = run->object->own.applied = false;
}

/* ---- cgroups ---- */

static void start_cgroup_inspect(struct run *run)
{
	struct cgroup_driver *cgroup = run->engine->cgroup;

	cgroup->ops->inspect(cgroup, run->object->key, &run->ret.cgroup, &run->call);
}

static void start_cgroup_ensure(struct run *run)
{
	struct cgroup_driver *cgroup = run->engine->cgroup;
	bool all = run->object->kind == KIND_CELL && object_cell_spec(run->object)->nested_cgroup_runtime;

	cgroup->ops->ensure(cgroup, run->object->key, all, &run->ret.cgroup, &run->call);
}

static void start_cgroup_kill(struct run *run)
{
	run->engine->cgroup->ops->kill(run->engine->cgroup, run->object->key, &run->call);
}

static void start_cgroup_remove(struct run *run)
{
	run->engine->cgroup->ops->remove(run->engine->cgroup, run->object->key, &run->call);
}

static void cgroup_seen(struct run *run)
{
	observed_cgroup(run->engine, run->object, &run->ret.cgroup);
	cgroup_fact_fini(&run->ret.cgroup);
}

static void cgroup_doubted(struct run *run)
{
	run->object->cgroup.known = false;
}

static void cgroup_removed(struct run *run)
{
	static const struct cgroup_fact nothing = { 0 };

	observed_cgroup(run->engine, run->object, &nothing);
}

/* ---- the network of a cell ---- */

static void run_files(struct work *work)
{
	struct run *run = container_of(work, struct run, files);

	run->files_status = cellfiles_write(run->engine->run_path, run->object->key, run->ret.attachment.ip,
					    &run->files_err);
}

static void on_files_before_netns(struct work *work)
{
	struct run *run = container_of(work, struct run, files);
	struct network *network = run->engine->network;

	if (run->files_status < 0)
		call_complete(&run->call, run->files_status, &run->files_err);
	else
		network->ops->create_netns(network, run->object->key, &run->call);
}

/* The files that the containers mount exist before any container can be made. */
static void start_netns_create(struct run *run)
{
	loop_work(run->engine->loop, &run->files, run_files, on_files_before_netns);
}

static void netns_created(struct run *run)
{
	run->object->cell.pinned = run->object->cell.fresh = true;
}

/* The worst is assumed: something half made is there. It is not fresh, so it is detached before the next try. */
static void network_doubted(struct run *run)
{
	attachment_fact_fini(&run->ret.attachment);
	run->object->cell.pinned = run->object->cell.intent = true;
	run->object->cell.fresh = run->object->cell.attached = false;
}

static void on_files_after_attach(struct work *work)
{
	struct run *run = container_of(work, struct run, files);

	call_complete(&run->call, run->files_status, &run->files_err);
}

/* The address goes into the hosts file before the root starts. */
static void on_attached(struct call *call)
{
	struct run *run = container_of(call, struct run, attach);

	if (call->status < 0)
		call_complete(&run->call, call->status, &call->err);
	else
		loop_work(run->engine->loop, &run->files, run_files, on_files_after_attach);
}

static void start_attach(struct run *run)
{
	struct network *network = run->engine->network;
	const struct attach_request request = {
		.cell_key = run->object->key,
		.wanted_ip = run->object->cell.last_ip,
	};

	call_init(&run->attach, run->engine->loop, on_attached);
	network->ops->attach(network, &request, &run->ret.attachment, &run->attach);
}

static void attached(struct run *run)
{
	observed_attachment(run->object, &run->ret.attachment);
	attachment_fact_fini(&run->ret.attachment);
}

/* The incarnation is over from here on: nothing may be started in what is being taken down. */
static void start_detach(struct run *run)
{
	struct network *network = run->engine->network;

	run->object->cell.fresh = false;
	network->ops->detach(network, run->object->key, &run->call);
}

static void detached(struct run *run)
{
	observed_no_network(run->object);
}

static void detach_doubted(struct run *run)
{
	run->object->cell.attached = false;
}

/* ---- containers ---- */

static void start_inspect(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = ref_of(run);

	run->slot->hinted = false;
	runtime->ops->inspect(runtime, &ref, &run->ret.container, &run->call);
}

static void inspected(struct run *run)
{
	run->slot->known = !run->slot->hinted;
	observed_container(run->engine, run->object, run->container, &run->ret.container);
	container_fact_fini(&run->ret.container);
}

static void container_doubted(struct run *run)
{
	run->slot->known = false;
}

static void start_image_resolve(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;

	runtime->ops->resolve_image(runtime, namespace_of(run->object), run->container->spec->image, &run->call);
}

static void image_resolved(struct run *run)
{
	run->container->image_ready = true;
}

static void start_create(struct run *run)
{
	struct engine *engine = run->engine;
	struct object *object = run->object;
	struct container *c = run->container;
	AUTO_FREE char *netns = engine->network->ops->netns_path(engine->network, object->key);
	AUTO_FREE char *cgroup = name_cgroup_leaf(engine->cgroup_root, object->key, c->role);
	AUTO_FREE char *group = name_containerd_id(object->key, "root");
	AUTO_FREE char *hosts = cellfiles_path(engine->run_path, object->key, CELLFILE_HOSTS);
	AUTO_FREE char *hostname = cellfiles_path(engine->run_path, object->key, CELLFILE_HOSTNAME);
	const struct container_request request = {
		.ref = ref_of(run),
		.cell_key = object->key,
		.role = c->role,
		.spec_hash = c->hash,
		.group_id = group,
		.netns_path = netns,
		.cgroup_path = cgroup,
		.hostname = key_name(object->key),
		.hosts_path = hosts,
		.hostname_path = hostname,
		.spec = c->spec,
	};

	free(c->seen_hash);
	c->seen_hash = xstrdup(c->hash); /* the spec may change while the call is under way */
	engine->runtime->ops->create(engine->runtime, &request, &run->call);
}

static void created(struct run *run)
{
	run->container->record = run->container->snapshot = true;
	run->container->exited = false;
}

/* The image may have vanished since it was resolved. */
static void create_doubted(struct run *run)
{
	run->slot->known = false;
	run->container->image_ready = false;
}

static void start_remove(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = ref_of(run);

	runtime->ops->remove(runtime, &ref, &run->call);
}

static void removed(struct run *run)
{
	run->container->record = run->container->snapshot = false;
}

static void start_task_create(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = ref_of(run);

	runtime->ops->task_create(runtime, &ref, &run->ret.pid, &run->call);
}

static void task_created(struct run *run)
{
	observed_task(run->engine, run->object, run->container, TASK_CREATED, run->ret.pid);
}

static void start_task_start(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = ref_of(run);

	runtime->ops->task_start(runtime, &ref, &run->call);
}

static void task_started(struct run *run)
{
	observed_task(run->engine, run->object, run->container, TASK_RUNNING, run->container->pid);
}

/* A root that did not start has used up its incarnation. */
static void start_doubted(struct run *run)
{
	run->slot->known = false;
	if (container_is_root(run->container))
		run->object->cell.fresh = false;
}

static void signal_task(struct run *run, int number)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = ref_of(run);

	run->container->stopping = true;
	runtime->ops->task_signal(runtime, &ref, number, &run->call);
}

static void start_task_stop(struct run *run)
{
	signal_task(run, run->container->stop_signal);
}

static void task_stop_sent(struct run *run)
{
	run->container->stop_sent_ms = loop_now_ms(run->engine->loop);
}

static void start_task_kill(struct run *run)
{
	signal_task(run, SIGKILL);
}

/* Asked again when it had to be repeated: whoever should have told us of the exit did not. */
static void task_kill_sent(struct run *run)
{
	if (run->container->kill_sent_ms)
		run->slot->known = false;
	run->container->kill_sent_ms = loop_now_ms(run->engine->loop);
}

static void start_task_delete(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = ref_of(run);

	runtime->ops->task_delete(runtime, &ref, &run->call);
}

static void task_deleted(struct run *run)
{
	observed_task(run->engine, run->object, run->container, TASK_NONE, 0);
}

/* ---- the table ---- */

static void nothing_to_note(struct run *run UNUSED)
{
}

enum on_slot { ON_CGROUP, ON_OWN, ON_NETWORK, ON_CONTAINER };

static const struct {
	enum on_slot slot;
	void (*start)(struct run *run);
	void (*succeeded)(struct run *run);
	void (*failed)(struct run *run);
} acts[ACTION_COUNT] = {
	[ACTION_NAMESPACE_ENSURE] = { ON_OWN, start_namespace_ensure, own_applied, nothing_to_note },
	[ACTION_NAMESPACE_REMOVE] = { ON_OWN, start_namespace_remove, own_removed, nothing_to_note },
	[ACTION_SPACE_ENSURE] = { ON_OWN, start_space_ensure, space_applied, nothing_to_note },
	[ACTION_SPACE_REMOVE] = { ON_OWN, start_space_remove, own_removed, nothing_to_note },
	[ACTION_CGROUP_INSPECT] = { ON_CGROUP, start_cgroup_inspect, cgroup_seen, cgroup_doubted },
	[ACTION_CGROUP_ENSURE] = { ON_CGROUP, start_cgroup_ensure, cgroup_seen, cgroup_doubted },
	[ACTION_CGROUP_KILL] = { ON_CGROUP, start_cgroup_kill, cgroup_doubted, cgroup_doubted },
	[ACTION_CGROUP_REMOVE] = { ON_CGROUP, start_cgroup_remove, cgroup_removed, cgroup_doubted },
	[ACTION_NETNS_CREATE] = { ON_NETWORK, start_netns_create, netns_created, network_doubted },
	[ACTION_NETWORK_ATTACH] = { ON_NETWORK, start_attach, attached, network_doubted },
	[ACTION_NETWORK_DETACH] = { ON_NETWORK, start_detach, detached, detach_doubted },
	[ACTION_CONTAINER_INSPECT] = { ON_CONTAINER, start_inspect, inspected, container_doubted },
	[ACTION_IMAGE_RESOLVE] = { ON_CONTAINER, start_image_resolve, image_resolved, nothing_to_note },
	[ACTION_CONTAINER_CREATE] = { ON_CONTAINER, start_create, created, create_doubted },
	[ACTION_CONTAINER_REMOVE] = { ON_CONTAINER, start_remove, removed, container_doubted },
	[ACTION_TASK_CREATE] = { ON_CONTAINER, start_task_create, task_created, container_doubted },
	[ACTION_TASK_START] = { ON_CONTAINER, start_task_start, task_started, start_doubted },
	[ACTION_TASK_STOP] = { ON_CONTAINER, start_task_stop, task_stop_sent, container_doubted },
	[ACTION_TASK_KILL] = { ON_CONTAINER, start_task_kill, task_kill_sent, container_doubted },
	[ACTION_TASK_DELETE] = { ON_CONTAINER, start_task_delete, task_deleted, container_doubted },
};

struct slot *act_slot(struct object *object, struct container *container, enum action action)
{
	switch (acts[action].slot) {
	case ON_CGROUP:
		return &object->cgroup;
	case ON_OWN:
		return &object->own.slot;
	case ON_NETWORK:
		return &object->cell.network;
	case ON_CONTAINER:
		return &container->slot;
	}
	check(false);
	return NULL;
}

void act_start(struct run *run)
{
	acts[run->action].start(run);
}

void act_succeeded(struct run *run)
{
	if (acts[run->action].slot == ON_CGROUP)
		run->slot->known = true;
	acts[run->action].succeeded(run);
}

void act_failed(struct run *run)
{
	acts[run->action].failed(run);
}
