/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One host with many cells under random kills, failures and changes by hand. After each burst of
 * them every cell comes to what is wanted, nothing is left over, no cell that was not meant has
 * lost a process or its address, and then nothing is done any more. All acts keep the rules
 * (tests/fake/rules.h).
 *
 * KUKEON_SIM_STEPS=<n> KUKEON_SIM_CELLS=<n> KUKEON_SIM_SEED=<n>; the seed is printed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/desired/desired.h"
#include "core/reconcile/relist.h"
#include "tests/fake/host.h"

enum {
	STEPS = 10 * 1000,
	CELLS = 20,
	CELLS_MAX = 200,
	CONTAINERS_MAX = 3,
	BURST_MAX = 5,
	BURST_MS = 3000,
	LOOK_MS = 50,
	CALM_MS = 60 * 1000,
	ANSWER_MS = 20,                /* what is read may be so old when it is told */
	CONVERGES_MS = 60 * 60 * 1000, /* back-offs, deadlines and the next look at everything */
};

struct wish {
	char *name, *key, *path, *realm, *namespace_, *ids[CONTAINERS_MAX];
	unsigned n_containers, version;
	bool declared, stopped;

	/* since it was last as wanted */
	bool victim;
	unsigned starts[CONTAINERS_MAX], ip;
};

struct chaos {
	struct sim sim;
	struct wish wishes[CELLS_MAX];
	unsigned n_cells, steps;
	unsigned not_yet; /* the wish that was not met the last time */
	const char *last; /* what was done */
	char why[512];
};

static unsigned any(struct chaos *chaos, unsigned n)
{
	return world_random(&chaos->sim.world, n);
}

static struct world_container *container(struct chaos *chaos, const struct wish *wish, unsigned i)
{
	return world_container(&chaos->sim.world, wish->namespace_, wish->ids[i]);
}

static void fail_chaos(struct chaos *chaos, const char *what)
{
	AUTO_FREE char *recent = rules_tell_recent(&chaos->sim.world.rules);

	fprintf(stderr, "%s", recent);
	fail_msg("KUKEON_SIM_SEED=%llu, step %u (%s): %s%s%s", (unsigned long long)chaos->sim.seed,
		 chaos->steps, chaos->last, what, chaos->sim.world.violations ? "; " : "",
		 chaos->sim.world.violation);
}

/* ---- what is wanted ---- */

static void declare(struct chaos *chaos, struct wish *wish)
{
	AUTO_BUF struct buf text = { 0 };

	if (!wish->declared) {
		sim_file_gone(&chaos->sim, wish->path);
		return;
	}
	buf_printf(&text,
		   "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: %s}\nspec:\n"
		   "  realmId: %s\n  containers:\n",
		   wish->name, wish->realm);
	for (unsigned i = 0; i < wish->n_containers; i++)
		buf_printf(&text,
			   "  - {id: k%u, image: img, stopGracePeriodSeconds: 1, env: [V=%u]}\n", i,
			   i == wish->version % wish->n_containers ? wish->version : 0);
	sim_file(&chaos->sim, wish->path, text.data);
}

static void intend(struct chaos *chaos, struct wish *wish)
{
	struct object *cell = engine_find(&chaos->sim.engine, wish->key);

	if (!cell || !wish->declared)
		return;
	cell->cell.run = wish->stopped ? INTENT_STOP : INTENT_RUN;
	engine_enqueue(&chaos->sim.engine, cell);
}

/* As the files and the store say it to a new daemon. */
static void declare_all(struct chaos *chaos)
{
	for (unsigned i = 0; i < chaos->n_cells; i++) {
		struct wish *wish = &chaos->wishes[i];

		if (wish->declared)
			declare(chaos, wish);
	}
	sim_scanned(&chaos->sim);
	for (unsigned i = 0; i < chaos->n_cells; i++)
		intend(chaos, &chaos->wishes[i]);
}

static void restart_daemon(struct chaos *chaos)
{
	sim_crash(&chaos->sim);
	sim_start(&chaos->sim);
	declare_all(chaos);
}

static void pass(struct chaos *chaos, uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i += LOOK_MS) {
		sim_run(&chaos->sim, LOOK_MS);
		if (chaos->sim.world.daemon_died)
			restart_daemon(chaos);
	}
}

/* ---- what is ---- */

static bool says(struct chaos *chaos, const char *what, const char *key)
{
	snprintf(chaos->why, sizeof(chaos->why), "%s: %s", key, what);
	return false;
}

static bool container_is_as_wanted(struct chaos *chaos, struct wish *wish,
				   const struct container *c, unsigned i)
{
	const struct world_container *w = container(chaos, wish, i);

	if (wish->stopped)
		return !w || w->fact.task == TASK_NONE || says(chaos, "has a task", wish->key);
	if (!w || w->fact.task != TASK_RUNNING)
		return says(chaos, "does not run", wish->key);
	return str_equal(w->fact.spec_hash, c->hash) || says(chaos, "runs an old spec", wish->key);
}

