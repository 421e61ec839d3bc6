/* SPDX-License-Identifier: Apache-2.0 */
/* Egress policies in a world of plain data: when the filter follows them and the name servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "tests/fake/host.h"

enum { TTL_MS = 30 * 1000, GRACE_MS = 5 * 60 * 1000 };

#define SPACE_OF(policy)                                                                           \
	"apiVersion: v1beta1\nkind: Space\nmetadata: {name: s}\n"                                  \
	"spec: {network: {egress: " policy "}}\n"
#define WITH_HOST SPACE_OF("{default: deny, allow: [{host: a.test, ports: [443]}]}")

static const char cell[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"
			   "spec: {spaceId: s, containers: [{id: a, image: img}]}\n";

static const char guest[] = "apiVersion: v1beta1\nkind: Space\nmetadata: {name: other}\n---\n"
			    "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: guest}\n"
			    "spec: {spaceId: s, containers: [{id: a, image: img, "
			    "networks: [other]}]}\n";

static const char space_key[] = "default/s";

/* NULL: nothing. */
static void stands_for(struct sim *sim, const char *address)
{
	sim->world.names = (struct resolved){ .n = address != NULL, .ttl_ms = TTL_MS };
	if (address)
		assert_true(ip_parse(address, &sim->world.names.addresses[0]));
}

static bool filter_says(struct sim *sim, const char *line)
{
	return sim->world.filter && strstr(sim->world.filter, line);
}

static const char *message(struct sim *sim)
{
	const struct object *object = engine_find(&sim->engine, space_key);

	return object && object->status.message ? object->status.message : "";
}

static void start(struct sim *sim, const char *space)
{
	sim_init(sim, 31);
	stands_for(sim, "192.0.2.7");
	sim_start(sim);
	sim_file(sim, "space.yaml", space);
	sim_file(sim, "web.yaml", cell);
	sim_scanned(sim);
	sim_run(sim, 1000);
	assert_int_equal(sim_state(sim, space_key), API__STATE__Ready);
	assert_int_equal(sim_state(sim, "default/s/default/web"), API__STATE__Ready);
}

static void end(struct sim *sim)
{
	assert_int_equal(sim->world.violations, 0);
	sim_fini(sim);
}

static void test_follows_the_manifest(void **state UNUSED)
{
	struct sim sim;

	start(&sim, SPACE_OF("{default: deny, allow: [{cidr: 10.0.0.0/8}]}"));
	assert_true(filter_says(&sim, "deny default/s\n"));
	assert_true(filter_says(&sim, "allow default/s 10.0.0.0-10.255.255.255 0 0-0\n"));
	sim_file(&sim, "space.yaml",
		 SPACE_OF("{default: deny, allow: [{cidr: 10.0.0.0/8, ports: [53/udp]}]}"));
	sim_run(&sim, 100);
	assert_true(filter_says(&sim, "allow default/s 10.0.0.0-10.255.255.255 2 53-53\n"));
	assert_false(filter_says(&sim, " 0 0-0\n"));
	sim_file(&sim, "space.yaml", SPACE_OF("{default: allow}"));
	sim_run(&sim, 100);
	assert_false(filter_says(&sim, "deny"));
	assert_int_equal(sim.world.asked, 0);
	end(&sim);
}

