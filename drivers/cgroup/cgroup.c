/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of the cgroup seam. Each makes an op, runs its act on the pool and ends the call on
 * the loop's thread; what the loop owns (watches, the controllers) is touched there only.
 */
#include "drivers/cgroup/cgroup.h"

#include <errno.h>

#include "core/model/names.h"
#include "drivers/cgroup/events.h"
#include "drivers/cgroup/hierarchy.h"

struct cgroup {
	struct cgroup_driver driver;
	struct loop *loop;
	struct hierarchy hierarchy;
	struct cgroup_events events;
	struct cgroup_listener listener;
	struct strv offered; /* controllers of our root */
	struct list ops;     /* struct op.link */
	struct deferred deferred_close;
	void (*closed)(void *ctx); /* set: closing */
	void *closed_ctx;
};

/* One call of a method, from start to end. */
struct op {
	struct list link;
	struct work work;
	struct cgroup *cgroup;
	struct call *call;
	char *key;
	bool all_controllers;
	int (*act)(struct op *op);      /* worker thread; fills fact, facts, offered or err */
	void (*deliver)(struct op *op); /* loop thread, after success */
	struct cgroup_fact fact, *ret_fact;
	struct cgroup_facts facts, *ret_facts;
	struct strv offered;
	uint64_t kills, *ret_kills;
	struct host_things things, *ret_things;
	int status;
	struct error err;
};

static struct cgroup *cgroup_of(struct cgroup_driver *driver)
{
	return container_of(driver, struct cgroup, driver);
}

/* ---- ops ---- */

