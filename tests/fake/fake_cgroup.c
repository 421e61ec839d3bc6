/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/model/names.h"
#include "tests/fake/world.h"

static bool is_cell(const char *key)
{
	return *key && key_kind(key) == KIND_CELL;
}

static bool *place(struct world *world, const char *key)
{
	return key_kind(key) == KIND_CELL ? &world_make_cell(world, key)->cgroup
					  : &world_make_parent(world, key)->cgroup;
}

/* The cell of the container is the one with this key, or below it. */
static bool is_within(const struct world_container *c, const char *key)
{
	size_t len = strlen(key);
	const char *cell = c->fact.cell_key;

	return cell && strncmp(cell, key, len) == 0 && (!cell[len] || cell[len] == '/');
}

bool fake_cgroup_populated(struct world *world, const char *key)
{
	struct world_container *c;

	map_for_each(c, &world->containers, node) {
		if (c->fact.task != TASK_RUNNING && c->fact.task != TASK_CREATED)
			continue;
		if (is_within(c, key))
			return true;
	}
	return false;
}

void fake_cgroup_hint(struct world *world, const char *cell_key)
{
	if (world->cgroup_listener.on_cell)
		world_hint(world, WORLD_HINT_CGROUP, "", cell_key);
}

static void fake_start(struct cgroup_driver *cgroup, const struct cgroup_listener *listener)
{
	container_of(cgroup, struct world, cgroup)->cgroup_listener = *listener;
}

static void fake_close(struct cgroup_driver *cgroup UNUSED, void (*closed)(void *ctx), void *ctx)
{
	closed(ctx);
}

static struct op *act(struct cgroup_driver *cgroup, const char *name, const char *key,
		      struct call *call, op_fn apply)
{
	struct op *op = world_act(container_of(cgroup, struct world, cgroup), name, call, apply);

	op->key = xstrdup(key);
	return op;
}

static void is_about(struct op *op, enum rules_verb verb)
{
	if (key_kind(op->key) == KIND_CELL)
		world_act_is(op, verb, RULES_CGROUP, op->key, op->key);
}

static void fill(struct world *world, const char *key, struct cgroup_fact *fact)
{
	if (*key && key_kind(key) == KIND_CELL)
		world_looked_at_cgroup(world, world_make_cell(world, key));
	*fact = (struct cgroup_fact){
		.key = xstrdup(key),
		.exists = !*key || *place(world, key),
		.populated = *key && fake_cgroup_populated(world, key),
		.incomplete = is_cell(key) && world_make_cell(world, key)->controllers_gone,
	};
}

static int apply_ensure(struct op *op, struct error *err UNUSED)
{
	if (*op->key && !*place(op->world, op->key)) {
		world_changes(op->world, "cgroup made", op->key);
		*place(op->world, op->key) = true;
	}
	if (is_cell(op->key)) {
		struct world_cell *cell = world_make_cell(op->world, op->key);

		cell->controllers_gone = false;
		cell->all_controllers = op->number;
	}
	if (op->ret)
		fill(op->world, op->key, op->ret);
	return 0;
}

static void fake_ensure(struct cgroup_driver *cgroup, const char *key, bool all_controllers,
			struct cgroup_fact *ret_fact, struct call *call)
{
	struct op *op = act(cgroup, "cgroup ensure", key, call, apply_ensure);

	op->number = all_controllers;
	op->ret = ret_fact;
	is_about(op, RULES_MAKE);
	world_begun(op);
}

static int apply_inspect(struct op *op, struct error *err UNUSED)
{
	fill(op->world, op->key, op->ret);
	return 0;
}

static void fake_inspect(struct cgroup_driver *cgroup, const char *key,
			 struct cgroup_fact *ret_fact, struct call *call)
{
	struct op *op = act(cgroup, "cgroup inspect", key, call, apply_inspect);

	op->ret = ret_fact;
	op->reads_only = true;
}

static void list_one(struct world *world, const char *key, struct cgroup_facts *facts)
{
	facts->items = xrealloc(facts->items, (facts->n + 1) * sizeof(*facts->items));
	fill(world, key, &facts->items[facts->n++]);
}

