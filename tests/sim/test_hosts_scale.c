/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to add a cell to a space of 10, 1 000 and 10 000: the processor's time of the round
 * that tells all others of it, on the loop and on its worker, and the bytes that are written.
 * Printed, and judged by what one line in each file may cost: who wrote the files anew would pay
 * for each as much as there are cells.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/hosts/cellfiles.h"
#include "core/hosts/hosts_files.h"
#include "core/model/names.h"
#include "core/reconcile/observed.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"

enum { ADDS = 9, FILE_MAX_BYTES = 4 << 20 };
enum { BYTES_A_CELL = 100, WORSE_AT_MOST = 4 };

struct cost {
	uint64_t us, bytes;
};

static uint64_t processor_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 * 1000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* By write calls of this process. */
static uint64_t written_bytes(void)
{
	AUTO_BUF struct buf text = { 0 };
	const char *found;

	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/io", FILE_MAX_BYTES, &text, NULL), 0);
	found = strstr(text.data, "wchar: ");
	assert_non_null(found);
	return strtoull(found + strlen("wchar: "), NULL, 10);
}

static char *key_of(unsigned i)
{
	return xasprintf("r/s/t/c%05u", i);
}

/* A cell that is up, its files as its acts have written them. */
static void add_cell(struct sim *sim, unsigned i)
{
	AUTO_FREE char *key = key_of(i);
	AUTO_FREE char *ip = xasprintf("10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
	struct attachment_fact fact = {
		.pinned = true, .intent = true, .attached = true, .ip = ip
	};
	struct cellfiles_hosts hosts = { { ip, NULL }, "" };
	struct error err;

	assert_int_equal(cellfiles_write(sim->run_path, key, &hosts, &err), 0);
	observed_attachment(&sim->engine, engine_get(&sim->engine, key), &fact);
}

static bool is_told(struct sim *sim)
{
	const struct hosts_files *files = sim->engine.hosts_files;

	return !files->job && !files->changed.count && !files->all;
}

static void assert_tells(struct sim *sim, unsigned cell, unsigned of)
{
	AUTO_FREE char *key = key_of(cell);
	AUTO_FREE char *path = cellfiles_path(sim->run_path, key, NULL, CELLFILE_HOSTS);
	AUTO_FREE char *name = xasprintf("\tc%05u c%05u.t\n", of, of);
	AUTO_BUF struct buf text = { 0 };

	assert_int_equal(fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, NULL), 0);
	if (!strstr(text.data, name))
		fail_msg("%s does not tell of c%05u", path, of);
}

static struct cost measure(unsigned cells)
{
	char dir[] = "/dev/shm/kukeon-hosts-XXXXXX";
	struct cost cost = { UINT64_MAX, UINT64_MAX };
	struct sim sim;

	assert_non_null(mkdtemp(dir));
	sim_init(&sim, 1);
	sim_start(&sim); /* without a store */
	sim_run(&sim, 1000);
	sim.engine.run_path = xstrdup(dir);
	sim.run_path = dir;
	for (unsigned i = 0; i < cells; i++)
		add_cell(&sim, i);
	sim.engine.hosts_files->open = true;
	hosts_files_check_all(&sim.engine);
	assert_true(sim_run_until(&sim, is_told, 60 * 1000));
	for (unsigned i = cells; i < cells + ADDS; i++) {
		uint64_t began_us, bytes;

		add_cell(&sim, i);
		began_us = processor_us();
		bytes = written_bytes();
		assert_true(sim_run_until(&sim, is_told, 60 * 1000));
		began_us = processor_us() - began_us;
		bytes = written_bytes() - bytes;
		cost.us = began_us < cost.us ? began_us : cost.us;
		cost.bytes = bytes < cost.bytes ? bytes : cost.bytes;
		assert_tells(&sim, 0, i);
		assert_tells(&sim, i, 0);
	}
	fs_remove_tree(AT_FDCWD, dir, NULL);
	sim_fini(&sim);
	return cost;
}

static void print(unsigned cells, const struct cost *cost)
{
	printf("a cell is added to %u: %llu us of the processor, %llu bytes written\n", cells,
	       (unsigned long long)cost->us, (unsigned long long)cost->bytes);
}

/* Its own file is written whole; each other a line. */
static void test_one_more(void **state UNUSED)
{
	static const unsigned sizes[] = { FEW, MANY, MOST_PLAYED };
	struct cost costs[ARRAY_SIZE(sizes)];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		costs[i] = measure(sizes[i]);
		print(sizes[i], &costs[i]);
		assert_in_range(costs[i].bytes, 1, (uint64_t)(sizes[i] + 2) * BYTES_A_CELL);
	}
	if (IS_SANITIZED) {
		print_message("not judged: a sanitizer's memory costs more the more there is\n");
		skip();
	}
	assert_in_range(costs[2].us, 1, costs[1].us * (MOST / MANY) * WORSE_AT_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_more) };

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
