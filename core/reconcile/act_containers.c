/* SPDX-License-Identifier: Apache-2.0 */
/* Containers. */
#include "core/reconcile/act_containers.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/hosts/cellfiles.h"
#include "core/hosts/hosts_files.h"
#include "core/images/pulls_follow.h"
#include "core/plan/plan_cell.h"
#include "core/plan/plan_cell_steps.h"
#include "core/reconcile/observed.h"

struct container_ref act_container_ref(struct run *run)
{
	return (struct container_ref){ act_namespace(run->object), run->container->containerd_id };
}

/* Not to know is no failure of the inspection. */
static void on_oom_kills(struct call *call)
{
	struct run *run = container_of(call, struct run, first);

	if (run->slot->changed_seq == run->seq) /* else it is counted once more */
		run->container->oom_hinted = false;
	run->ret.container.oom_killed = call->status == 0 && run->oom_kills;
	call_complete(&run->call, 0, NULL);
}

/* The leaf counts from the start of the run, and is gone when the task is deleted. */
static void count_oom_kills(struct run *run)
{
	struct cgroup_driver *cgroup = run->engine->cgroup;
	AUTO_FREE char *leaf =
		name_cgroup_leaf(run->engine->cgroup_root, run->object->key, run->container->role);

	call_init(&run->first, run->engine->loop, on_oom_kills);
	cgroup->ops->count_oom_kills(cgroup, leaf, &run->oom_kills, &run->first);
}

/* It has just ended badly, or somebody told of a kill in this run or one before. */
static bool may_lack_memory(const struct container *c, const struct container_fact *fact)
{
	bool ended = fact->task == TASK_STOPPED && fact->exit_code && c->task != TASK_STOPPED;

	return ended || (c->oom_hinted && fact->task != TASK_NONE);
}

static void on_inspected(struct call *call)
{
	struct run *run = container_of(call, struct run, first);

	if (call->status == 0 && may_lack_memory(run->container, &run->ret.container))
		count_oom_kills(run);
	else
		call_complete(&run->call, call->status, &call->err);
}

static void start_inspect(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = act_container_ref(run);

	call_init(&run->first, run->engine->loop, on_inspected);
	runtime->ops->inspect(runtime, &ref, &run->ret.container, &run->first);
}

static void inspected(struct run *run)
{
	run->slot->known = !run->hinted;
	observed_container(run->engine, run->object, run->container, &run->ret.container);
	container_fact_fini(&run->ret.container);
}

void act_container_unsure(struct run *run)
{
	run->slot->known = false;
}

/* What was made from an image runs on without it. */
static void on_image_resolved(struct call *call)
{
	struct run *run = container_of(call, struct run, first);
	const struct container *c = run->container;
	bool needed = !c->record || container_changed(c);
	struct error err = call->err;
	int status = call->status;

	if (status == -ENOENT && needed)
		status = pulls_judge_missing(run->engine, c, run->seq, &err);
	if (status == -ENOENT && !needed)
		log_warning("the image of a container cannot be looked up, so it starts again with "
			    "what it was made from: %s container=%s",
			    call->err.msg, c->containerd_id);
	call_complete(&run->call, status == -ENOENT && !needed ? 0 : status, &err);
}

static void start_image_resolve(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;

	call_init(&run->first, run->engine->loop, on_image_resolved);
	runtime->ops->resolve_image(runtime, act_namespace(run->object),
				    container_image(run->container), &run->ret.image_digest,
				    &run->first);
}

static void image_resolved(struct run *run)
{
	AUTO_FREE char *digest = take_ptr(run->ret.image_digest);
	struct container *c = run->container;

	if (!act_is_current(run)) /* it was another image */
		return;
	c->renew = false;
	c->image_ready = digest != NULL;
	c->image_missing = !digest && !pulls_came_since(run->engine, c, run->seq);
	c->image_moved = digest && c->record && !str_empty(c->image_digest) &&
			 !str_equal(digest, c->image_digest);
}

/* Its parts are those of the container. */
static Api__ContainerSpec spec_to_make(const struct container *c)
{
	Api__ContainerSpec spec = *c->spec;

	spec.image = (char *)container_image(c);
	return spec;
}

