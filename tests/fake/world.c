/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fake/world.h"

#include <errno.h>
#include <stdio.h>

#include "core/status/status.h"

/* ---- chance ---- */

unsigned world_random(struct world *world, unsigned n)
{
	world->random ^= world->random << 13; /* xorshift64: the same seed, the same world */
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return n ? (unsigned)((world->random >> 11) % n) : 0;
}

bool world_chance(struct world *world, unsigned percent)
{
	return world_random(world, 100) < percent;
}

/* ---- things ---- */

static char *container_key(const char *namespace_, const char *id)
{
	return xasprintf("%s/%s", namespace_, id);
}

struct world_container *world_container(struct world *world, const char *namespace_, const char *id)
{
	AUTO_FREE char *key = container_key(namespace_, id);

	return map_entry(map_find(&world->containers, key), struct world_container, node);
}

struct world_container *world_make_container(struct world *world, const char *namespace_,
					     const char *id)
{
	struct world_container *c = world_container(world, namespace_, id);

	if (c)
		return c;
	c = xnew(struct world_container);
	c->world = world;
	c->key = container_key(namespace_, id);
	c->namespace_ = xstrdup(namespace_);
	c->fact.id = xstrdup(id);
	map_insert(&world->containers, &c->node, c->key);
	return c;
}

struct world_cell *world_cell(struct world *world, const char *key)
{
	return map_entry(map_find(&world->cells, key), struct world_cell, node);
}

struct world_cell *world_make_cell(struct world *world, const char *key)
{
	struct world_cell *cell = world_cell(world, key);

	if (cell)
		return cell;
	cell = xnew(struct world_cell);
	cell->key = xstrdup(key);
	list_init(&cell->joins);
	map_insert(&world->cells, &cell->node, cell->key);
	return cell;
}

struct world_join *world_join(const struct world_cell *cell, const char *space_key)
{
	struct world_join *join;

	list_for_each(join, &cell->joins, link)
		if (strcmp(join->space_key, space_key) == 0)
			return join;
	return NULL;
}

struct world_join *world_make_join(struct world_cell *cell, const char *space_key)
{
	struct world_join *join = world_join(cell, space_key);

	if (join)
		return join;
	join = xnew(struct world_join);
	join->space_key = xstrdup(space_key);
	list_append(&cell->joins, &join->link);
	return join;
}

void world_remove_join(struct world_join *join)
{
	list_remove(&join->link);
	free(join->space_key);
	free(join);
}

struct world_parent *world_parent(struct world *world, const char *key)
{
	return map_entry(map_find(&world->parents, key), struct world_parent, node);
}

struct world_parent *world_make_parent(struct world *world, const char *key)
{
	struct world_parent *parent = world_parent(world, key);

	if (parent)
		return parent;
	parent = xnew(struct world_parent);
	parent->key = xstrdup(key);
	map_insert(&world->parents, &parent->node, parent->key);
	return parent;
}

size_t world_count(struct world *world)
{
	struct world_container *c;
	struct world_cell *cell;
	struct world_parent *parent;
	size_t count = 0;

	map_for_each(c, &world->containers, node)
		count += c->fact.record || c->fact.snapshot || c->fact.task != TASK_NONE;
	map_for_each(cell, &world->cells, node)
		count += cell->cgroup || cell->pinned || cell->intent || cell->attached ||
			 !list_empty(&cell->joins);
	map_for_each(parent, &world->parents, node)
		count += parent->cgroup || parent->own;
	return count;
}

void world_reboot(struct world *world)
{
	struct world_container *c;
	struct world_parent *parent;
	struct world_cell *cell;
	struct world_join *join;

	map_for_each(c, &world->containers, node) {
		c->fact.task = TASK_NONE;
		timer_stop(&c->dies);
	}
	map_for_each(cell, &world->cells, node) {
		cell->earlier_boot = cell->intent || !list_empty(&cell->joins);
		list_for_each(join, &cell->joins, link)
			join->attached = false;
		cell->cgroup = cell->pinned = cell->attached = cell->detach_tried = false;
	}
	map_for_each(parent, &world->parents, node)
		parent->cgroup = false;
	free(take_ptr(world->filter));
	world_tell_rules(world);
}

