/* SPDX-License-Identifier: Apache-2.0 */
/* A store that an earlier daemon has written (tests/data): it is read, and what ran runs on. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/wall.h"
#include "core/journal/journal.h"
#include "tests/fake/host.h"

#define DATA "tests/data/store-c202399"
#define WEB "default/blue/front/web"
#define DB "default/default/default/db"
#define HALTED "default/default/default/halted"
#define NAMESPACE "kukeon-default"

enum { FILE_MAX_BYTES = 64 * 1024, SETTLED_MS = 30 * 1000 };

struct fixture {
	struct sim sim;
	char dir[64];
};

static char *read_data(const char *name)
{
	AUTO_FREE char *path = xasprintf(DATA "/%s", name);
	struct buf text = { 0 };
	struct error err;

	if (fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, &err) < 0)
		fail_msg("%s", err.msg);
	return buf_take(&text);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	AUTO_FREE char *copy = NULL;

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-store-earlier-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	copy = xasprintf("cp -r " DATA "/store/. %s", f->dir);
	assert_int_equal(system(copy), 0);
	sim_init(&f->sim, 1);
	f->sim.run_path = f->dir;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sim_fini(&f->sim);
	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

/* ---- what was there beside the daemon ---- */

struct line {
	char id[80], cell[80], role[32], name[32], hash[80];
};

static void for_each_container(void (*fn)(struct fixture *f, const struct line *line),
			       struct fixture *f)
{
	AUTO_FREE char *text = read_data("containers");
	struct line line;
	size_t n = 0;

	for (char *p = strtok(text, "\n"); p; p = strtok(NULL, "\n"), n++) {
		assert_int_equal(sscanf(p, "%79s %79s %31s %31s %79s", line.id, line.cell,
					line.role, line.name, line.hash),
				 5);
		fn(f, &line);
	}
	assert_int_equal(n, 6);
}

static uint32_t pid_of(const struct line *line)
{
	if (str_equal(line->cell, HALTED) || str_equal(line->name, "side") ||
	    str_equal(line->name, "once"))
		return 0;
	return str_equal(line->cell, WEB) ? 335 : str_equal(line->name, "main") ? 351 : 876;
}

static void make_container(struct fixture *f, const struct line *line)
{
	struct world_container *c = world_make_container(&f->sim.world, NAMESPACE, line->id);

	c->fact.record = c->fact.snapshot = true;
	free(c->fact.cell_key);
	c->fact.cell_key = xstrdup(line->cell);
	free(c->fact.role);
	c->fact.role = xstrdup(line->role);
	free(c->fact.container);
	c->fact.container = xstrdup(line->name);
	free(c->fact.spec_hash);
	c->fact.spec_hash = xstrdup(line->hash);
	c->fact.pid = pid_of(line);
	c->fact.task = c->fact.pid ? TASK_RUNNING : TASK_NONE;
	c->netns_cell = c->fact.pid ? xstrdup(line->cell) : NULL;
}

static struct world_cell *make_cell(struct fixture *f, const char *key, bool up, unsigned ip)
{
	struct world_cell *cell = world_make_cell(&f->sim.world, key);

	cell->cgroup = true;
	cell->pinned = cell->intent = cell->attached = up;
	cell->ip = ip;
	return cell;
}

static void make_layers(struct fixture *f)
{
	static const char *const keys[] = { "default", "default/blue", "default/default",
					    "default/blue/front", "default/default/default" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct world_parent *parent = world_make_parent(&f->sim.world, keys[i]);

		parent->cgroup = parent->own = true;
	}
	world_parent(&f->sim.world, "default/blue")->subnet = xstrdup("10.123.0.0/16");
	world_parent(&f->sim.world, "default/blue")->subnet6 = xstrdup("fd12:3456:789a::/64");
	world_parent(&f->sim.world, "default/default")->subnet = xstrdup("10.88.0.0/16");
}

static void make_host(struct fixture *f)
{
	struct world_join *join;

	make_layers(f);
	join = world_make_join(make_cell(f, WEB, true, 2), "default/default");
	join->attached = true;
	join->ip = 4;
	make_cell(f, DB, true, 2);
	make_cell(f, HALTED, false, 3);
	for_each_container(make_container, f);
}

static void read_manifests(struct fixture *f)
{
	AUTO_FREE char *layers = read_data("manifests/layers.yaml");
	AUTO_FREE char *web = read_data("manifests/web.yaml");

	sim_file(&f->sim, "layers.yaml", layers);
	sim_file(&f->sim, "web.yaml", web);
	sim_scanned(&f->sim);
}

/* ---- what is read ---- */

static struct object *find(struct fixture *f, const char *key)
{
	struct object *object = engine_find(&f->sim.engine, key);

