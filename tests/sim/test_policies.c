/* SPDX-License-Identifier: Apache-2.0 */
/* Egress policies in a world of plain data: when the filter follows them and the name servers. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/journal/journal.h"
#include "core/network/filter.h"
#include "core/network/network_egress.h"
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
	assert_int_equal(sim_state(sim, space_key), API__STATE__STATE_READY);
	assert_int_equal(sim_state(sim, "default/s/default/web"), API__STATE__STATE_READY);
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
	assert_int_equal(sim_state(&sim, space_key), API__STATE__STATE_READY);
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

/* ---- over a restart ---- */

static void let_be_silent(struct sim *sim, bool silent)
{
	sim->world.mute = sim->world.mute6 = silent;
}

static void start_again(struct sim *sim, const char *space)
{
	sim_crash(sim);
	sim_start(sim);
	sim_file(sim, "space.yaml", space);
	sim_file(sim, "web.yaml", cell);
	sim_scanned(sim);
}

static enum reason reason_of(struct sim *sim)
{
	return engine_find(&sim->engine, space_key)->status.reason;
}

static void start_with_journal(struct sim *sim, char *dir)
{
	assert_non_null(mkdtemp(dir));
	sim_init(sim, 31);
	sim->run_path = dir;
	stands_for(sim, "192.0.2.7");
	sim_start(sim);
	sim_file(sim, "space.yaml", WITH_HOST);
	sim_file(sim, "web.yaml", cell);
	sim_scanned(sim);
	sim_run(sim, 2000);
	assert_true(filter_says(sim, "192.0.2.7-192.0.2.7"));
}

static void end_with_journal(struct sim *sim)
{
	const char *dir = sim->run_path;

	end(sim);
	fs_remove_tree(AT_FDCWD, dir, NULL);
}

/* The last answers are allowed for as long as no name server gives new ones, whatever daemon asks.
 */
static void test_answers_outlive_the_daemon(void **state UNUSED)
{
	char dir[] = "/tmp/test-policies-XXXXXX";
	uint64_t changes;
	struct sim sim;

	start_with_journal(&sim, dir);
	let_be_silent(&sim, true);
	changes = sim.world.changes;
	for (int i = 0; i < 3; i++) {
		start_again(&sim, WITH_HOST);
		sim_run(&sim, 3 * GRACE_MS);
		assert_true(filter_says(&sim, "192.0.2.7-192.0.2.7"));
	}
	assert_int_equal(sim.world.changes, changes); /* it was never without */
	assert_int_equal(reason_of(&sim), REASON_HOST_STALE);
	assert_non_null(strstr(message(&sim), "stays allowed"));
	stands_for(&sim, "192.0.3.9");
	let_be_silent(&sim, false);
	sim_run(&sim, 70 * 1000);
	assert_true(filter_says(&sim, "192.0.3.9-192.0.3.9"));
	assert_true(filter_says(&sim, "192.0.2.7-192.0.2.7"));
	assert_int_equal(reason_of(&sim), REASON_NONE);
	sim_run(&sim, GRACE_MS + 2 * TTL_MS);
	assert_false(filter_says(&sim, "192.0.2.7-192.0.2.7"));
	let_be_silent(&sim, true);
	start_again(&sim, WITH_HOST);
	sim_run(&sim, 60 * 1000);
	assert_true(filter_says(&sim, "192.0.3.9-192.0.3.9"));
	assert_false(filter_says(&sim, "192.0.2.7-192.0.2.7"));
	end_with_journal(&sim);
}

/* A name that is named again later stands for nothing until it is answered, by whichever daemon it
 * was forgotten. */
static void test_unnamed_is_forgotten(void **state UNUSED)
{
	char dir[] = "/tmp/test-policies-XXXXXX";
	struct sim sim;

	start_with_journal(&sim, dir);
	assert_non_null(journal_find(sim.journal, "egress/a.test"));
	sim_file(&sim, "space.yaml", SPACE_OF("{default: deny}"));
	sim_run(&sim, 1000);
	assert_null(journal_find(sim.journal, "egress/a.test"));
	sim_file(&sim, "space.yaml", WITH_HOST);
	sim_run(&sim, 1000);
	assert_non_null(journal_find(sim.journal, "egress/a.test"));
	start_again(&sim, SPACE_OF("{default: deny}"));
	sim_run(&sim, 1000);
	assert_null(journal_find(sim.journal, "egress/a.test"));
	end_with_journal(&sim);
}

/* What the store of another time says is no more than addresses. */
static void test_strange_notes(void **state UNUSED)
{
	static const char note[] = "0.0.0.0/0 any 192.0.2.8";
	char dir[] = "/tmp/test-policies-XXXXXX";
	struct sim sim;

	start_with_journal(&sim, dir);
	journal_put(sim.journal, "egress/a.test", note, strlen(note), false,
		    journal_errand(sim.journal));
	sim_run(&sim, 100);
	let_be_silent(&sim, true);
	start_again(&sim, WITH_HOST);
	sim_run(&sim, 60 * 1000);
	assert_true(filter_says(&sim, "allow default/s 192.0.2.8-192.0.2.8 1 443-443\n"));
	assert_false(filter_says(&sim, "0.0.0.0"));
	end_with_journal(&sim);
}

