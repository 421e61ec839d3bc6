/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts files of running cells, on fakes and a virtual clock: they follow what changes around them,
 * soon and not too often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/hosts/cellfiles.h"
#include "core/hosts/hosts_files.h"
#include "tests/fake/host.h"

enum {
	CELLS = 500, /* half of what one bridge holds */
	SOON_MS = 1000,
	FILE_MAX_BYTES = 1024 * 1024,
};

struct fixture {
	struct sim sim;
	char dir[64];
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	/* In memory where that can be had: the store syncs each of its files. */
	snprintf(f->dir, sizeof(f->dir), "%s/kukeon-rounds-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	sim_init(&f->sim, 1);
	f->sim.run_path = f->dir;
	sim_start(&f->sim);
	sim_scanned(&f->sim);
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

/* @fields of its only container, e.g. "networksAliases: [x]". */
static void declare(struct fixture *f, const char *name, const char *fields)
{
	AUTO_FREE char *path = xasprintf("%s.yaml", name);
	AUTO_FREE char *text = xasprintf("apiVersion: v1beta1\nkind: Cell\nmetadata: {name: %s}\n"
					 "spec: {containers: [{id: a, image: img, "
					 "stopGracePeriodSeconds: 1, %s}]}\n",
					 name, fields);

	sim_file(&f->sim, path, text);
}

static char *key_of(const char *name)
{
	return xasprintf("default/default/default/%s", name);
}

static struct object *find(struct fixture *f, const char *name)
{
	AUTO_FREE char *key = key_of(name);

	return engine_find(&f->sim.engine, key);
}

static bool says(struct fixture *f, const char *cell, const char *role, const char *line)
{
	AUTO_FREE char *key = key_of(cell);
	AUTO_FREE char *path = cellfiles_path(f->dir, key, role, CELLFILE_HOSTS);
	AUTO_FREE char *whole = xasprintf("\n%s\n", line);
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, NULL) == 0 &&
	       strstr(text.data, whole);
}

static void assert_ready(struct fixture *f, const char *name)
{
	AUTO_FREE char *key = key_of(name);

	assert_int_equal(sim_state(&f->sim, key), API__STATE__STATE_READY);
}

static char *line_of(struct fixture *f, const char *name, const char *aliases)
{
	return xasprintf("%s\t%s %s.default%s", find(f, name)->cell.ip, name, name, aliases);
}

static void test_follows(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *web = NULL, *db = NULL, *renamed = NULL;

	declare(f, "web", "hostname: www.example.org");
	sim_run(&f->sim, SOON_MS);
	assert_ready(f, "web");
	declare(f, "db", "networksAliases: [sql]");
	sim_run(&f->sim, SOON_MS);
	assert_ready(f, "db");
	web = line_of(f, "web", "");
	db = line_of(f, "db", " sql");
	assert_true(says(f, "db", NULL, web));
	assert_true(says(f, "web", NULL, db));
	assert_true(says(f, "web", "root", db)); /* the file of its host name */
	declare(f, "db", "networksAliases: [store]");
	sim_run(&f->sim, SOON_MS);
	renamed = line_of(f, "db", " store");
	assert_true(says(f, "web", NULL, renamed));
	assert_false(says(f, "web", NULL, db));
	sim_file_gone(&f->sim, "db.yaml");
	sim_scanned(&f->sim);
	sim_run(&f->sim, 10 * SOON_MS);
	assert_null(find(f, "db"));
	assert_false(says(f, "web", NULL, renamed));
	assert_true(says(f, "web", NULL, web));
}

/* What others know is not lost with the daemon, and what happened meanwhile is caught up with. */
static void test_daemon_restart(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *db = NULL;
	struct stat before, after;
	AUTO_FREE char *key = key_of("web");
	AUTO_FREE char *path = cellfiles_path(f->dir, key, NULL, CELLFILE_HOSTS);

	declare(f, "web", "");
	declare(f, "db", "networksAliases: [sql]");
	sim_run(&f->sim, SOON_MS);
	db = line_of(f, "db", " sql");
	assert_true(says(f, "web", NULL, db));
	assert_int_equal(stat(path, &before), 0);
	sim_crash(&f->sim);
	sim_start(&f->sim);
	sim_run(&f->sim, SOON_MS); /* no manifest has been read yet */
	assert_true(says(f, "web", NULL, db));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec); /* it was right */
	assert_true(f->sim.engine.hosts_files->rounds > 0);
	declare(f, "web", "");
	declare(f, "db", "");
	sim_scanned(&f->sim);
	sim_run(&f->sim, SOON_MS);
	assert_false(says(f, "web", NULL, db));
}

/* A file that cannot be written is tried again. */
static void test_trouble(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *key = key_of("web");
	AUTO_FREE char *path = cellfiles_path(f->dir, key, NULL, CELLFILE_HOSTS);
	AUTO_FREE char *away = xasprintf("%s.away", path), *db = NULL;
	uint64_t rounds;

	declare(f, "web", "");
	sim_run(&f->sim, SOON_MS);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	declare(f, "db", "");
	sim_run(&f->sim, SOON_MS);
	assert_ready(f, "db");
	assert_true(f->sim.engine.hosts_files->failed);
	rounds = f->sim.engine.hosts_files->rounds;
	sim_run(&f->sim, 10 * 1000); /* every other second, and no oftener */
	assert_in_range(f->sim.engine.hosts_files->rounds - rounds, 4, 6);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rename(away, path), 0);
	sim_run(&f->sim, 5 * SOON_MS);
	db = line_of(f, "db", "");
	assert_true(says(f, "web", NULL, db));
	assert_false(f->sim.engine.hosts_files->failed);
}

/* Many cells that come at once; a change among them is known to all soon. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	uint64_t rounds, took_ms, began_ms = loop_now_ms(&f->sim.loop);
	AUTO_FREE char *line = NULL;

	for (int i = 0; i < CELLS; i++) {
		AUTO_FREE char *name = xasprintf("c%d", i);

		declare(f, name, "");
	}
	assert_true(sim_settle(&f->sim));
	rounds = f->sim.engine.hosts_files->rounds;
	assert_true(rounds > 0);
	assert_true(rounds <= (loop_now_ms(&f->sim.loop) - began_ms) / 100 + 1);
	declare(f, "c7", "networksAliases: [seven]");
	sim_run(&f->sim, SOON_MS);
	line = line_of(f, "c7", " seven");
	for (int i = 0; i < CELLS; i++) {
		AUTO_FREE char *name = xasprintf("c%d", i);

		assert_ready(f, name);
		if (!says(f, name, NULL, line))
			fail_msg("%s has no line %s", name, line);
	}
	assert_int_equal(f->sim.engine.hosts_files->rounds, rounds + 1);
	took_ms = f->sim.engine.hosts_files->took_ns / 1000 / 1000;
	print_message("%d cells: %llu rounds while they came; one that changes every file takes "
		      "%llu ms of a worker\n",
		      CELLS, (unsigned long long)rounds, (unsigned long long)took_ms);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_follows),
		TEST(test_daemon_restart),
		TEST(test_trouble),
		TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
