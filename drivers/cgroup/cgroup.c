/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of the cgroup seam. Each is an op of one step, on a worker; what the loop owns
 * (watches, the controllers) is touched at its end only.
 */
#include "drivers/cgroup/cgroup.h"

#include <errno.h>

#include "core/loop/op.h"
#include "core/model/names.h"
#include "drivers/cgroup/cgroup_events.h"
#include "drivers/cgroup/hierarchy.h"

struct cgroup {
	struct cgroup_driver driver;
	struct ops ops;
	struct hierarchy hierarchy;
	struct cgroup_events events;
	struct cgroup_listener listener;
	struct strv offered; /* controllers of our root */
	struct deferred deferred_close;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

struct cgroup_op {
	struct op op;
	char *key;
	bool all_controllers;
	int (*act)(struct cgroup_op *op, struct error *err); /* on a worker */
	void (*deliver)(struct cgroup_op *op);               /* after success */
	struct cgroup_fact fact, *ret_fact;
	struct cgroup_facts facts, *ret_facts;
	struct strv offered;
	uint64_t kills, *ret_kills;
	struct host_things things, *ret_things;
};

static struct cgroup *cgroup_of(struct cgroup_driver *driver)
{
	return container_of(driver, struct cgroup, driver);
}

/* ---- ops ---- */

static struct cgroup_op *to_cgroup_op(struct op *op)
{
	return container_of(op, struct cgroup_op, op);
}

static struct cgroup *cgroup_of_op(const struct op *op)
{
	return container_of(op->ops, struct cgroup, ops);
}

static void on_finish(struct op *op, int status)
{
	struct cgroup_op *own = to_cgroup_op(op);

	if (status == 0 && own->deliver)
		own->deliver(own);
	cgroup_fact_fini(&own->fact);
	cgroup_facts_fini(&own->facts);
	strv_fini(&own->offered);
	host_things_fini(&own->things);
	free(own->key);
	free(own);
}

/* The hierarchy says all that there is to say. */
static int explain(struct op *op, int status, struct error *err)
{
	if (err)
		*err = op->step.err;
	return status;
}

static struct cgroup_op *op_new(const char *key)
{
	struct cgroup_op *op = xnew(struct cgroup_op);

	op->key = xstrdup(key);
	return op;
}

static int act(struct op *op, struct error *err)
{
	return to_cgroup_op(op)->act(to_cgroup_op(op), err);
}

static const struct step steps[] = {
	{ .name = "act on the tree of cgroups", .blocking = act },
	{ 0 },
};

static void start(struct cgroup_driver *driver, struct cgroup_op *op,
		  int (*act_of)(struct cgroup_op *, struct error *), struct call *call)
{
	struct cgroup *cgroup = cgroup_of(driver);

	check(!cgroup->ops.closing);
	op->act = act_of;
	op_start(&op->op, &cgroup->ops, steps, on_finish, call);
}

/*
 * Watches a cell. What changed between the look and the watch would be missed, so a new watch looks
 * once more (a read of one small kernel file).
 */
static void watch_fact(struct cgroup *cgroup, struct cgroup_fact *fact)
{
	AUTO(cgroup_fact_fini) struct cgroup_fact now = { 0 };
	AUTO_FREE char *path = NULL;

	if (!*fact->key || key_kind(fact->key) != KIND_CELL)
		return;
	if (!fact->exists) {
		cgroup_events_unwatch(&cgroup->events, fact->key);
		return;
	}
	path = hierarchy_path(&cgroup->hierarchy, fact->key);
	if (!cgroup_events_watch(&cgroup->events, fact->key, path))
		return;
	if (hierarchy_inspect(&cgroup->hierarchy, fact->key, &now, NULL) < 0)
		return;
	fact->populated = now.populated;
	fact->exists = now.exists;
}

static void deliver_fact(struct cgroup_op *op)
{
	watch_fact(cgroup_of_op(&op->op), &op->fact);
	*op->ret_fact = op->fact;
	op->fact = (struct cgroup_fact){ 0 };
}

/* ---- methods ---- */

static int act_ensure(struct cgroup_op *op, struct error *err)
{
	return hierarchy_ensure(&cgroup_of_op(&op->op)->hierarchy, op->key, op->all_controllers,
				&op->fact, &op->offered, err);
}

static void deliver_ensure(struct cgroup_op *op)
{
	struct strv before = cgroup_of_op(&op->op)->offered;

	cgroup_of_op(&op->op)->offered = op->offered;
	op->offered = before;
	deliver_fact(op);
}

static void cgroup_ensure(struct cgroup_driver *driver, const char *key, bool all_controllers,
			  struct cgroup_fact *ret_fact, struct call *call)
{
	struct cgroup_op *op = op_new(key);

	op->all_controllers = all_controllers;
	op->ret_fact = ret_fact;
	op->deliver = deliver_ensure;
	start(driver, op, act_ensure, call);
}

static int act_inspect(struct cgroup_op *op, struct error *err)
{
	return hierarchy_inspect(&cgroup_of_op(&op->op)->hierarchy, op->key, &op->fact, err);
}

static void cgroup_inspect(struct cgroup_driver *driver, const char *key,
			   struct cgroup_fact *ret_fact, struct call *call)
{
	struct cgroup_op *op = op_new(key);

	op->ret_fact = ret_fact;
	op->deliver = deliver_fact;
	start(driver, op, act_inspect, call);
}

static int act_list(struct cgroup_op *op, struct error *err)
{
	return hierarchy_list(&cgroup_of_op(&op->op)->hierarchy, &op->facts, err);
}

static void deliver_list(struct cgroup_op *op)
{
	for (size_t i = 0; i < op->facts.n; i++)
		watch_fact(cgroup_of_op(&op->op), &op->facts.items[i]);
	*op->ret_facts = op->facts;
	op->facts = (struct cgroup_facts){ 0 };
}

static void cgroup_list(struct cgroup_driver *driver, struct cgroup_facts *ret_facts,
			struct call *call)
{
	struct cgroup_op *op = op_new("");

