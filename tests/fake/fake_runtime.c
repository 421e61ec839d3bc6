/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>

#include "core/model/names.h"
#include "tests/fake/world.h"

static struct world *world_of(struct runtime *runtime)
{
	return container_of(runtime, struct world, runtime);
}

static struct op *act(struct runtime *runtime, const char *name, const char *namespace_,
		      const char *id, struct call *call, op_fn apply)
{
	struct op *op = world_act(world_of(runtime), name, call, apply);

	op->key = xstrdup(namespace_);
	op->id = xstrdup(id ? id : "");
	return op;
}

/* One call per container at a time (core/driver/seam.h). */
static struct op *act_on(struct runtime *runtime, const char *name, const struct container_ref *ref,
			 struct call *call, op_fn apply)
{
	struct op *op = act(runtime, name, ref->namespace_, ref->id, call, apply);
	struct world_container *c = world_make_container(op->world, ref->namespace_, ref->id);

	if (c->busy)
		world_violated(op->world, "two calls at once", c->key);
	c->busy = true;
	op->busy = &c->busy;
	return op;
}

static struct world_container *target(struct op *op)
{
	return world_make_container(op->world, op->key, op->id);
}

static void is_about(struct op *op, enum rules_verb verb, enum rules_kind kind)
{
	const struct world_container *c = target(op);

	world_act_is(op, verb, kind, c->fact.cell_key, c->key);
}

/* The same for an act on this one thing alone. */
static void begins(struct op *op, enum rules_verb verb, enum rules_kind kind)
{
	is_about(op, verb, kind);
	world_begun(op);
}

static int unavailable(struct op *op, struct error *err)
{
	return op->world->runtime_down
		       ? error_set(err, -ECONNREFUSED, "%s: containerd is down", op->name)
		       : 0;
}

/* ---- events ---- */

void fake_runtime_hint(struct world *world, const struct world_container *c)
{
	const struct runtime_listener *listener = &world->runtime_listener;

	if (listener->on_container && !world->runtime_down)
		world_hint(world, WORLD_HINT_CONTAINER, c->namespace_, c->fact.id);
}

void fake_oom_hint(struct world *world, const struct world_container *c)
{
	const struct runtime_listener *listener = &world->runtime_listener;

	if (listener->on_oom && !world->runtime_down)
		listener->on_oom(listener->ctx, c->namespace_, c->fact.id);
}

void fake_image_hint(struct world *world, const char *namespace_)
{
	const struct runtime_listener *listener = &world->runtime_listener;

	if (listener->on_image && !world->runtime_down)
		listener->on_image(listener->ctx, namespace_);
}

static void on_up(struct deferred *deferred)
{
	struct world *world = container_of(deferred, struct world, up);

	if (world->runtime_listener.on_up && !world->runtime_down)
		world->runtime_listener.on_up(world->runtime_listener.ctx);
}

static void fake_start(struct runtime *runtime, const struct runtime_listener *listener)
{
	struct world *world = world_of(runtime);

	world->runtime_listener = *listener;
	loop_defer(world->loop, &world->up, on_up);
}

void world_runtime_down(struct world *world)
{
	struct error err;

	world->runtime_down = true;
	error_set(&err, -ECONNREFUSED, "connection refused");
	if (world->runtime_listener.on_down)
		world->runtime_listener.on_down(world->runtime_listener.ctx, &err);
}

void world_runtime_up(struct world *world)
{
	world->runtime_down = false;
	loop_defer(world->loop, &world->up, on_up);
}

static void fake_close(struct runtime *runtime UNUSED, void (*closed)(void *ctx), void *ctx)
{
	closed(ctx);
}

/* ---- processes ---- */

/* No two exits have the same time. */
static int64_t next_exit_time(struct world *world)
{
	int64_t now_ms = loop_wall_ms(world->loop);

	world->wall_ms = now_ms > world->wall_ms ? now_ms : world->wall_ms + 1;
	return world->wall_ms;
}

void fake_kill(struct world_container *c, uint32_t code)
{
	if ((c->fact.task != TASK_CREATED && c->fact.task != TASK_RUNNING) || c->immortal)
		return;
	c->fact.task = TASK_STOPPED;
	c->fact.exit_code = code;
	c->fact.exited_at_ms = next_exit_time(c->world);
	timer_stop(&c->dies);
	fake_runtime_hint(c->world, c);
	if (c->fact.cell_key && !fake_cgroup_populated(c->world, c->fact.cell_key))
		fake_cgroup_hint(c->world, c->fact.cell_key);
}