/* Asked again when the answer has aged; what it said before stays for a while. */
static void test_follows_the_names(void **state UNUSED)
{
	struct sim sim;
	unsigned asked;

	start(&sim, WITH_HOST);
	assert_true(filter_says(&sim, "allow default/s 192.0.2.7-192.0.2.7 1 443-443\n"));
	assert_int_equal(sim.world.asked, 1);
	stands_for(&sim, "192.0.3.9");
	sim_run(&sim, TTL_MS - 2000);
	assert_false(filter_says(&sim, "192.0.3.9"));
	sim_run(&sim, 3000);
	assert_true(filter_says(&sim, "192.0.3.9-192.0.3.9"));
	assert_true(filter_says(&sim, "192.0.2.7-192.0.2.7"));
	sim_run(&sim, GRACE_MS + TTL_MS);
	assert_true(filter_says(&sim, "192.0.3.9-192.0.3.9"));
	assert_false(filter_says(&sim, "192.0.2.7-192.0.2.7"));
	sim_file(&sim, "space.yaml", SPACE_OF("{default: deny}"));
	sim_run(&sim, 100);
	assert_false(filter_says(&sim, "allow"));
	asked = sim.world.asked;
	sim_run(&sim, 10 * TTL_MS); /* nobody names it any more */
	assert_int_equal(sim.world.asked, asked);
	end(&sim);
}

/* What was found stays while nobody can be asked; what was never found is told. */
static void test_silence(void **state UNUSED)
{
	struct sim sim;
	unsigned asked;

	start(&sim, WITH_HOST);
	stands_for(&sim, NULL);
	sim_run(&sim, 2 * GRACE_MS);
	assert_true(filter_says(&sim, "192.0.2.7-192.0.2.7"));
	assert_non_null(strstr(message(&sim), "a.test: no name server knows"));
	assert_int_equal(sim_state(&sim, space_key), API__STATE__Ready);
	asked = sim.world.asked;
	assert_in_range(asked, 10, 30);
	stands_for(&sim, "192.0.3.9");
	sim_run(&sim, 70 * 1000);
	assert_true(filter_says(&sim, "192.0.3.9-192.0.3.9"));
	assert_string_equal(message(&sim), "");
	end(&sim);
}

/* The filter stays as it is until it is known what hosts stand for; not for long. */
static void test_daemon_restarts(void **state UNUSED)
{
	uint64_t changes;
	struct sim sim;

	start(&sim, WITH_HOST);
	changes = sim.world.changes;
	sim_crash(&sim);
	sim_start(&sim);
	sim_file(&sim, "space.yaml", WITH_HOST);
	sim_file(&sim, "web.yaml", cell);
	sim_scanned(&sim);
	sim_run(&sim, 1000);
	assert_int_equal(sim.world.changes, changes); /* it said the same all the while */
	stands_for(&sim, NULL);
	sim_crash(&sim);
	sim_start(&sim);
	sim_file(&sim, "space.yaml", WITH_HOST);
	sim_file(&sim, "web.yaml", cell);
	sim_scanned(&sim);
	sim_run(&sim, 10 * 1000);
	assert_true(filter_says(&sim, "deny default/s\n"));
	assert_false(filter_says(&sim, "allow"));
	end(&sim);
}

/* Nor does it open while nobody knows the policy of a space that is there. */
static void test_manifests_unread(void **state UNUSED)
{
	struct sim sim;

	start(&sim, WITH_HOST);
	sim_crash(&sim);
	sim_start(&sim);
	sim_run(&sim, 60 * 1000);
	assert_true(filter_says(&sim, "deny default/s\n"));
	assert_true(filter_says(&sim, "192.0.2.7-192.0.2.7"));
	end(&sim);
}

static void test_guest(void **state UNUSED)
{
	struct sim sim;

	start(&sim, SPACE_OF("{default: deny}"));
	sim_file(&sim, "guest.yaml", guest);
	sim_run(&sim, 2000);
	assert_int_equal(sim_state(&sim, "default/s/default/guest"), API__STATE__Ready);
	assert_true(filter_says(&sim, "guest fake1 10.89."));
	sim_file(&sim, "space.yaml", SPACE_OF("{default: allow}"));
	sim_run(&sim, 2000);
	assert_false(filter_says(&sim, "guest"));
	end(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_the_manifest),
		cmocka_unit_test(test_follows_the_names),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_daemon_restarts),
		cmocka_unit_test(test_manifests_unread),
		cmocka_unit_test(test_guest),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
