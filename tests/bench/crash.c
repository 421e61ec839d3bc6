/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/crash.h"

#include <stdio.h>

#include "core/base/str.h"
#include "tests/bench/bench.h"
#include "tests/bench/idle.h"
#include "tests/bench/report.h"

enum { ROWS_MAX = 8, SETTLE_MS = 3000 };

static const struct {
	const char *what;
	bool root;      /* it is the root that ends: the cell goes down and comes up */
	int pause;      /* restartBackoffSeconds; negative: growing pauses */
	bool at_length; /* measured on, when the pauses have grown */
} kinds[] = {
	{ "not the root, growing pauses", false, -1, true },
	{ "the root, growing pauses", true, -1, false },
	{ "not the root, restartBackoffSeconds: 1", false, 1, false },
	{ "the root, restartBackoffSeconds: 1", true, 1, false },
};

static char *containers_text(const char *image, bool root, int pause)
{
	AUTO_FREE char *backoff =
		pause < 0 ? xstrdup("") : xasprintf("      restartBackoffSeconds: %d\n", pause);
	AUTO_FREE char *crashing = xasprintf(
		"    - id: crash\n      image: %s\n      command: /bin/false\n%s", image, backoff);

	if (root)
		return take_ptr(crashing);
	return xasprintf("    - id: root\n      image: %s\n      command: /bin/sh\n"
			 "      args: [\"-c\", \"" BENCH_WORKLOAD "\"]\n"
			 "      stopGracePeriodSeconds: 1\n%s",
			 image, crashing);
}

static struct crash_row measure(const struct crash_options *options, const char *what,
				unsigned seconds)
{
	uint32_t before = subject_restarts(options->subject, 0);
	struct idle idle;

	fprintf(stderr, "%s: %u s\n", what, seconds);
	idle = idle_measure(options->pid, seconds);
	return (struct crash_row){ .what = what,
				   .seconds = seconds,
				   .judged = true,
				   .restarts = subject_restarts(options->subject, 0) - before,
				   .cpu_ms = idle.cpu_ms };
}

void crash_measure(const struct crash_options *options)
{
	struct crash_row rows[ROWS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO_FREE char *text =
			containers_text(options->image, kinds[i].root, kinds[i].pause);

		bench_pause_ms(SETTLE_MS);
		subject_put(options->subject, 0, text);
		rows[n++] = measure(options, kinds[i].what, options->seconds);
		if (kinds[i].at_length)
			rows[n++] = measure(options, "the same, when the pauses have grown",
					    2 * options->seconds);
		subject_remove(options->subject, 0, 1);
	}
	check(n <= ROWS_MAX);
	report_crashes(rows, n);
}