static bool is_as_wanted(struct chaos *chaos, struct wish *wish)
{
	const struct object *cell = engine_find(&chaos->sim.engine, wish->key);
	const struct world_cell *w = world_cell(&chaos->sim.world, wish->key);
	const struct container *c;
	unsigned i = 0;

	if (!wish->declared)
		return !cell || says(chaos, "is not gone", wish->key);
	if (!cell || cell->status.state !=
			     (wish->stopped ? API__STATE__STATE_STOPPED : API__STATE__STATE_READY))
		return says(chaos,
			    cell && cell->status.message ? cell->status.message : "is not there",
			    wish->key);
	if (!wish->stopped && (!w || !w->pinned || !w->attached || w->link_gone))
		return says(chaos, "has no network", wish->key);
	if (wish->stopped && w && (w->pinned || w->intent))
		return says(chaos, "has a network", wish->key);
	list_for_each(c, &cell->cell.containers, link)
		if (!container_is_as_wanted(chaos, wish, c, i++))
			return false;
	return i == wish->n_containers || says(chaos, "has other containers", wish->key);
}

/* Every layer once, and what each container has. */
static bool nothing_is_left(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;
	const struct object *object;
	size_t expected = 0;

	map_for_each(object, &sim->engine.objects, node) {
		const struct world_parent *parent = world_parent(&sim->world, object->key);

		if (object->kind == KIND_SPACE && (!parent || parent->drifted))
			return says(chaos, "has no bridge", object->key);
		expected += object->kind != KIND_CONTAINER;
	}
	for (unsigned i = 0; i < chaos->n_cells; i++)
		for (unsigned j = 0; j < CONTAINERS_MAX; j++) {
			const struct world_container *w = container(chaos, &chaos->wishes[i], j);

			expected += chaos->wishes[i].declared && w &&
				    (w->fact.record || w->fact.snapshot);
		}
	return world_count(&sim->world) == expected || says(chaos, "something is left", "the host");
}

/* Begins with the one that was not so the last time: it is asked again and again. */
static bool all_as_wanted(struct chaos *chaos)
{
	for (unsigned n = 0; n < chaos->n_cells; n++) {
		if (!is_as_wanted(chaos, &chaos->wishes[chaos->not_yet]))
			return false;
		chaos->not_yet = (chaos->not_yet + 1) % chaos->n_cells;
	}
	return nothing_is_left(chaos);
}

static void judge_others(struct chaos *chaos)
{
	for (unsigned i = 0; i < chaos->n_cells; i++) {
		struct wish *wish = &chaos->wishes[i];
		const struct world_cell *w = world_cell(&chaos->sim.world, wish->key);
		bool runs = wish->declared && !wish->stopped;

		for (unsigned j = 0; j < wish->n_containers; j++) {
			const struct world_container *c = container(chaos, wish, j);

			if (runs && !wish->victim && c->starts != wish->starts[j])
				fail_chaos(chaos, "a healthy cell was restarted");
			wish->starts[j] = c ? c->starts : 0;
		}
		if (runs && !wish->victim && w->ip != wish->ip)
			fail_chaos(chaos, "a healthy cell was attached anew");
		wish->ip = w ? w->ip : 0;
		wish->victim = false;
	}
}

/* Nothing fails any more: everything comes to rest where it is wanted. */
static void settle(struct chaos *chaos)
{
	struct sim *sim = &chaos->sim;
	struct world *world = &sim->world;
	struct world_container *c;
	struct world_cell *cell;

	world->fail_percent = world->lost_hint_percent = 0;
	world->fault = (struct world_fault){ 0 };
	strv_fini(&world->missing_images);
	map_for_each(c, &world->containers, node)
		c->ignores_term = c->ignores_kill = c->immortal = false;
	map_for_each(cell, &world->cells, node)
		cell->refuses_detach = false;
	/* An act that hangs may have had its effect. */
	for (uint64_t ms = 0; !all_as_wanted(chaos) || !list_empty(&world->ops); ms += LOOK_MS) {
		if (ms > CONVERGES_MS)
			fail_chaos(chaos, chaos->why);
		pass(chaos, LOOK_MS);
	}
	sim_run(sim, 1000); /* what was under way ends */
	judge_others(chaos);
	world->frozen = true;
	sim_run(sim, CALM_MS);
	world->frozen = false;
	if (!all_as_wanted(chaos))
		fail_chaos(chaos, chaos->why);
	if (world->violations)
		fail_chaos(chaos, "a rule was broken");
}

/* ---- kills ---- */

static struct wish *some_cell(struct chaos *chaos)
{
	struct wish *wish = &chaos->wishes[any(chaos, chaos->n_cells)];