	op->ret_facts = ret_facts;
	op->deliver = deliver_list;
	start(driver, op, act_list, call);
}

static int act_kill(struct cgroup_op *op, struct error *err)
{
	return hierarchy_kill(&cgroup_of_op(&op->op)->hierarchy, op->key, err);
}

static void cgroup_kill(struct cgroup_driver *driver, const char *key, struct call *call)
{
	start(driver, op_new(key), act_kill, call);
}

static int act_remove(struct cgroup_op *op, struct error *err)
{
	return hierarchy_remove(&cgroup_of_op(&op->op)->hierarchy, op->key, err);
}

static void deliver_remove(struct cgroup_op *op)
{
	cgroup_events_unwatch(&cgroup_of_op(&op->op)->events, op->key);
}

static void cgroup_remove(struct cgroup_driver *driver, const char *key, struct call *call)
{
	struct cgroup_op *op = op_new(key);

	op->deliver = deliver_remove;
	start(driver, op, act_remove, call);
}

static int act_count_oom_kills(struct cgroup_op *op, struct error *err UNUSED)
{
	op->kills = hierarchy_count_oom_kills(&cgroup_of_op(&op->op)->hierarchy, op->key);
	return 0;
}

static void deliver_oom_kills(struct cgroup_op *op)
{
	*op->ret_kills = op->kills;
}

static void cgroup_count_oom_kills(struct cgroup_driver *driver, const char *leaf,
				   uint64_t *ret_kills, struct call *call)
{
	struct cgroup_op *op = op_new(leaf);

	op->ret_kills = ret_kills;
	op->deliver = deliver_oom_kills;
	start(driver, op, act_count_oom_kills, call);
}

static int act_inventory(struct cgroup_op *op, struct error *err)
{
	return hierarchy_inventory(&cgroup_of_op(&op->op)->hierarchy, &op->things, err);
}

static void deliver_inventory(struct cgroup_op *op)
{
	host_things_take(op->ret_things, &op->things);
}

static void cgroup_inventory(struct cgroup_driver *driver, struct host_things *ret_things,
			     struct call *call)
{
	struct cgroup_op *op = op_new("");

	op->ret_things = ret_things;
	op->deliver = deliver_inventory;
	start(driver, op, act_inventory, call);
}

static int act_discard(struct cgroup_op *op, struct error *err)
{
	return hierarchy_discard(&cgroup_of_op(&op->op)->hierarchy, op->key, err);
}

static void cgroup_discard(struct cgroup_driver *driver, const struct host_thing *thing,
			   struct call *call)
{
	start(driver, op_new(thing->name), act_discard, call);
}

static const struct strv *cgroup_controllers(struct cgroup_driver *driver)
{
	return &cgroup_of(driver)->offered;
}

/* ---- life ---- */

static void cgroup_start(struct cgroup_driver *driver, const struct cgroup_listener *listener)
{
	struct cgroup *cgroup = cgroup_of(driver);

	check(!cgroup->events.listener);
	cgroup->listener = *listener;
	cgroup->events.listener = &cgroup->listener;
}

static void finish_close(struct deferred *deferred)
{
	struct cgroup *cgroup = container_of(deferred, struct cgroup, deferred_close);
	void (*closed)(void *ctx) = cgroup->closed;
	void *ctx = cgroup->closed_ctx;

	cgroup_events_close(&cgroup->events);
	hierarchy_fini(&cgroup->hierarchy);
	strv_fini(&cgroup->offered);
	free(cgroup);
	closed(ctx);
}

/* Deferred, so that it comes after the last call's done, which may still want the driver. */
static void on_ops_ended(void *ctx)
{
	struct cgroup *cgroup = ctx;

	loop_defer(cgroup->ops.loop, &cgroup->deferred_close, finish_close);
}

static void cgroup_close(struct cgroup_driver *driver, void (*closed)(void *ctx), void *ctx)
{
	struct cgroup *cgroup = cgroup_of(driver);

	check(!cgroup->ops.closing);
	cgroup->closed = closed;
	cgroup->closed_ctx = ctx;
	cgroup->events.listener = NULL;
	ops_close(&cgroup->ops, on_ops_ended, cgroup);
}

static const struct cgroup_ops cgroup_ops = {
	.start = cgroup_start,
	.close = cgroup_close,
	.ensure = cgroup_ensure,
	.inspect = cgroup_inspect,
	.list = cgroup_list,
	.kill = cgroup_kill,
	.remove = cgroup_remove,
	.count_oom_kills = cgroup_count_oom_kills,
	.inventory = cgroup_inventory,
	.discard = cgroup_discard,
	.controllers = cgroup_controllers,
};

int cgroup_open(struct cgroup_driver **ret_cgroup, struct loop *loop,
		const struct cgroup_options *options, struct error *err)
{
	struct hierarchy hierarchy;
	struct cgroup *cgroup;
	int r = hierarchy_init(&hierarchy, options->mount, options->root, err);

	if (r < 0)
		return r;
	cgroup = xnew(struct cgroup);
	cgroup->driver.ops = &cgroup_ops;
	ops_init(&cgroup->ops, loop);
	cgroup->ops.explain = explain;
	cgroup->hierarchy = hierarchy;
	cgroup_events_open(&cgroup->events, loop);
	*ret_cgroup = &cgroup->driver;
	return 0;
}