void world_flush_filter(struct world *world)
{
	free(take_ptr(world->filter));
	if (world->filter_listener.on_filter)
		world->filter_listener.on_filter(world->filter_listener.ctx);
}

/* ---- strays ---- */

void fake_add_strays(struct world *world, enum host_kind first, enum host_kind last,
		     struct host_things *things)
{
	for (size_t i = 0; i < world->strays.n; i++) {
		const struct host_thing *stray = &world->strays.items[i];
		struct host_thing *thing;

		if (stray->kind < first || stray->kind > last)
			continue;
		thing = host_things_add(things, stray->kind, stray->name, stray->owner);
		thing->id = stray->id ? xstrdup(stray->id) : NULL;
		thing->why = stray->why ? xstrdup(stray->why) : NULL;
		thing->unnamed = stray->unnamed;
		thing->in_use = stray->in_use;
	}
}

/* op->key: its name. One whose reason says "stuck" stays. */
int fake_discard(struct op *op, struct error *err)
{
	struct host_things *strays = &op->world->strays;

	for (size_t i = 0; i < strays->n; i++) {
		struct host_thing *stray = &strays->items[i];

		if (strcmp(stray->name, op->key) != 0)
			continue;
		if (str_equal(stray->why, "stuck"))
			return error_set(err, -EBUSY, "%s is stuck", op->key);
		world_changes(op->world, "discard", op->key);
		host_thing_fini(stray);
		*stray = strays->items[--strays->n];
		return 0;
	}
	return 0;
}

/* ---- rules ---- */

void world_violated(struct world *world, const char *what, const char *key)
{
	if (!world->violations++)
		snprintf(world->violation, sizeof(world->violation), "%s on %s", what, key);
}

void world_changes(struct world *world, const char *what, const char *key)
{
	world->changes++;
	if (world->frozen)
		world_violated(world, what, key);
}

static void tell(struct world *world, enum rules_kind kind, const char *cell, const char *id,
		 bool there)
{
	rules_seen(&world->rules, &(struct rules_sight){ .kind = kind,
							 .cell = cell,
							 .id = id,
							 .there = there,
							 .since = world->rules.now });
}

void world_looked_at_container(struct world *world, const struct world_container *c)
{
	tell(world, RULES_TASK, c->fact.cell_key, c->key, c->fact.task != TASK_NONE);
	tell(world, RULES_RECORD, c->fact.cell_key, c->key, c->fact.record);
	tell(world, RULES_SNAPSHOT, c->fact.cell_key, c->key, c->fact.snapshot);
}

void world_looked_at_network(struct world *world, const struct world_cell *cell)
{
	tell(world, RULES_PIN, cell->key, cell->key, cell->pinned);
	tell(world, RULES_ATTACHMENT, cell->key, cell->key, cell->intent);
}

void world_looked_at_cgroup(struct world *world, const struct world_cell *cell)
{
	tell(world, RULES_CGROUP, cell->key, cell->key, cell->cgroup);
}

void world_take_task(struct world *world, struct world_container *c)
{
	rules_doubt(&world->rules, RULES_TASK, c->key);
	c->fact.task = TASK_NONE;
	c->fact.pid = 0;
	timer_stop(&c->dies);
	fake_runtime_hint(world, c);
}

void world_take_pin(struct world *world, struct world_cell *cell)
{
	rules_doubt(&world->rules, RULES_PIN, cell->key);
	cell->pinned = false;
}

void world_tell_rules(struct world *world)
{
	struct world_container *c;
	struct world_cell *cell;

	map_for_each(c, &world->containers, node)
		world_looked_at_container(world, c);
	map_for_each(cell, &world->cells, node) {
		world_looked_at_network(world, cell);
		world_looked_at_cgroup(world, cell);
	}
}

/* What the act breaks, when it is the first to break anything. */
static void note_violation(struct world *world)
{
	if (!world->rules.violations || world->violations)
		return;
	world->violations++;
	snprintf(world->violation, sizeof(world->violation), "%s", world->rules.violation);
}