static int apply_list(struct op *op, struct error *err)
{
	struct cgroup_facts *facts = op->ret;
	struct world_parent *parent;
	struct world_cell *cell;

	if (str_equal(op->world->unlistable, "cgroups"))
		return error_set(err, -EIO, "cannot list cgroups");
	if (str_equal(op->world->half_listed, "cgroups")) {
		error_set(&facts->problem, -EIO, "cannot read cgroup default");
		return 0;
	}
	map_for_each(parent, &op->world->parents, node)
		if (parent->cgroup)
			list_one(op->world, parent->key, op->ret);
	map_for_each(cell, &op->world->cells, node)
		if (cell->cgroup)
			list_one(op->world, cell->key, op->ret);
	return 0;
}

static void fake_list(struct cgroup_driver *cgroup, struct cgroup_facts *ret_facts,
		      struct call *call)
{
	struct op *op = act(cgroup, "cgroup list", "", call, apply_list);

	op->ret = ret_facts;
	op->reads_only = true;
}

static int apply_kill(struct op *op, struct error *err UNUSED)
{
	struct world_container *c;

	world_changes(op->world, "cgroup kill", op->key);
	map_for_each(c, &op->world->containers, node)
		if (is_within(c, op->key))
			fake_kill(c, 137);
	return 0;
}

static void fake_kill_all(struct cgroup_driver *cgroup, const char *key, struct call *call)
{
	world_begun(act(cgroup, "cgroup kill", key, call, apply_kill));
}

static int apply_remove(struct op *op, struct error *err)
{
	if (fake_cgroup_populated(op->world, op->key))
		return error_set(err, -EBUSY, "something lives in it");
	world_changes(op->world, "cgroup removed", op->key);
	*place(op->world, op->key) = false;
	return 0;
}

static void fake_remove(struct cgroup_driver *cgroup, const char *key, struct call *call)
{
	struct op *op = act(cgroup, "cgroup remove", key, call, apply_remove);

	is_about(op, RULES_REMOVE);
	world_begun(op);
}

static int apply_count_oom_kills(struct op *op, struct error *err UNUSED)
{
	struct world_container *c;

	map_for_each(c, &op->world->containers, node) {
		AUTO_FREE char *leaf =
			c->fact.cell_key
				? name_cgroup_leaf("/kukeon", c->fact.cell_key, c->fact.role)
				: NULL;

		if (str_equal(leaf, op->key))
			*(uint64_t *)op->ret = c->oom_kills;
	}
	return 0;
}

static void fake_count_oom_kills(struct cgroup_driver *cgroup, const char *leaf,
				 uint64_t *ret_kills, struct call *call)
{
	struct op *op = act(cgroup, "count oom kills", leaf, call, apply_count_oom_kills);

	op->ret = ret_kills;
	op->reads_only = true;
}

static int apply_inventory(struct op *op, struct error *err UNUSED)
{
	struct world_parent *parent;
	struct world_cell *cell;

	map_for_each(parent, &op->world->parents, node)
		if (parent->cgroup)
			host_things_add(op->ret, HOST_CGROUP, parent->key, parent->key);
	map_for_each(cell, &op->world->cells, node)
		if (cell->cgroup)
			host_things_add(op->ret, HOST_CGROUP, cell->key, cell->key);
	fake_add_strays(op->world, HOST_CGROUP, HOST_CGROUP, op->ret);
	return 0;
}

static void fake_inventory(struct cgroup_driver *cgroup, struct host_things *ret_things,
			   struct call *call)
{
	struct op *op = act(cgroup, "cgroup inventory", "", call, apply_inventory);

	op->ret = ret_things;
	op->reads_only = true;
}

static void fake_discard_cgroup(struct cgroup_driver *cgroup, const struct host_thing *thing,
				struct call *call)
{
	act(cgroup, "cgroup discard", thing->name, call, fake_discard);
}

static const struct strv *fake_controllers(struct cgroup_driver *cgroup)
{
	return &container_of(cgroup, struct world, cgroup)->controllers;
}

const struct cgroup_ops *fake_cgroup_ops(void)
{
	static const struct cgroup_ops ops = {
		.start = fake_start,
		.close = fake_close,
		.ensure = fake_ensure,
		.inspect = fake_inspect,
		.list = fake_list,
		.kill = fake_kill_all,
		.remove = fake_remove,
		.count_oom_kills = fake_count_oom_kills,
		.inventory = fake_inventory,
		.discard = fake_discard_cgroup,
		.controllers = fake_controllers,
	};

	return &ops;
}
