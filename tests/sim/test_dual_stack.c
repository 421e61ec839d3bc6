/* SPDX-License-Identifier: Apache-2.0 */
/* Spaces with IPv6 in a world of plain data: what is told of their cells, and what the filter is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "tests/fake/host.h"

static const char dual[] = "apiVersion: v1beta1\nkind: Space\nmetadata: {name: s}\n"
			   "spec: {ipv6: true}\n";
static const char plain[] = "apiVersion: v1beta1\nkind: Space\nmetadata: {name: s}\n";
static const char web[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"
			  "spec: {spaceId: s, containers: [{id: a, image: img, "
			  "ports: ['8080:80', '0.0.0.0:81:80', '[fd01::1]:82:80']}]}\n";
static const char guest[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: guest}\n"
			    "spec: {containers: [{id: a, image: img, networks: [s]}]}\n";

static const char space_key[] = "default/s", web_key[] = "default/s/default/web",
		  guest_key[] = "default/default/default/guest";

static bool filter_says(struct sim *sim, const char *line)
{
	return sim->world.filter && strstr(sim->world.filter, line);
}

static const struct cell *cell_of(struct sim *sim, const char *key)
{
	struct object *object = engine_find(&sim->engine, key);

	assert_non_null(object);
	return &object->cell;
}

static void start(struct sim *sim, const char *space)
{
	sim_init(sim, 41);
	sim_start(sim);
	sim_file(sim, "space.yaml", space);
	sim_file(sim, "web.yaml", web);
	sim_file(sim, "guest.yaml", guest);
	sim_scanned(sim);
	sim_run(sim, 2000);
	assert_int_equal(sim_state(sim, space_key), API__STATE__STATE_READY);
	assert_int_equal(sim_state(sim, guest_key), API__STATE__STATE_READY);
}

static void end(struct sim *sim)
{
	assert_int_equal(sim->world.violations, 0);
	sim_fini(sim);
}

static void test_both_families(void **state UNUSED)
{
	const struct cell *cell;
	struct join *join;
	struct sim sim;

	start(&sim, dual);
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_READY);
	cell = cell_of(&sim, web_key);
	assert_true(str_starts_with(cell->ip, "10.88."));
	assert_true(str_starts_with(cell->ip6, "fd00:88::"));
	assert_true(filter_says(&sim, "10.88.0.0/16 fd00:88::/64\n"));

	AUTO_FREE char *any4 = xasprintf(":8080/tcp %s:80\n", cell->ip);
	AUTO_FREE char *any6 = xasprintf(":8080/tcp %s:80\n", cell->ip6);
	AUTO_FREE char *all4 = xasprintf(":81/tcp %s:80\n", cell->ip);
	AUTO_FREE char *all6 = xasprintf(":81/tcp %s:80\n", cell->ip6);
	AUTO_FREE char *one6 = xasprintf("fd01::1:82/tcp %s:80\n", cell->ip6);

	assert_true(filter_says(&sim, any4) && filter_says(&sim, any6));
	assert_true(filter_says(&sim, all4) && !filter_says(&sim, all6));
	assert_true(filter_says(&sim, one6));
	assert_int_equal(cell->ports.n, 3); /* each once */

	join = list_entry(cell_of(&sim, guest_key)->joins.next, struct join, link);
	assert_true(str_starts_with(join->ip6, "fd00:88::"));
	assert_null(cell_of(&sim, guest_key)->ip6);
	end(&sim);
}

/* A port on an address of IPv6 leads nowhere in a cell without one, and that is said. */
static void test_without(void **state UNUSED)
{
	struct sim sim;

	start(&sim, plain);
	assert_null(cell_of(&sim, web_key)->ip6);
	assert_true(filter_says(&sim, ":8080/tcp 10.88."));
	assert_false(filter_says(&sim, "fd"));
	assert_int_equal(sim_state(&sim, web_key), API__STATE__STATE_PENDING);
	assert_non_null(cell_of(&sim, web_key)->port_taken);
	assert_non_null(strstr(cell_of(&sim, web_key)->port_taken,
			       "port [fd01::1]:82/tcp is not published: cells of space default/s "
			       "have no IPv6"));
	end(&sim);
}

/* What it had it asks for again, also after another daemon has taken over. */
static void test_remembered(void **state UNUSED)
{
	AUTO_FREE char *had = NULL;
	struct sim sim;

	start(&sim, dual);
	had = xstrdup(cell_of(&sim, web_key)->ip6);
	sim_crash(&sim);
	sim_start(&sim);
	sim_run(&sim, 5000);
	assert_string_equal(cell_of(&sim, web_key)->ip6, had);
	assert_string_equal(cell_of(&sim, web_key)->last_ip6, had);
	end(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_remembered),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
