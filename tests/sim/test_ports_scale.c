/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What published ports cost the loop for 10, 1 000 and 10 000 cells: to load their manifests, and
 * when the file of one changes. Printed, by the processor's time. Loading them costs hardly more
 * than loading cells without ports; a change costs what it touches, whatever others declare.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/network/network_ports.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"

enum { WORSE_AT_MOST = 5, SLACK_NS = 20 * 1000 };
enum { CHANGES = 20, MS = 20, TRIES = 3, PERCENT_AT_MOST = 130 };

enum kind_of_ports { NONE, OWN_PORT, OWN_ADDRESS, ONE_PORT, PORTS };
static const char *const port_names[PORTS] = { "none", "own port", "own address", "one for all" };

struct cost {
	uint64_t load_ns, change_ns; /* for each cell, for each change */
};

static char *port_text(enum kind_of_ports ports, unsigned i)
{
	switch (ports) {
	case OWN_PORT:
		return xasprintf("%u:80", 10000 + i);
	case OWN_ADDRESS:
		return xasprintf("10.0.%u.%u:80:80", i / 250, 1 + i % 250);
	default:
		return xstrdup(ports == ONE_PORT ? "80:80" : "");
	}
}

static void declare(struct sim *sim, unsigned i, enum kind_of_ports ports, unsigned port_of,
		    unsigned to)
{
	AUTO_FREE char *path = xasprintf("f%05u.yaml", i);
	AUTO_FREE char *port = port_text(ports, port_of);
	AUTO_FREE char *text = xasprintf("apiVersion: v1beta1\nkind: Cell\n"
					 "metadata: {name: c%05u}\nspec: {containers: [{id: a, "
					 "image: img%u, ports: [%s%s%s]}]}\n",
					 i, to, *port ? "\"" : "", port, *port ? "\"" : "");

	sim_file(sim, path, text);
}

static unsigned in_conflict(struct sim *sim)
{
	struct object *object;
	unsigned n = 0;

	map_for_each(object, &sim->engine.objects, node)
		n += object->kind == KIND_CELL && object->cell.port_conflict;
	return n;
}

static void measure(unsigned cells, enum kind_of_ports ports, struct cost *ret)
{
	struct sim sim;
	uint64_t began_ns;

	sim_init(&sim, 1);
	world_runtime_down(&sim.world); /* nothing is made of them */
	sim_start(&sim);
	sim_run(&sim, MS);
	began_ns = processor_ns();
	for (unsigned i = 0; i < cells; i++)
		declare(&sim, i, ports, i, 0);
	sim_scanned(&sim);
	sim_run(&sim, MS);
	ret->load_ns = (processor_ns() - began_ns) / cells;
	assert_int_equal(in_conflict(&sim), ports == ONE_PORT ? cells - 1 : 0);
	began_ns = processor_ns();
	for (unsigned i = 0; i < CHANGES; i++) {
		declare(&sim, i % cells, ports, cells + i, i + 1);
		sim_scanned(&sim);
		sim_run(&sim, 1);
	}
	ret->change_ns = (processor_ns() - began_ns) / CHANGES;
	sim_fini(&sim);
}

/* The least of some tries. */
static struct cost least(unsigned cells, enum kind_of_ports ports)
{
	struct cost least, cost;

	measure(cells, ports, &least);
	for (int i = 1; i < TRIES; i++) {
		measure(cells, ports, &cost);
		least.load_ns = cost.load_ns < least.load_ns ? cost.load_ns : least.load_ns;
		least.change_ns =
			cost.change_ns < least.change_ns ? cost.change_ns : least.change_ns;
	}
	return least;
}

static void print(enum kind_of_ports ports, const struct cost costs[3])
{
	static const unsigned n[] = { FEW, MANY, MOST_PLAYED };

	printf("%-12s", port_names[ports]);
	for (int i = 0; i < 3; i++)
		printf("  %u: load %llu ns a cell, change %llu ns", n[i],
		       (unsigned long long)costs[i].load_ns,
		       (unsigned long long)costs[i].change_ns);
	printf("\n");
}

static void test_ports_are_linear(void **state UNUSED)
{
	struct cost costs[PORTS][3];
	bool good = true;

	for (enum kind_of_ports ports = 0; ports < PORTS; ports++) {
		costs[ports][0] = least(FEW, ports);
		costs[ports][1] = least(MANY, ports);
		costs[ports][2] = least(MOST_PLAYED, ports);
		print(ports, costs[ports]);
	}
	if (IS_SANITIZED) {
		print_message("not judged: a sanitizer's memory costs more the more there is\n");
		skip();
	}
	for (enum kind_of_ports ports = OWN_PORT; ports < PORTS; ports++)
		good &= 100 * costs[ports][2].load_ns <=
			PERCENT_AT_MOST * costs[NONE][2].load_ns + 100 * (uint64_t)SLACK_NS;
	for (enum kind_of_ports ports = NONE; ports <= OWN_PORT; ports++)
		good &= costs[ports][2].change_ns <=
			WORSE_AT_MOST * costs[ports][0].change_ns + SLACK_NS;
	assert_true(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ports_are_linear) };

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