void world_exit(struct world *world UNUSED, struct world_container *c, uint32_t code)
{
	fake_kill(c, code);
}

static void on_dies(struct timer *timer)
{
	fake_kill(container_of(timer, struct world_container, dies), 143);
}

/* ---- reading ---- */

static void copy_fact(const struct container_fact *from, struct container_fact *to)
{
	*to = *from;
	to->id = xstrdup(from->id);
	to->cell_key = from->cell_key ? xstrdup(from->cell_key) : NULL;
	to->role = from->role ? xstrdup(from->role) : NULL;
	to->container = from->container ? xstrdup(from->container) : NULL;
	to->spec_hash = xstrdup(from->spec_hash ? from->spec_hash : "");
	to->image_digest = xstrdup(from->image_digest ? from->image_digest : "");
}

static bool is_there(const struct container_fact *fact)
{
	return fact->record || fact->snapshot || fact->task != TASK_NONE;
}

/* A listing leaves out the tasks of shims that hang. */
static void list_fact(struct world *world, const struct container_fact *from,
		      struct container_fact *to)
{
	const struct world_cell *cell = world_cell(world, from->cell_key);

	copy_fact(from, to);
	if (cell && cell->shim_hangs)
		to->task = TASK_NONE;
	to->unclear = to->record && to->task == TASK_NONE;
}

static int apply_list(struct op *op, struct error *err)
{
	struct container_facts *facts = op->ret;
	struct world_container *c;
	int r = unavailable(op, err);

	if (r == 0 && str_equal(op->world->unlistable, op->key))
		r = error_set(err, -EMSGSIZE, "the answer is too large");
	if (r < 0)
		return r;
	map_for_each(c, &op->world->containers, node) {
		if (strcmp(c->namespace_, op->key) == 0)
			world_looked_at_container(op->world, c);
		if (strcmp(c->namespace_, op->key) != 0 || !is_there(&c->fact) || !c->fact.cell_key)
			continue;
		facts->items = xrealloc(facts->items, (facts->n + 1) * sizeof(*facts->items));
		list_fact(op->world, &c->fact, &facts->items[facts->n++]);
	}
	return 0;
}

static void fake_list(struct runtime *runtime, const char *namespace_,
		      struct container_facts *ret_facts, struct call *call)
{
	struct op *op = act(runtime, "list", namespace_, NULL, call, apply_list);

	op->ret = ret_facts;
	op->reads_only = true;
}

/* What is asked of the task of a cell whose shim hangs is not answered. */
static int unanswered(struct op *op, struct error *err)
{
	const struct world_container *c = target(op);
	const struct world_cell *cell =
		c->fact.cell_key ? world_cell(op->world, c->fact.cell_key) : NULL;
	int r = unavailable(op, err);

	if (r == 0 && cell && cell->shim_hangs && c->fact.task != TASK_NONE)
		r = error_set(err, -ETIMEDOUT, "%s: the shim hangs", op->name);
	return r;
}

static int apply_inspect(struct op *op, struct error *err)
{
	int r = unanswered(op, err);

	if (r < 0)
		return r;
	copy_fact(&target(op)->fact, op->ret);
	world_looked_at_container(op->world, target(op));
	return 0;
}

static void fake_inspect(struct runtime *runtime, const struct container_ref *ref,
			 struct container_fact *ret_fact, struct call *call)
{
	struct op *op = act_on(runtime, "inspect", ref, call, apply_inspect);

	op->ret = ret_fact;
	op->reads_only = true;
}

char *fake_image_digest(const struct world *world, const char *image)
{
	return xasprintf("sha256:%u of %s", world->images_imported, image);
}

static int apply_resolve(struct op *op, struct error *err)
{
	int r = unavailable(op, err);

	if (r == 0 && (strv_has(&op->world->missing_images, op->id) ||
		       strv_has(&op->world->remote_images, op->id)))
		r = error_set(err, -ENOENT, "image %s is not there", op->id);
	if (r == 0)
		*(char **)op->ret = fake_image_digest(op->world, op->id);
	return r;
}