static void create(struct run *run)
{
	struct engine *engine = run->engine;
	struct object *object = run->object;
	struct container *c = run->container;
	const Api__ContainerSpec spec = spec_to_make(c);
	const char *own = str_empty(c->spec->hostname) ? NULL : c->spec->hostname;
	const char *role = own ? c->role : NULL;
	AUTO_FREE char *netns = engine->network->ops->netns_path(engine->network, object->key);
	AUTO_FREE char *cgroup = name_cgroup_leaf(engine->cgroup_root, object->key, c->role);
	AUTO_FREE char *group = name_containerd_id(object->key, "root");
	AUTO_FREE char *hosts = cellfiles_path(engine->run_path, object->key, role, CELLFILE_HOSTS);
	AUTO_FREE char *hostname =
		cellfiles_path(engine->run_path, object->key, role, CELLFILE_HOSTNAME);
	const struct container_request request = {
		.ref = act_container_ref(run),
		.cell_key = object->key,
		.role = c->role,
		.spec_hash = c->hash,
		.group_id = group,
		.netns_path = netns,
		.cgroup_path = cgroup,
		.hostname = own ? own : key_name(object->key),
		.hosts_path = hosts,
		.hostname_path = hostname,
		.spec = &spec,
	};

	free(c->seen_hash);
	c->seen_hash = xstrdup(c->hash); /* the spec may change while the call is under way */
	str_replace(&c->seen_name, c->name);
	engine->runtime->ops->create(engine->runtime, &request, &run->ret.image_digest, &run->call);
}

void act_write_own_files(struct work *work)
{
	struct run *run = container_of(work, struct run, files);

	run->files_status = hosts_job_write(run->files_job, &run->files_err);
}

static void on_own_files(struct work *work)
{
	struct run *run = container_of(work, struct run, files);
	const Api__ContainerSpec *spec = run->container->spec;
	bool same = spec && str_equal(spec->hostname, run->files_hostname);

	hosts_job_free(take_ptr(run->files_job));
	hosts_files_cell_changed(run->engine, run->object); /* others may have changed meanwhile */
	free(take_ptr(run->files_hostname));
	if (run->files_status == 0 && !same)
		run->files_status =
			error_set(&run->files_err, -EAGAIN, "its spec changed meanwhile");
	if (run->files_status < 0)
		call_complete(&run->call, run->files_status, &run->files_err);
	else
		create(run);
}

/* The files that a container with a host name of its own mounts exist before its task is made. */
static void start_create(struct run *run)
{
	const char *hostname = run->container->spec->hostname;

	if (str_empty(hostname) || !run->engine->run_path) {
		create(run);
		return;
	}
	if (!act_takes_dir(run))
		return;
	run->files_hostname = xstrdup(hostname); /* the spec may change while they are written */
	run->files_job = hosts_job_new(run->engine, run->object, &(struct cell_addresses){ 0 },
				       run->container->role, hostname);
	loop_work(run->engine->loop, &run->files, act_write_own_files, on_own_files);
}

static void created(struct run *run)
{
	struct container *c = run->container;

	c->record = c->snapshot = true;
	c->exited = c->stopping = c->renew = c->image_moved = c->image_asked = false;
	free(c->image_digest);
	c->image_digest = take_ptr(run->ret.image_digest);
}

/* The image may have vanished since it was resolved. */
static void create_unsure(struct run *run)
{
	run->slot->known = false;
	run->container->image_ready = false;
}

/* Another of the cell bears its name by now, and prints in its place. */
static bool has_heir(const struct object *cell, const struct container *container)
{
	const struct container *c;

	list_for_each(c, &cell->cell.containers, link)
		if (c != container && c->spec && str_equal(c->name, container->name))
			return true;
	return false;
}

/* It goes with its cell, or its cell has it no more: what it printed goes too. With the cell all
 * goes, for a container may have had another name when it began. */
static void start_remove(struct run *run)
{
	struct runtime *runtime = run->engine->runtime;
	const struct container_ref ref = act_container_ref(run);
	bool with_cell = !run->object->wanted;
	bool for_good = with_cell || (plan_is_dropped(run->object, run->container) &&
				      !has_heir(run->object, run->container));
	const struct log_owner log = { run->object->key, with_cell ? NULL : run->container->name };

	runtime->ops->remove(runtime, &ref, for_good ? &log : NULL, &run->call);
}

static void removed(struct run *run)
{
	run->container->record = run->container->snapshot = run->container->image_moved = false;
	run->container->exited = run->container->stopping = false; /* its past goes with it */
}

/* ---- the rows ---- */

const struct act act_containers[ACTION_COUNT] = {
	[ACTION_CONTAINER_INSPECT] = { ON_CONTAINER, start_inspect, inspected,
				       act_container_unsure },
	[ACTION_IMAGE_RESOLVE] = { ON_CONTAINER, start_image_resolve, image_resolved, act_nothing },
	[ACTION_CONTAINER_CREATE] = { ON_CONTAINER, start_create, created, create_unsure },
	[ACTION_CONTAINER_REMOVE] = { ON_CONTAINER, start_remove, removed, act_container_unsure },
};