/* ---- hints ---- */

struct late_hint {
	struct list link; /* struct world.hints */
	struct world *world;
	struct timer timer;
	enum world_hint kind;
	char *where, *what;
};

static void give_hint(struct world *world, enum world_hint kind, const char *where,
		      const char *what)
{
	const struct runtime_listener *runtime = &world->runtime_listener;
	const struct cgroup_listener *cgroup = &world->cgroup_listener;

	if (kind == WORLD_HINT_CONTAINER && runtime->on_container && !world->runtime_down)
		runtime->on_container(runtime->ctx, where, what);
	else if (kind == WORLD_HINT_CGROUP && cgroup->on_cell)
		cgroup->on_cell(cgroup->ctx, what);
}

static void hint_free(struct late_hint *hint)
{
	list_remove(&hint->link);
	timer_stop(&hint->timer);
	free(hint->where);
	free(hint->what);
	free(hint);
}

static void on_late_hint(struct timer *timer)
{
	struct late_hint *hint = container_of(timer, struct late_hint, timer);

	give_hint(hint->world, hint->kind, hint->where, hint->what);
	hint_free(hint);
}

void world_hint(struct world *world, enum world_hint kind, const char *where, const char *what)
{
	struct late_hint *hint;

	if (world_chance(world, world->lost_hint_percent))
		return;
	if (!world->hint_ms)
		return give_hint(world, kind, where, what);
	hint = xnew(struct late_hint);
	hint->world = world;
	hint->kind = kind;
	hint->where = xstrdup(where);
	hint->what = xstrdup(what);
	list_append(&world->hints, &hint->link);
	timer_start(world->loop, &hint->timer, world->hint_ms, on_late_hint);
}

/* They were for a daemon that is gone. */
static void forget_hints(struct world *world)
{
	struct late_hint *hint;

	list_for_each(hint, &world->hints, link)
		hint_free(hint);
}

/* ---- acts ---- */

/* When an act that hangs is given up, as the real drivers' deadlines do. */
enum { WORLD_DEADLINE_MS = 30 * 1000 };

static void op_free(struct op *op)
{
	if (op->busy)
		*op->busy = false;
	if (op->ended)
		*op->ended = true;
	if (op->on_end)
		op->on_end(op);
	rules_end(&op->world->rules, op->nth, op->done ? RULES_DONE : RULES_NOT_DONE);
	list_remove(&op->link);
	timer_stop(&op->timer);
	free(op->key);
	free(op->id);
	free(op->extra);
	free(op->image);
	free(op->more);
	free(op);
}

static void op_end(struct op *op, int r, const struct error *err)
{
	struct call *call = op->call;

	op_free(op);
	call_complete(call, r, err);
}

void world_end_act(struct op *op, int code, const char *why)
{
	struct error err;

	error_set(&err, code, "%s", why);
	op_end(op, code, &err);
}

static int op_apply(struct op *op, struct error *err)
{
	const struct world_observer *observer = &op->world->observer;
	int r = op->apply(op, err);

	op->done = r == 0;
	if (op->done && observer->done)
		observer->done(observer->ctx, op);
	return r;
}

void world_begun(struct op *op)
{
	const struct world_observer *observer = &op->world->observer;

	if (observer->begun && !op->late)
		observer->begun(observer->ctx, op);
}

void world_pace(struct world *world, const char *name, unsigned ms, unsigned answer_ms)
{
	world->paces = xrealloc(world->paces, (world->n_paces + 1) * sizeof(*world->paces));
	world->paces[world->n_paces++] = (struct world_pace){ xstrdup(name), ms, answer_ms };
}

/* NULL: it was not set. */
static const struct world_pace *pace_of(const struct world *world, const char *name)
{
	for (size_t i = world->n_paces; i-- > 0;)
		if (strcmp(world->paces[i].name, name) == 0 || *world->paces[i].name == '*')
			return &world->paces[i];
	return NULL;
}