static void op_free(struct op *op)
{
	list_remove(&op->link);
	cgroup_fact_fini(&op->fact);
	cgroup_facts_fini(&op->facts);
	strv_fini(&op->offered);
	host_things_fini(&op->things);
	free(op->key);
	free(op);
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
static void close_when_idle(struct cgroup *cgroup)
{
	if (cgroup->closed && list_empty(&cgroup->ops))
		loop_defer(cgroup->loop, &cgroup->deferred_close, finish_close);
}

static void on_op_run(struct work *work)
{
	struct op *op = container_of(work, struct op, work);

	op->status = op->act(op);
}

static void on_op_done(struct work *work)
{
	struct op *op = container_of(work, struct op, work);
	struct cgroup *cgroup = op->cgroup;

	if (op->status == 0 && op->deliver)
		op->deliver(op);
	call_complete(op->call, op->status, &op->err);
	op_free(op);
	close_when_idle(cgroup);
}

static struct op *op_new(struct cgroup_driver *driver, const char *key, int (*act)(struct op *op),
			 struct call *call)
{
	struct op *op = xnew(struct op);

	op->cgroup = cgroup_of(driver);
	check(!op->cgroup->closed);
	op->call = call;
	op->key = xstrdup(key);
	op->act = act;
	list_append(&op->cgroup->ops, &op->link);
	return op;
}

static void op_start(struct op *op)
{
	loop_work(op->cgroup->loop, &op->work, on_op_run, on_op_done);
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

static void deliver_fact(struct op *op)
{
	watch_fact(op->cgroup, &op->fact);
	*op->ret_fact = op->fact;
	op->fact = (struct cgroup_fact){ 0 };
}

/* ---- methods ---- */

static int act_ensure(struct op *op)
{
	return hierarchy_ensure(&op->cgroup->hierarchy, op->key, op->all_controllers, &op->fact,
				&op->offered, &op->err);
}

static void deliver_ensure(struct op *op)
{
	struct strv before = op->cgroup->offered;

	op->cgroup->offered = op->offered;
	op->offered = before;
	deliver_fact(op);
}

static void cgroup_ensure(struct cgroup_driver *driver, const char *key, bool all_controllers,
			  struct cgroup_fact *ret_fact, struct call *call)
{
	struct op *op = op_new(driver, key, act_ensure, call);

	op->all_controllers = all_controllers;
	op->ret_fact = ret_fact;
	op->deliver = deliver_ensure;
	op_start(op);
}

static int act_inspect(struct op *op)
{
	return hierarchy_inspect(&op->cgroup->hierarchy, op->key, &op->fact, &op->err);
}

static void cgroup_inspect(struct cgroup_driver *driver, const char *key,
			   struct cgroup_fact *ret_fact, struct call *call)
{
	struct op *op = op_new(driver, key, act_inspect, call);

	op->ret_fact = ret_fact;
	op->deliver = deliver_fact;
	op_start(op);
}

static int act_list(struct op *op)
{
	return hierarchy_list(&op->cgroup->hierarchy, &op->facts, &op->err);
}

static void deliver_list(struct op *op)
{
	for (size_t i = 0; i < op->facts.n; i++)
		watch_fact(op->cgroup, &op->facts.items[i]);
	*op->ret_facts = op->facts;
	op->facts = (struct cgroup_facts){ 0 };
}

static void cgroup_list(struct cgroup_driver *driver, struct cgroup_facts *ret_facts,
			struct call *call)
{
	struct op *op = op_new(driver, "", act_list, call);

	op->ret_facts = ret_facts;
	op->deliver = deliver_list;
	op_start(op);
}

static int act_kill(struct op *op)
{
	return hierarchy_kill(&op->cgroup->hierarchy, op->key, &op->err);
}

static void cgroup_kill(struct cgroup_driver *driver, const char *key, struct call *call)
{
	op_start(op_new(driver, key, act_kill, call));
}

static int act_remove(struct op *op)
{
	return hierarchy_remove(&op->cgroup->hierarchy, op->key, &op->err);
}

static void deliver_remove(struct op *op)
{
	cgroup_events_unwatch(&op->cgroup->events, op->key);
}

static void cgroup_remove(struct cgroup_driver *driver, const char *key, struct call *call)
{
	struct op *op = op_new(driver, key, act_remove, call);

	op->deliver = deliver_remove;
	op_start(op);
}

static int act_count_oom_kills(struct op *op)
{
	op->kills = hierarchy_count_oom_kills(&op->cgroup->hierarchy, op->key);
	return 0;
}

static void deliver_oom_kills(struct op *op)
{
	*op->ret_kills = op->kills;
}

static void cgroup_count_oom_kills(struct cgroup_driver *driver, const char *leaf,
				   uint64_t *ret_kills, struct call *call)
{
	struct op *op = op_new(driver, leaf, act_count_oom_kills, call);

	op->ret_kills = ret_kills;
	op->deliver = deliver_oom_kills;
	op_start(op);
}

static int act_inventory(struct op *op)
{
	return hierarchy_inventory(&op->cgroup->hierarchy, &op->things, &op->err);
}

static void deliver_inventory(struct op *op)
{
	host_things_take(op->ret_things, &op->things);
}

static void cgroup_inventory(struct cgroup_driver *driver, struct host_things *ret_things,
			     struct call *call)
{
	struct op *op = op_new(driver, "", act_inventory, call);

	op->ret_things = ret_things;
	op->deliver = deliver_inventory;
	op_start(op);
}

static int act_discard(struct op *op)
{
	return hierarchy_discard(&op->cgroup->hierarchy, op->key, &op->err);
}

static void cgroup_discard(struct cgroup_driver *driver, const struct host_thing *thing,
			   struct call *call)
{
	op_start(op_new(driver, thing->name, act_discard, call));
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

static void cgroup_close(struct cgroup_driver *driver, void (*closed)(void *ctx), void *ctx)
{
	struct cgroup *cgroup = cgroup_of(driver);

	check(!cgroup->closed);
	cgroup->closed = closed;
	cgroup->closed_ctx = ctx;
	cgroup->events.listener = NULL;
	close_when_idle(cgroup);
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
	cgroup->loop = loop;
	cgroup->hierarchy = hierarchy;
	list_init(&cgroup->ops);
	cgroup_events_open(&cgroup->events, loop);
	*ret_cgroup = &cgroup->driver;
	return 0;
}
