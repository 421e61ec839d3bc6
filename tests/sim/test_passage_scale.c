/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to ask whether packets pass, after a change, with 10, 1 000 and 10 000 objects
 * beside the space: steps from object to object are counted (map_next() leads here, see
 * CMakeLists.txt), so that the figures are the same on every machine. They do not grow with what is
 * no space.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/passage/passage.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"

enum { ROUNDS = 4, ROUND_MS = 3000, A_MINUTE_MS = 60 * 1000, SLACK = 20, ALWAYS = 1000000 };

struct map_node *__real_map_next(const struct map_node *node);
struct map_node *__wrap_map_next(const struct map_node *node);

static unsigned long steps;

struct map_node *__wrap_map_next(const struct map_node *node)
{
	steps++;
	return __real_map_next(node);
}

/* One space with a cell, and so many stacks that have none. */
static void start(struct sim *sim, unsigned stacks)
{
	AUTO_BUF struct buf text = { 0 };

	buf_add_str(&text, "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: c}\n"
			   "spec: {containers: [{id: a, image: img}]}\n");
	sim_init(sim, 1);
	sim_start(sim);
	sim_file(sim, "cell.yaml", text.data);
	for (unsigned i = 0; i < stacks; i++) {
		AUTO_FREE char *path = xasprintf("s%05u.yaml", i);
		AUTO_FREE char *stack =
			xasprintf("apiVersion: v1beta1\nkind: Stack\nmetadata: {name: s%05u}\n", i);

		sim_file(sim, path, stack);
	}
	sim_scanned(sim);
	assert_true(sim_settle(sim));
	sim_run(sim, A_MINUTE_MS); /* the full look of every ten minutes comes in it */
}

/* In each round. */
static unsigned long cost_of_rounds(struct sim *sim)
{
	sim->world.probes = 0;
	steps = 0;
	for (int i = 0; i < ROUNDS; i++) {
		passage_mark_stale(&sim->engine);
		sim_run(sim, ROUND_MS);
	}
	assert_true(sim->world.probes >= ROUNDS);
	return steps / sim->world.probes;
}

struct cost {
	unsigned long open, blocked; /* while the packets of the space pass, while they do not */
};

static struct cost measure(unsigned stacks)
{
	struct cost cost;
	struct sim sim;

	start(&sim, stacks);
	cost.open = cost_of_rounds(&sim);
	sim.world.blocked = "default/default";
	sim.world.losses = ALWAYS;
	passage_mark_stale(&sim.engine);
	sim_run(&sim, ROUND_MS); /* by then it is told */
	cost.blocked = cost_of_rounds(&sim);
	sim_fini(&sim);
	return cost;
}

static void test_rounds(void **state UNUSED)
{
	struct cost few = measure(FEW), many = measure(MANY), most = measure(MOST_PLAYED);

	print_message(
		"  asking whether packets pass, steps from object to object in a round (while "
		"they do not): %lu (%lu) with %d objects, %lu (%lu) with %d, %lu (%lu) with "
		"%d\n",
		few.open, few.blocked, FEW, many.open, many.blocked, MANY, most.open, most.blocked,
		MOST_PLAYED);
	assert_true(many.open <= few.open + SLACK && most.open <= few.open + SLACK);
	assert_true(many.blocked <= few.blocked + SLACK && most.blocked <= few.blocked + SLACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("passage_scale", tests, NULL, NULL);
}
