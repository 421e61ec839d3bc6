/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs the loop to lose declarations and get them back, for 10, 1 000 and 10 000 cells:
 * half of the files go, the other half becomes text that is not understood, and all comes back.
 * Printed, by the processor's time. What grew with the square of their number would be ten times as
 * dear per cell at each step.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/desired/desired.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"

enum { WORSE_AT_MOST = 5, SLACK_NS = 5000 };
enum { PATH_BYTES = 32, OVER_MS = 2500 /* the grace of tests/fake/host.c */ };

/* What the texts that are not understood say of the cells that are lost. */
enum text { NAME_OTHERS, NAME_THEM, UNREADABLE, TEXTS };
static const char *const text_names[TEXTS] = { "others", "them", "unreadable" };

enum phase { LOSE, DECIDE, RETURN, LOSE_AGAIN, MEND, PHASES };

static char *path_of(unsigned i)
{
	return xasprintf("f%u.yaml", i);
}

static char *text_of(unsigned i)
{
	return xasprintf("apiVersion: v1beta1\nkind: Cell\nmetadata: {name: c%u}\n"
			 "spec: {containers: [{id: a, image: img}]}\n",
			 i);
}

static void declare_all(struct sim *sim, unsigned cells)
{
	for (unsigned i = 0; i < cells; i++) {
		AUTO_FREE char *path = path_of(i);
		AUTO_FREE char *text = text_of(i);

		sim_file(sim, path, text);
	}
	sim_scanned(sim);
}

static void lose_all(struct sim *sim, unsigned cells, enum text text)
{
	struct error err;

	error_set(&err, -EIO, "cannot be read");
	for (unsigned i = 0; i < cells; i++) {
		AUTO_FREE char *path = path_of(i);
		AUTO_FREE char *broken =
			xasprintf("kind: [Cell c%u\n", text == NAME_THEM ? i - 1 : i);

		if (i % 2 == 0)
			sim_file_gone(sim, path);
		else if (text == UNREADABLE)
			desired_set_file_error(&sim->engine, path, &err);
		else
			sim_file(sim, path, broken);
	}
	sim_scanned(sim);
}

/* Those that are not understood, while what was lost still has its grace. */
static void mend_texts(struct sim *sim, unsigned cells)
{
	for (unsigned i = 1; i < cells; i += 2) {
		AUTO_FREE char *path = path_of(i);
		AUTO_FREE char *text = text_of(i);

		sim_file(sim, path, text);
	}
	sim_scanned(sim);
}

/* ns per cell. */
static void measure(unsigned cells, enum text text, uint64_t ret_ns[PHASES])
{
	struct sim sim;
	uint64_t at_ns[PHASES + 1];

	sim_init(&sim, 1);
	sim.guard.off = true;
	world_runtime_down(&sim.world); /* nothing is made of them */
	sim_start(&sim);
	declare_all(&sim, cells);
	sim_run(&sim, OVER_MS);
	at_ns[LOSE] = processor_ns();
	lose_all(&sim, cells, text);
	at_ns[DECIDE] = processor_ns();
	sim_run(&sim, OVER_MS);
	at_ns[RETURN] = processor_ns();
	declare_all(&sim, cells);
	at_ns[LOSE_AGAIN] = processor_ns();
	lose_all(&sim, cells, text);
	at_ns[MEND] = processor_ns();
	mend_texts(&sim, cells);
	at_ns[PHASES] = processor_ns();
	for (int phase = 0; phase < PHASES; phase++)
		ret_ns[phase] = (at_ns[phase + 1] - at_ns[phase]) / cells;
	sim_fini(&sim);
}

static void test_losses_are_linear(void **state UNUSED)
{
	static const char *const phase_names[PHASES] = { "lose", "decide", "return", "lose",
							 "mend at once" };
	uint64_t few[PHASES], many[PHASES], most[PHASES];
	bool linear = true;

	for (int text = 0; text < TEXTS; text++) {
		measure(FEW, (enum text)text, few);
		measure(MANY, (enum text)text, many);
		measure(MOST_PLAYED, (enum text)text, most);
		for (int i = 0; i < PHASES; i++) {
			printf("%-10s %-12s ns per cell: %7llu of %d, %7llu of %d, %7llu of %d\n",
			       text_names[text], phase_names[i], (unsigned long long)few[i], FEW,
			       (unsigned long long)many[i], MANY, (unsigned long long)most[i],
			       MOST_PLAYED);
			linear &= most[i] <= WORSE_AT_MOST * many[i] + SLACK_NS;
		}
	}
	if (IS_SANITIZED) {
		print_message("not judged: a sanitizer's memory costs more the more there is\n");
		skip();
	}
	assert_true(linear);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_losses_are_linear) };

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