	wish->victim = true;
	return wish;
}

static struct world_container *some_container(struct chaos *chaos)
{
	struct wish *wish = some_cell(chaos);

	return container(chaos, wish, any(chaos, wish->n_containers));
}

static void kill_container(struct chaos *chaos)
{
	struct world_container *c = some_container(chaos);

	if (c)
		world_exit(&chaos->sim.world, c, any(chaos, 2) ? 137 : any(chaos, 3));
}

static void kill_cell(struct chaos *chaos)
{
	struct wish *wish = some_cell(chaos);

	for (unsigned i = 0; i < wish->n_containers; i++)
		if (container(chaos, wish, i))
			world_exit(&chaos->sim.world, container(chaos, wish, i), 137);
}

static void kill_daemon_later(struct chaos *chaos)
{
	chaos->sim.world.fault = (struct world_fault){
		.kind = any(chaos, 2) ? WORLD_FAULT_KILL_BEFORE : WORLD_FAULT_KILL_AFTER,
		.at = chaos->sim.world.acts + 1 + any(chaos, 40),
	};
}

static void kill_runtime(struct chaos *chaos)
{
	world_runtime_down(&chaos->sim.world);
	pass(chaos, any(chaos, 3000));
	world_runtime_up(&chaos->sim.world);
}

static void reboot(struct chaos *chaos)
{
	for (unsigned i = 0; i < chaos->n_cells; i++)
		chaos->wishes[i].victim = true;
	sim_crash(&chaos->sim);
	world_reboot(&chaos->sim.world);
	sim_start(&chaos->sim);
	declare_all(chaos);
}

/* ---- failures ---- */

static void fail_at_random(struct chaos *chaos)
{
	chaos->sim.world.fail_percent = 1 + any(chaos, 30);
}

static void lose_hints(struct chaos *chaos)
{
	chaos->sim.world.lost_hint_percent = any(chaos, 60);
}

static void hang_once(struct chaos *chaos)
{
	chaos->sim.world.fault = (struct world_fault){
		.kind = any(chaos, 2) ? WORLD_FAULT_HANG : WORLD_FAULT_HANG_AFTER,
		.at = chaos->sim.world.acts + 1 + any(chaos, 20),
	};
}

static void refuse_detach(struct chaos *chaos)
{
	const struct wish *wish = some_cell(chaos);

	world_make_cell(&chaos->sim.world, wish->key)->refuses_detach = true;
}

static void resist(struct chaos *chaos)
{
	struct world_container *c = some_container(chaos);

	if (!c)
		return;
	c->ignores_term = true;
	c->ignores_kill = any(chaos, 2);
	c->immortal = any(chaos, 4) == 0;
}

static void lose_image(struct chaos *chaos)
{
	strv_add(&chaos->sim.world.missing_images, "img");
}

/* ---- changes by hand ---- */

static void take_pin(struct chaos *chaos)
{
	struct world_cell *cell =
		world_cell(&chaos->sim.world, chaos->wishes[any(chaos, chaos->n_cells)].key);

	if (cell)
		world_take_pin(&chaos->sim.world, cell);
}

static void take_link(struct chaos *chaos)
{
	struct wish *wish = &chaos->wishes[any(chaos, chaos->n_cells)];
	struct world_cell *cell = world_cell(&chaos->sim.world, wish->key);

	if (cell && cell->attached)
		cell->link_gone = true;
}

static void take_bridges(struct chaos *chaos)
{
	struct world_parent *parent;

	map_for_each(parent, &chaos->sim.world.parents, node)
		parent->drifted |= parent->own && key_kind(parent->key) == KIND_SPACE;
	if (any(chaos, 2))
		relist_network(&chaos->sim.engine);
}

static void take_task(struct chaos *chaos)
{
	struct world_container *c = some_container(chaos);

	if (c && c->fact.task != TASK_NONE)
		world_take_task(&chaos->sim.world, c);
}

/* ---- wishes ---- */

static void edit(struct chaos *chaos)
{
	struct wish *wish = some_cell(chaos);

	wish->version = 1 + any(chaos, 1000);
	declare(chaos, wish);
	sim_scanned(&chaos->sim);
}

static void stop_or_start(struct chaos *chaos)
{
	struct wish *wish = some_cell(chaos);

	wish->stopped = !wish->stopped && any(chaos, 4) == 0; /* most run most of the time */
	intend(chaos, wish);
}

/* One that comes again runs. */
static void delete_or_declare(struct chaos *chaos)
{
	struct wish *wish = some_cell(chaos);

	wish->declared = !wish->declared || any(chaos, 4);
	wish->stopped = false;
	declare(chaos, wish);
	sim_scanned(&chaos->sim);
	intend(chaos, wish);
}

/* ---- all of it ---- */