static void on_op_answer(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, timer);
	struct error err = op->err;

	if (!op->world->daemon_died) /* else until world_cut() */
		op_end(op, op->status, &err);
}

/* How much later than its effect the daemon hears of it. */
static uint64_t answer_ms(const struct op *op)
{
	const struct world_pace *pace = pace_of(op->world, op->name);

	if (pace)
		return pace->answer_ms;
	if (!op->reads_only || !op->world->answer_ms)
		return 0;
	return world_random(op->world, op->world->answer_ms);
}

/* Now, or a while later: what was read may be true no more. */
static void op_answer(struct op *op, int r, const struct error *err)
{
	uint64_t later_ms = answer_ms(op);

	if (!later_ms)
		return op_end(op, r, err);
	op->answered = op->had_effect = true;
	op->status = r;
	op->err = *err;
	timer_start(op->world->loop, &op->timer, later_ms, on_op_answer);
}

void world_act_is(struct op *op, enum rules_verb verb, enum rules_kind kind, const char *cell,
		  const char *id)
{
	if (op->late)
		return;
	rules_begin(&op->world->rules,
		    &(struct rules_act){
			    .n = op->nth, .verb = verb, .kind = kind, .cell = cell, .id = id });
	note_violation(op->world);
}

static void on_op_timeout(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, timer);
	struct error err;

	error_set(&err, -ETIMEDOUT, "%s: injected hang", op->name);
	op_end(op, err.code, &err);
}

/* The fault of this act. */
static void suffer(struct op *op)
{
	struct world *world = op->world;
	struct world_fault *fault = &world->fault;
	bool effect = fault->kind == WORLD_FAULT_KILL_AFTER ||
		      fault->kind == WORLD_FAULT_FAIL_AFTER ||
		      fault->kind == WORLD_FAULT_HANG_AFTER;
	struct error err = { 0 };

	fault->happened = true;
	fault->name = op->name;
	if (effect && !op->reads_only) {
		op->ret = NULL;
		op_apply(op, &err);
		op->had_effect = true;
	}
	switch (fault->kind) {
	case WORLD_FAULT_KILL_BEFORE:
	case WORLD_FAULT_KILL_AFTER:
		world->daemon_died = op->had_effect = true; /* world_cut() adds nothing to it */
		break;
	case WORLD_FAULT_FAIL_BEFORE:
	case WORLD_FAULT_FAIL_AFTER:
		error_set(&err, fault->code, "%s: injected failure", op->name);
		op_end(op, err.code, &err);
		break;
	default:
		timer_start(world->loop, &op->timer, WORLD_DEADLINE_MS, on_op_timeout);
		break;
	}
}

static void on_op_due(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, timer);
	struct world *world = op->world;
	bool fails = world_chance(world, world->fail_percent);
	struct error err = { 0 };
	int r;

	if (world->daemon_died)
		return; /* until world_cut() */
	if (world->fault.kind && world->fault.at == op->nth)
		return suffer(op);
	if (fails && !op->reads_only)
		op->ret = NULL; /* a call that fails gives nothing, whatever it did */
	if (fails && (op->reads_only || world_chance(world, 50)))
		r = error_set(&err, -EIO, "%s: injected failure", op->name);
	else
		r = op_apply(op, &err);
	if (fails && r == 0)
		r = error_set(&err, -ETIMEDOUT, "%s: injected failure after the effect", op->name);
	op_answer(op, r, &err);
}

struct op *world_act(struct world *world, const char *name, struct call *call, op_fn apply)
{
	const struct world_pace *pace = pace_of(world, name);
	struct op *op = xnew(struct op);

	op->nth = ++world->acts;
	op->late = world->daemon_died;
	op->world = world;
	op->name = name;
	op->call = call;
	op->apply = apply;
	list_append(&world->ops, &op->link);
	timer_start(world->loop, &op->timer,
		    pace ? pace->ms : 1 + world_random(world, world->act_ms), on_op_due);
	return op;
}

/* An act that only reads and was cut off must not write into what is gone: its effect is left out.
 * An answer that was under way arrives: what it gave must be freed by whoever asked. */