static void fake_resolve(struct runtime *runtime, const char *namespace_, const char *image,
			 char **ret_digest, struct call *call)
{
	struct op *op = act(runtime, "resolve", namespace_, image, call, apply_resolve);

	op->ret = ret_digest;
	op->reads_only = true;
}

/* ---- namespaces ---- */

static int apply_ensure_namespace(struct op *op, struct error *err)
{
	int r = unavailable(op, err);
	struct world_parent *realm = world_make_parent(op->world, op->id);

	if (r == 0 && !realm->own)
		world_changes(op->world, "namespace made", op->id);
	if (r == 0)
		realm->own = true;
	return r;
}

static void fake_ensure_namespace(struct runtime *runtime, const char *namespace_,
				  const char *realm, struct call *call)
{
	act(runtime, "ensure namespace", namespace_, realm, call, apply_ensure_namespace);
}

static int apply_remove_namespace(struct op *op, struct error *err)
{
	struct world_parent *parent;
	int r = unavailable(op, err);

	if (r < 0)
		return r;
	map_for_each(parent, &op->world->parents, node) {
		AUTO_FREE char *name = key_kind(parent->key) == KIND_REALM
					       ? name_containerd_namespace(parent->key)
					       : xstrdup("");

		if (strcmp(name, op->key) == 0 && parent->own) {
			world_changes(op->world, "namespace removed", op->key);
			parent->own = false;
		}
	}
	return 0;
}

static void fake_remove_namespace(struct runtime *runtime, const char *namespace_,
				  struct call *call)
{
	act(runtime, "remove namespace", namespace_, NULL, call, apply_remove_namespace);
}

static int apply_list_namespaces(struct op *op, struct error *err)
{
	struct strv **ret = op->ret;
	struct world_parent *parent;
	int r = unavailable(op, err);

	map_for_each(parent, &op->world->parents, node) {
		AUTO_FREE char *name = NULL;

		if (r < 0 || !parent->own || key_kind(parent->key) != KIND_REALM)
			continue;
		name = name_containerd_namespace(parent->key);
		strv_add(ret[0], name);
		strv_add(ret[1], parent->key);
	}
	return r;
}

static void fake_list_namespaces(struct runtime *runtime, struct strv *ret_namespaces,
				 struct strv *ret_realms, struct call *call)
{
	struct op *op = act(runtime, "list namespaces", "", NULL, call, apply_list_namespaces);
	struct strv **ret = xcalloc(2, sizeof(*ret));

	ret[0] = ret_namespaces;
	ret[1] = ret_realms;
	op->extra = (char *)ret; /* freed with the op */
	op->ret = ret;
	op->reads_only = true;
}

/* ---- containers ---- */

static void set_str(char **str, const char *value)
{
	char *copy = xstrdup(value);

	free(*str);
	*str = copy;
}

static int apply_create(struct op *op, struct error *err)
{
	struct world_container *c = target(op);
	int r = unavailable(op, err);

	if (r < 0)
		return r;
	if (c->fact.record && strcmp(c->fact.spec_hash, op->extra) != 0)
		return error_set(err, -EEXIST, "another spec stands in the way");
	world_changes(op->world, "create", c->key);
	if (!c->fact.record) {
		free(c->fact.image_digest);
		c->fact.image_digest = fake_image_digest(op->world, op->image);
	}
	if (op->ret)
		*(char **)op->ret = xstrdup(c->fact.image_digest);
	set_str(&c->fact.spec_hash, op->extra);
	set_str(&c->made_of, op->more);
	c->fact.record = c->fact.snapshot = true;
	return 0;
}

static void fake_create(struct runtime *runtime, const struct container_request *request,
			char **ret_digest, struct call *call)
{
	struct op *op = act_on(runtime, "create", &request->ref, call, apply_create);
	struct world_container *c = target(op);

	op->ret = ret_digest;
	op->image = xstrdup(request->spec->image);
	op->extra = xstrdup(request->spec_hash);
	op->more = xasprintf("%s %s %s", request->spec->id, request->spec->image,
			     request->spec->n_env ? request->spec->env[0] : "");
	set_str(&c->fact.cell_key, request->cell_key);
	set_str(&c->fact.role, request->role);
	set_str(&c->fact.container, request->spec->id);
	is_about(op, RULES_MAKE, RULES_SNAPSHOT);
	begins(op, RULES_MAKE, RULES_RECORD);
}