static const struct {
	unsigned weight;
	const char *name;
	void (*run)(struct chaos *chaos);
} table[] = {
	{ 20, "container killed", kill_container },
	{ 8, "cell killed", kill_cell },
	{ 6, "daemon killed", restart_daemon },
	{ 8, "daemon killed at an act", kill_daemon_later },
	{ 4, "containerd killed", kill_runtime },
	{ 1, "reboot", reboot },
	{ 8, "acts fail", fail_at_random },
	{ 4, "hints are lost", lose_hints },
	{ 4, "an act hangs", hang_once },
	{ 3, "DEL fails", refuse_detach },
	{ 4, "a process resists", resist },
	{ 2, "the image is gone", lose_image },
	{ 6, "pin taken", take_pin },
	{ 6, "link taken", take_link },
	{ 3, "bridges taken", take_bridges },
	{ 6, "task taken", take_task },
	{ 8, "edited", edit },
	{ 12, "stopped or started", stop_or_start },
	{ 12, "deleted or declared", delete_or_declare },
};

static void step(struct chaos *chaos)
{
	unsigned total = 0, at;
	size_t i = 0;

	for (size_t j = 0; j < ARRAY_SIZE(table); j++)
		total += table[j].weight;
	for (at = any(chaos, total); at >= table[i].weight; i++)
		at -= table[i].weight;
	chaos->last = table[i].name;
	chaos->steps++;
	if (getenv("KUKEON_SIM_LOG"))
		fprintf(stderr, "---- step %u: %s\n", chaos->steps, chaos->last);
	table[i].run(chaos);
}

static unsigned number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void wish_init(struct wish *wish, unsigned i)
{
	*wish = (struct wish){ .declared = true,
			       .n_containers = 1 + i % CONTAINERS_MAX,
			       .name = xasprintf("c%02u", i),
			       .path = xasprintf("c%02u.yaml", i),
			       .realm = xasprintf("r%u", i % 2) };
	wish->key = xasprintf("%s/default/default/%s", wish->realm, wish->name);
	wish->namespace_ = name_containerd_namespace(wish->realm);
	for (unsigned j = 0; j < CONTAINERS_MAX; j++) {
		AUTO_FREE char *role = j ? xasprintf("k%u", j) : xstrdup("root");

		wish->ids[j] = name_containerd_id(wish->key, role);
	}
}

static void wish_fini(struct wish *wish)
{
	free(wish->name);
	free(wish->path);
	free(wish->realm);
	free(wish->key);
	free(wish->namespace_);
	for (unsigned j = 0; j < CONTAINERS_MAX; j++)
		free(wish->ids[j]);
}

/* In the end everything is deleted, and gone. */
static void end(struct chaos *chaos)
{
	for (unsigned i = 0; i < chaos->n_cells; i++) {
		chaos->wishes[i].declared = false;
		declare(chaos, &chaos->wishes[i]);
	}
	sim_scanned(&chaos->sim);
	chaos->last = "everything deleted";
	settle(chaos);
	if (world_count(&chaos->sim.world))
		fail_chaos(chaos, "something is left in the end");
	rules_finish(&chaos->sim.world.rules);
	if (chaos->sim.world.rules.violations)
		fail_chaos(chaos, chaos->sim.world.rules.violation);
}

static void test_chaos(void **state UNUSED)
{
	struct chaos *chaos = xnew(struct chaos);
	unsigned steps = number("KUKEON_SIM_STEPS", STEPS);
	unsigned seed = number("KUKEON_SIM_SEED", 1);

	chaos->n_cells = number("KUKEON_SIM_CELLS", CELLS);
	assert_in_range(chaos->n_cells, 1, CELLS_MAX);
	sim_init(&chaos->sim, seed);
	chaos->sim.guard.off = true; /* every removal is meant */
	chaos->sim.world.answer_ms = ANSWER_MS;
	for (unsigned i = 0; i < chaos->n_cells; i++) {
		wish_init(&chaos->wishes[i], i);
		chaos->wishes[i].victim = true;
	}
	sim_start(&chaos->sim);
	declare_all(chaos);
	settle(chaos);
	while (chaos->steps < steps) {
		for (unsigned n = 1 + any(chaos, BURST_MAX); n; n--) {
			step(chaos);
			pass(chaos, any(chaos, BURST_MS));
		}
		settle(chaos);
	}
	end(chaos);
	printf("seed %u: %u steps, %u cells, %llu acts\n", seed, chaos->steps, chaos->n_cells,
	       (unsigned long long)chaos->sim.world.acts);
	sim_fini(&chaos->sim);
	for (unsigned i = 0; i < chaos->n_cells; i++)
		wish_fini(&chaos->wishes[i]);
	free(chaos);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_chaos) };

	log_set_level(getenv("KUKEON_SIM_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
