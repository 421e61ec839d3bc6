/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a look costs the loop for 10, 1 000 and 10 000 cells: printed, by the processor's time. What
 * grew with the square of their number would be ten times as dear per cell at each step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/model/names.h"
#include "core/network/bridges.h"
#include "core/reconcile/relist.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"

enum { TRIES = 5, WORSE_AT_MOST = 5 };

/* All in one namespace: a fake walks all there is for each listing. */
static char *cell_key(unsigned i)
{
	return xasprintf("r/s/t/c%05u", i);
}

static void make_cell(struct world *world, unsigned i)
{
	AUTO_FREE char *key = cell_key(i);
	AUTO_FREE char *realm = xstrndup(key, strcspn(key, "/"));
	AUTO_FREE char *namespace_ = name_containerd_namespace(realm);
	AUTO_FREE char *id = name_containerd_id(key, "root");
	struct world_container *c = world_make_container(world, namespace_, id);
	struct world_cell *cell = world_make_cell(world, key);

	c->fact.cell_key = xstrdup(key);
	c->fact.role = xstrdup("root");
	c->fact.container = xstrdup("main");
	c->fact.spec_hash = xstrdup("hash");
	c->fact.record = c->fact.snapshot = true;
	c->fact.task = TASK_RUNNING;
	c->fact.pid = i + 1;
	cell->pinned = cell->intent = cell->attached = true;
	cell->ip = i;
	world_make_parent(world, realm)->own = true;
}

static bool has_looked(struct sim *sim)
{
	return list_empty(&sim->engine.relists);
}

static void look_at(struct sim *sim, void (*look)(struct engine *))
{
	look(&sim->engine);
	assert_true(sim_run_until(sim, has_looked, 60 * 1000));
	sim_run(sim, 1);
}

/* What the kernel says of the links of the host. */
static void ask_for_bridges(struct engine *engine)
{
	for (unsigned i = 0; i < engine->objects.count; i++)
		bridges_has(engine, "br-of-somebody");
}

/* A hint for each. */
static void hint_all(struct engine *engine)
{
	struct container *c;

	map_for_each(c, &engine->containers, node)
		engine_find_container(engine, "r", c->containerd_id);
}

static const struct {
	const char *name;
	void (*look)(struct engine *);
} rows[] = {
	{ "relist_runtime", relist_runtime },
	{ "relist_network", relist_network },
	{ "bridges", ask_for_bridges },
	{ "hints", hint_all },
};

/* ns per cell, the least of some tries. */
static void measure(unsigned cells, uint64_t ret_ns[ARRAY_SIZE(rows)])
{
	struct sim sim;

	sim_init(&sim, 1);
	sim.world.act_ms = 1;
	for (unsigned i = 0; i < cells; i++)
		make_cell(&sim.world, i);
	sim_start(&sim); /* nothing is deleted before the manifests have been read */
	sim_run(&sim, 1000);
	assert_int_equal(sim.engine.containers.count, cells);
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		ret_ns[row] = UINT64_MAX;
		for (int i = 0; i < TRIES; i++) {
			uint64_t began_ns = processor_ns(), took_ns;

			look_at(&sim, rows[row].look);
			took_ns = (processor_ns() - began_ns) / cells;
			ret_ns[row] = took_ns < ret_ns[row] ? took_ns : ret_ns[row];
		}
	}
	assert_int_equal(sim.world.changes, 0);
	sim_fini(&sim);
}

static void test_looks_are_linear(void **state UNUSED)
{
	uint64_t few[ARRAY_SIZE(rows)], many[ARRAY_SIZE(rows)], most[ARRAY_SIZE(rows)];

	measure(FEW, few);
	measure(MANY, many);
	measure(MOST_PLAYED, most);
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++)
		printf("%-14s ns per cell: %6llu of %d, %6llu of %d, %6llu of %d\n", rows[row].name,
		       (unsigned long long)few[row], FEW, (unsigned long long)many[row], MANY,
		       (unsigned long long)most[row], MOST_PLAYED);
	if (IS_SANITIZED) {
		print_message("not judged: a sanitizer's memory costs more the more there is\n");
		skip();
	}
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++)
		assert_in_range(most[row], 0, WORSE_AT_MOST * many[row] + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_looks_are_linear) };

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
