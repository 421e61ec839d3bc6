/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stop costs that comes while 10, 1 000 and 10 000 objects wait to be written: syncs of the
 * disk, counted, and the processor's time, printed. A sync takes milliseconds: two for each file
 * were half a minute, and whoever stops the daemon gives up before. Afterwards everything stands
 * there.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"

enum { SYNCS_MAX = 12, WORSE_AT_MOST = 5 };
enum { CELLS_A_FILE = 100, JUST_WRITTEN_MS = 100, SETTLED_MS = 10 * 1000 };

static atomic_uint syncs;

/* Instead of the library's. */
int fsync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_fsync, fd);
}

int syncfs(int fd UNUSED)
{
	atomic_fetch_add(&syncs, 1); /* not all that the machine has to write */
	return 0;
}

static uint64_t processor_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 * 1000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void declare(struct sim *sim, unsigned cells)
{
	for (unsigned first = 0; first < cells; first += CELLS_A_FILE) {
		AUTO_FREE char *path = xasprintf("f%05u.yaml", first);
		AUTO_BUF struct buf text = { 0 };

		for (unsigned i = first; i < first + CELLS_A_FILE && i < cells; i++)
			buf_printf(&text,
				   "---\napiVersion: v1beta1\nkind: Cell\nmetadata: {name: c%05u}\n"
				   "spec: {containers: [{id: a, image: img}]}\n",
				   i);
		sim_file(sim, path, text.data);
	}
	sim_scanned(sim);
}

static unsigned cells_of(struct sim *sim)
{
	struct object *object;
	unsigned n = 0;

	map_for_each(object, &sim->engine.objects, node)
		n += object->kind == KIND_CELL && object->wanted && object->spec;
	return n;
}

/* us of the processor for each cell. */
static uint64_t measure(unsigned cells)
{
	char dir[] = "/dev/shm/kukeon-stop-XXXXXX";
	struct sim sim;
	uint64_t us;
	unsigned n;

	assert_non_null(mkdtemp(dir));
	sim_init(&sim, 1);
	sim.run_path = dir;
	world_runtime_down(&sim.world);
	sim_start(&sim);
	declare(&sim, cells);
	sim_run(&sim, JUST_WRITTEN_MS); /* in haste */
	us = processor_us();
	atomic_store(&syncs, 0);
	sim_crash(&sim);
	n = atomic_load(&syncs);
	us = (processor_us() - us) / cells;
	printf("a stop with %u cells: %u syncs, %llu us of the processor a cell\n", cells, n,
	       (unsigned long long)us);
	assert_in_range(n, 1, SYNCS_MAX);
	sim_start(&sim);
	assert_int_equal(cells_of(&sim), cells);
	fs_remove_tree(AT_FDCWD, dir, NULL);
	sim_fini(&sim);
	return us;
}

/* What came to be known is written while the daemon goes on, many at a time. */
static void test_many_are_written_together(void **state UNUSED)
{
	char dir[] = "/dev/shm/kukeon-stop-XXXXXX";
	struct sim sim;

	assert_non_null(mkdtemp(dir));
	sim_init(&sim, 1);
	sim.run_path = dir;
	world_runtime_down(&sim.world);
	sim_start(&sim);
	atomic_store(&syncs, 0);
	declare(&sim, MANY);
	sim_run(&sim, SETTLED_MS);
	printf("%u cells come to be known: %u syncs\n", MANY, atomic_load(&syncs));
	assert_in_range(atomic_load(&syncs), 1, MANY / 5);
	fs_remove_tree(AT_FDCWD, dir, NULL);
	sim_fini(&sim);
}

static void test_stops_are_short(void **state UNUSED)
{
	uint64_t many, most;

	measure(FEW);
	many = measure(MANY);
	most = measure(MOST_PLAYED);
	if (IS_SANITIZED) {
		print_message("not judged: a sanitizer's memory costs more the more there is\n");
		skip();
	}
	assert_in_range(most, 0, WORSE_AT_MOST * many + 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stops_are_short),
					    cmocka_unit_test(test_many_are_written_together) };

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