void world_cut(struct world *world)
{
	struct op *op;

	world->runtime_listener = (struct runtime_listener){ 0 };
	world->cgroup_listener = (struct cgroup_listener){ 0 };
	world->filter_listener = (struct filter_listener){ 0 };
	deferred_cancel(&world->up);
	forget_hints(world);
	world->daemon_died = false;
	list_for_each(op, &world->ops, link) {
		struct call *call = op->call;
		int status = op->answered ? op->status : -ECANCELED;
		struct error err = op->err;

		if (!op->reads_only && !op->ret && !op->late && !op->had_effect &&
		    world_chance(world, 50))
			op_apply(op, NULL);
		op_free(op);
		call_complete(call, status, status < 0 && err.code ? &err : NULL);
	}
}

/* ---- images ---- */

struct world_image *world_image(struct world *world, const char *namespace_, const char *name)
{
	struct world_image *image;

	list_for_each(image, &world->images_there, link)
		if (str_equal(image->namespace_, namespace_) && str_equal(image->name, name))
			return image;
	return NULL;
}

struct world_image *world_add_image(struct world *world, const char *namespace_, const char *name)
{
	struct world_image *image = xnew(struct world_image), *last;

	image->namespace_ = xstrdup(namespace_);
	image->name = xstrdup(name);
	image->digest = xasprintf("sha256:0 of %s", name);
	image->ours = true;
	last = list_empty(&world->images_there)
		       ? NULL
		       : list_entry(world->images_there.prev, struct world_image, link);
	check(!last || strcmp(last->name, name) <= 0);
	list_append(&world->images_there, &image->link);
	return image;
}

void world_remove_image(struct world_image *image)
{
	list_remove(&image->link);
	free(image->namespace_);
	free(image->name);
	free(image->digest);
	free(image);
}

/* ---- life ---- */

void world_init(struct world *world, struct loop *loop, uint64_t seed)
{
	*world = (struct world){
		.loop = loop,
		.random = seed * 0x9e3779b97f4a7c15u + 1,
		.act_ms = 20,
		.next_pid = 1000,
		.wall_ms = loop_wall_ms(loop),
		.runtime.ops = fake_runtime_ops(),
		.network.ops = fake_network_ops(),
		.cgroup.ops = fake_cgroup_ops(),
	};
	list_init(&world->images_there);
	list_init(&world->ops);
	list_init(&world->hints);
	rules_init(&world->rules);
}

static void container_free(struct world_container *c)
{
	timer_stop(&c->dies);
	container_fact_fini(&c->fact);
	free(c->made_of);
	free(c->netns_cell);
	free(c->namespace_);
	free(c->key);
	free(c);
}

void world_fini(struct world *world)
{
	struct world_container *c;
	struct world_cell *cell;
	struct world_join *join;
	struct world_parent *parent;

	struct world_image *image;

	check(list_empty(&world->ops));
	forget_hints(world);
	list_for_each(image, &world->images_there, link)
		world_remove_image(image);
	for (size_t i = 0; i < world->n_paces; i++)
		free(world->paces[i].name);
	free(world->paces);
	map_for_each(c, &world->containers, node) {
		map_remove(&world->containers, &c->node);
		container_free(c);
	}
	map_for_each(cell, &world->cells, node) {
		map_remove(&world->cells, &cell->node);
		list_for_each(join, &cell->joins, link)
			world_remove_join(join);
		free(cell->key);
		free(cell);
	}
	map_for_each(parent, &world->parents, node) {
		map_remove(&world->parents, &parent->node);
		free(parent->subnet);
		free(parent->subnet6);
		free(parent->key);
		free(parent);
	}
	free(world->filter);
	host_things_fini(&world->strays);
	strv_fini(&world->missing_images);
	strv_fini(&world->remote_images);
	strv_fini(&world->registry.secret);
	strv_fini(&world->registry.broken);
	strv_fini(&world->registry.crashing);
	free(world->registry.password);
	strv_fini(&world->controllers);
	rules_fini(&world->rules);
}