static int apply_remove(struct op *op, struct error *err)
{
	struct world_container *c = target(op);
	int r = unavailable(op, err);

	if (r < 0)
		return r;
	if (c->fact.task != TASK_NONE)
		world_violated(op->world, "removed under its task", c->key);
	world_changes(op->world, "remove", c->key);
	c->fact.record = c->fact.snapshot = false;
	return 0;
}

static void fake_remove(struct runtime *runtime, const struct container_ref *ref,
			const struct log_owner *log UNUSED, struct call *call)
{
	struct op *op = act_on(runtime, "remove", ref, call, apply_remove);

	is_about(op, RULES_REMOVE, RULES_RECORD);
	begins(op, RULES_REMOVE, RULES_SNAPSHOT);
}

/* ---- tasks ---- */

static int apply_task_create(struct op *op, struct error *err)
{
	struct world_container *c = target(op);
	struct world_cell *cell = c->fact.cell_key ? world_cell(op->world, c->fact.cell_key) : NULL;
	int r = unavailable(op, err);

	if (r < 0)
		return r;
	if (!c->fact.record || !cell || !cell->pinned || !cell->cgroup)
		return error_set(err, -EINVAL, "no record, network namespace or cgroup");
	if (c->fact.task == TASK_CREATED)
		return 0;
	if (c->fact.task != TASK_NONE)
		return error_set(err, -EEXIST, "there is a task");
	world_changes(op->world, "task create", c->key);
	c->fact.task = TASK_CREATED;
	c->oom_kills = 0; /* a new leaf */
	c->fact.pid = op->world->next_pid++;
	if (op->ret)
		*(uint32_t *)op->ret = c->fact.pid;
	return 0;
}

static void fake_task_create(struct runtime *runtime, const struct container_ref *ref,
			     const Api__ContainerSpec *spec UNUSED,
			     const struct log_owner *log UNUSED, uint32_t *ret_pid,
			     struct call *call)
{
	struct op *op = act_on(runtime, "task create", ref, call, apply_task_create);

	op->ret = ret_pid;
	begins(op, RULES_MAKE, RULES_TASK);
}

static int apply_task_start(struct op *op, struct error *err)
{
	struct world_container *c = target(op);
	struct world_cell *cell = c->fact.cell_key ? world_cell(op->world, c->fact.cell_key) : NULL;
	int r = unavailable(op, err);

	if (r < 0)
		return r;
	if (c->fact.task != TASK_CREATED)
		return error_set(err, -EBUSY, "the task is not waiting to be started");
	if ((!cell || !cell->attached) && strcmp(c->fact.role, "root") == 0)
		world_violated(op->world, "started without a network", c->key);
	world_changes(op->world, "task start", c->key);
	c->fact.task = TASK_RUNNING;
	c->starts++;
	return 0;
}

static void fake_task_start(struct runtime *runtime, const struct container_ref *ref,
			    const Api__ContainerSpec *spec UNUSED, struct call *call)
{
	begins(act_on(runtime, "task start", ref, call, apply_task_start), RULES_USE, RULES_TASK);
}

static int apply_task_signal(struct op *op, struct error *err)
{
	struct world_container *c = target(op);
	int r = unanswered(op, err);

	if (r < 0)
		return r;
	world_changes(op->world, "signal", c->key);
	if (c->fact.task != TASK_RUNNING && c->fact.task != TASK_CREATED)
		return 0;
	c->signals += op->number != SIGKILL;
	if (op->number == SIGKILL && !c->ignores_kill)
		fake_kill(c, 137);
	else if (!c->ignores_term)
		timer_start(op->world->loop, &c->dies, 1 + world_random(op->world, 50), on_dies);
	return 0;
}

static void fake_task_signal(struct runtime *runtime, const struct container_ref *ref, int number,
			     struct call *call)
{
	struct op *op = act_on(runtime, "signal", ref, call, apply_task_signal);

	op->number = number;
	begins(op, RULES_USE, RULES_TASK);
}