/* What was never found is a problem, of the space that names it. */
static void test_never_found(void **state UNUSED)
{
	struct sim sim;

	sim_init(&sim, 31);
	let_be_silent(&sim, true);
	sim_start(&sim);
	sim_file(&sim, "space.yaml", WITH_HOST);
	sim_scanned(&sim);
	sim_run(&sim, 5000);
	assert_int_equal(reason_of(&sim), REASON_HOST_NOT_FOUND);
	assert_int_equal(sim_state(&sim, space_key), API__STATE__STATE_READY);
	stands_for(&sim, "192.0.2.7");
	let_be_silent(&sim, false);
	sim_run(&sim, 70 * 1000);
	assert_int_equal(reason_of(&sim), REASON_NONE);
	end(&sim);
}

/* ---- many names ---- */

enum { HOSTS_A_SPACE = 32, SILENCE_MS = 3000, MANY = 1000, ROUNDS = 10 };

static void allow_many(struct sim *sim, unsigned n)
{
	for (unsigned i = 0; i < n; i += HOSTS_A_SPACE) {
		AUTO_BUF struct buf text = { 0 };
		char path[32];

		snprintf(path, sizeof(path), "space%u.yaml", i);
		buf_printf(&text,
			   "apiVersion: v1beta1\nkind: Space\nmetadata: {name: s%u}\n"
			   "spec: {network: {egress: {default: deny, allow: [",
			   i);
		for (unsigned k = i; k < n && k < i + HOSTS_A_SPACE; k++)
			buf_printf(&text, "%s{host: h%u.test, ports: [443]}", k > i ? ", " : "", k);
		buf_add_str(&text, "]}}}\n");
		sim_file(sim, path, text.data);
	}
}

static void start_with_many(struct sim *sim, unsigned n)
{
	sim_init(sim, 31);
	stands_for(sim, "192.0.2.7");
	sim->world.mute6 = true;
	world_pace(&sim->world, "resolve6", SILENCE_MS, 1);
	sim_start(sim);
	allow_many(sim, n);
	sim_scanned(sim);
}

static unsigned known_hosts(struct sim *sim)
{
	const struct egress_host *host;
	unsigned n = 0;

	map_for_each(host, &sim->engine.egress->hosts, node)
		n += host->addresses.n > 0;
	return n;
}

/* A name server that never answers for IPv6 delays nothing. */
static void test_silence_for_ipv6(void **state UNUSED)
{
	struct sim sim;

	start_with_many(&sim, 12);
	sim_run(&sim, 1000);
	assert_int_equal(known_hosts(&sim), 12);
	sim_run(&sim, 10 * SILENCE_MS);
	assert_int_equal(engine_find(&sim.engine, "default/s0")->status.reason, REASON_NONE);
	end(&sim);
}

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What @n names cost over some rounds of their TTL, in which nothing changes. */
static double play_rounds(unsigned n)
{
	struct sim sim;
	uint64_t applied;
	double before;

	start_with_many(&sim, n);
	sim_run(&sim, TTL_MS - 5000);
	assert_int_equal(known_hosts(&sim), n);
	applied = sim.engine.filter->applied;
	sim.world.asked = 0;
	before = cpu_ms();
	sim_run(&sim, (uint64_t)ROUNDS * TTL_MS);
	before = cpu_ms() - before;
	assert_in_range(sim.world.asked, (ROUNDS - 1) * n, (ROUNDS + 1) * n);
	assert_in_range(sim.world.asking_most, 1, 2 * EGRESS_UNDER_WAY_MAX);
	assert_in_range(sim.engine.filter->applied - applied, 0, 2);
	print_message("%u names: %u questions, %.1f ms of CPU\n", n, sim.world.asked, before);
	end(&sim);
	return before;
}

/* A round of all names costs what its answers cost: none of them looks at all others. */
static void test_cost_grows_with_the_names(void **state UNUSED)
{
	double few, many;

	play_rounds(MANY / 100);
	few = play_rounds(MANY / 10);
	many = play_rounds(MANY);
	if (many > 30 * (few + 1))
		fail_msg("%.1f ms for a tenth of the names, %.1f ms for all", few, many);
}

static void test_guest(void **state UNUSED)
{
	struct sim sim;

	start(&sim, SPACE_OF("{default: deny}"));
	sim_file(&sim, "guest.yaml", guest);
	sim_run(&sim, 2000);
	assert_int_equal(sim_state(&sim, "default/s/default/guest"), API__STATE__STATE_READY);
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
		cmocka_unit_test(test_answers_outlive_the_daemon),
		cmocka_unit_test(test_unnamed_is_forgotten),
		cmocka_unit_test(test_strange_notes),
		cmocka_unit_test(test_never_found),
		cmocka_unit_test(test_silence_for_ipv6),
		cmocka_unit_test(test_cost_grows_with_the_names),
		cmocka_unit_test(test_guest),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