	if (!object || !object->wanted)
		fail_msg("%s was not read", key);
	return object;
}

static struct container *container(struct fixture *f, const char *cell, const char *role)
{
	struct container *c = cell_find_container(find(f, cell), role);

	if (!c)
		fail_msg("%s of %s was not read", role, cell);
	return c;
}

static void assert_layers(struct fixture *f)
{
	assert_string_equal(find(f, "default")->source, "manifest:layers.yaml");
	assert_string_equal(find(f, "default/blue")->source, "manifest:layers.yaml");
	assert_string_equal(find(f, "default/blue/front")->source, "manifest:layers.yaml");
	assert_string_equal(find(f, "default/default")->source, "api");
	assert_string_equal(find(f, WEB)->source, "manifest:web.yaml");
	assert_string_equal(find(f, DB)->source, "api");
	assert_string_equal(find(f, DB "/joined")->source, "api");
}

static void test_is_read(void **state)
{
	struct fixture *f = *state;
	struct object *web;

	sim_start(&f->sim);
	assert_layers(f);
	web = find(f, WEB);
	assert_int_equal(web->status.created_ms, wall_parse("2026-11-30T13:21:31.834Z"));
	assert_string_equal(web->cell.last_ip, "10.123.0.2");
	assert_string_equal(web->cell.last_ip6, "fd12:3456:789a::2");
	assert_string_equal(web->cell.ports.items[0], "18080:80/tcp");
	assert_string_equal(container_of(web->cell.joins.next, struct join, link)->last_ip,
			    "10.88.0.4");
	assert_int_equal(container(f, WEB, "side")->run, INTENT_STOP);
	assert_int_equal(container(f, WEB, "root")->run, INTENT_RUN);
	assert_true(container(f, WEB, "once")->exited);
	assert_int_equal(find(f, HALTED)->cell.run, INTENT_STOP);
	assert_int_equal(container(f, DB, "joined")->restarts, 2);
	assert_int_equal(container(f, DB, "joined")->restarts_in_row, 2);
	assert_int_equal(container(f, DB, "joined")->exit_code, 137);
	assert_int_equal(container(f, DB, "joined")->stored_pid, 876);
	assert_int_equal(container(f, DB, "root")->restarts, 0);
	assert_non_null(journal_find(f->sim.journal, "attachment/" WEB "/2"));
}

static void assert_no_damage(const struct fixture *f)
{
	AUTO_FREE char *command =
		xasprintf("test -z \"$(find %s -name '*.damaged' -o -name '*.tail')\"", f->dir);

	assert_int_equal(system(command), 0);
}

/* ---- what runs ---- */

static void assert_runs_on(struct fixture *f, const struct line *line)
{
	const struct world_container *c = world_container(&f->sim.world, NAMESPACE, line->id);

	if (!c || c->starts || c->signals || c->fact.pid != pid_of(line))
		fail_msg("%s did not run on: %s, started %u times, %u signals", line->id,
			 c ? "it is there" : "it is gone", c ? c->starts : 0, c ? c->signals : 0);
	assert_string_equal(container(f, line->cell, line->role)->hash, line->hash);
}

static void assert_all_as_before(struct fixture *f)
{
	for_each_container(assert_runs_on, f);
	assert_int_equal(sim_state(&f->sim, WEB), API__STATE__STATE_READY);
	assert_int_equal(sim_state(&f->sim, DB), API__STATE__STATE_READY);
	assert_int_equal(sim_state(&f->sim, HALTED), API__STATE__STATE_STOPPED);
	assert_int_equal(container(f, DB, "joined")->restarts, 2);
	assert_no_damage(f);
}

static void test_nothing_restarts(void **state)
{
	struct fixture *f = *state;

	make_host(f);
	sim_start(&f->sim);
	read_manifests(f);
	sim_run(&f->sim, SETTLED_MS);
	assert_all_as_before(f);
}

/* What today's daemon makes of the store is read by the next one. */
static void test_nothing_restarts_after_another_daemon(void **state)
{
	struct fixture *f = *state;

	make_host(f);
	sim_start(&f->sim);
	read_manifests(f);
	sim_run(&f->sim, SETTLED_MS);
	sim_crash(&f->sim);
	sim_start(&f->sim);
	assert_layers(f);
	assert_int_equal(container(f, WEB, "side")->run, INTENT_STOP);
	assert_int_equal(container(f, DB, "joined")->restarts_in_row, 2);
	sim_run(&f->sim, SETTLED_MS);
	assert_all_as_before(f);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_is_read),
		TEST(test_nothing_restarts),
		TEST(test_nothing_restarts_after_another_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