static int apply_task_delete(struct op *op, struct error *err)
{
	struct world_container *c = target(op);
	int r = unanswered(op, err);

	if (r < 0)
		return r;
	if (c->fact.task == TASK_RUNNING || c->fact.task == TASK_CREATED)
		return error_set(err, -EBUSY, "the task runs");
	world_changes(op->world, "task delete", c->key);
	c->fact.task = TASK_NONE;
	return 0;
}

static void fake_task_delete(struct runtime *runtime, const struct container_ref *ref,
			     struct call *call)
{
	begins(act_on(runtime, "task delete", ref, call, apply_task_delete), RULES_REMOVE,
	       RULES_TASK);
}

/* Containerd clears away what the shim served. */
static int apply_kill_shim(struct op *op, struct error *err)
{
	struct world_container *served, *root = target(op);
	struct world_cell *cell =
		root->fact.cell_key ? world_cell(op->world, root->fact.cell_key) : NULL;
	int r = unavailable(op, err);

	if (r == 0 && !cell)
		r = error_set(err, -ENOENT, "no shim");
	if (r < 0)
		return r;
	world_changes(op->world, "shim kill", cell->key);
	if (fake_cgroup_populated(op->world, cell->key))
		world_violated(op->world, "the shim of what lives was killed", cell->key);
	cell->shim_hangs = false;
	map_for_each(served, &op->world->containers, node)
		if (served->fact.cell_key && strcmp(served->fact.cell_key, cell->key) == 0) {
			served->fact.task = TASK_NONE;
			fake_runtime_hint(op->world, served);
		}
	return 0;
}

static void fake_kill_shim(struct runtime *runtime, const struct container_ref *ref,
			   struct call *call)
{
	world_begun(act_on(runtime, "shim kill", ref, call, apply_kill_shim));
}

static const char *fake_version(struct runtime *runtime UNUSED)
{
	return "fake";
}

/* ---- inventory ---- */

static void add_thing(struct host_things *things, enum host_kind kind,
		      const struct world_container *c)
{
	host_things_add(things, kind, c->key, c->fact.cell_key)->id = xstrdup(c->fact.id);
}

static int apply_inventory(struct op *op, struct error *err)
{
	struct world_container *c;
	int r = unavailable(op, err);

	if (r < 0)
		return r;
	map_for_each(c, &op->world->containers, node) {
		if (!c->fact.cell_key)
			continue;
		if (c->fact.record)
			add_thing(op->ret, HOST_CONTAINER, c);
		if (c->fact.snapshot)
			add_thing(op->ret, HOST_SNAPSHOT, c);
		if (c->fact.task != TASK_NONE)
			add_thing(op->ret, HOST_TASK, c);
	}
	fake_add_strays(op->world, HOST_SHIM, HOST_LEASE, op->ret);
	fake_add_strays(op->world, HOST_INGEST, HOST_LOG_FILES, op->ret);
	return 0;
}

static void fake_inventory(struct runtime *runtime, struct host_things *ret_things,
			   struct call *call)
{
	struct op *op = act(runtime, "inventory", "", NULL, call, apply_inventory);

	op->ret = ret_things;
	op->reads_only = true;
}

static void fake_discard_runtime(struct runtime *runtime, const struct host_thing *thing,
				 struct call *call)
{
	act(runtime, "discard", thing->name, NULL, call, fake_discard);
}

static uint64_t fake_ask(struct runtime *runtime)
{
	struct world *world = world_of(runtime);

	world->runtime_asked++;
	return world->runtime_silent_ms;
}

const struct runtime_ops *fake_runtime_ops(void)
{
	static const struct runtime_ops ops = {
		.start = fake_start,
		.close = fake_close,
		.ensure_namespace = fake_ensure_namespace,
		.remove_namespace = fake_remove_namespace,
		.list_namespaces = fake_list_namespaces,
		.list = fake_list,
		.inspect = fake_inspect,
		.resolve_image = fake_resolve,
		.create = fake_create,
		.remove = fake_remove,
		.task_create = fake_task_create,
		.task_start = fake_task_start,
		.task_signal = fake_task_signal,
		.task_delete = fake_task_delete,
		.kill_shim = fake_kill_shim,
		.inventory = fake_inventory,
		.discard = fake_discard_runtime,
		.version = fake_version,
		.ask = fake_ask,
	};

	return &ops;
}
