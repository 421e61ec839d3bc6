/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan/restart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { EXITED_MS = 5000, JITTER_PERCENT = 20 };

static const char *const verdicts[] = {
	[RESTART_DUE] = "due",
	[RESTART_LATER] = "later",
	[RESTART_DONE] = "done",
	[RESTART_GAVE_UP] = "gave up",
};

enum {
	UNSPECIFIED = API__RESTART_POLICY__RESTART_POLICY_UNSPECIFIED,
	ALWAYS = API__RESTART_POLICY__RESTART_POLICY_ALWAYS,
	DEFAULT = ALWAYS,
	ON_FAILURE = API__RESTART_POLICY__RESTART_POLICY_ON_FAILURE,
	NEVER = API__RESTART_POLICY__RESTART_POLICY_NEVER,
};

static const struct {
	const char *name;
	int policy;
	bool stopping;
	uint32_t exit_code;
	unsigned restarts, in_row;
	int max_retries, backoff; /* -1: not set */
	uint64_t now_ms;
	enum restart_verdict verdict;
	uint64_t at_ms;
} rows[] = {
	{ "the first restart is immediate", DEFAULT, false, 1, 0, 0, -1, -1, EXITED_MS, RESTART_DUE,
	  0 },
	{ "always, also after success", ALWAYS, false, 0, 0, 0, -1, -1, EXITED_MS, RESTART_DUE, 0 },
	{ "empty means always", UNSPECIFIED, false, 0, 0, 0, -1, -1, EXITED_MS, RESTART_DUE, 0 },
	{ "on-failure after success", ON_FAILURE, false, 0, 0, 0, -1, -1, EXITED_MS, RESTART_DONE,
	  0 },
	{ "on-failure after failure", ON_FAILURE, false, 1, 0, 0, -1, -1, EXITED_MS, RESTART_DUE,
	  0 },
	{ "never after failure", NEVER, false, 1, 0, 0, -1, -1, EXITED_MS, RESTART_DONE, 0 },
	{ "never after success", NEVER, false, 0, 0, 0, -1, -1, EXITED_MS, RESTART_DONE, 0 },
	{ "never, but we ended it", NEVER, true, 137, 0, 0, -1, -1, EXITED_MS, RESTART_DUE, 0 },
	{ "we ended it in its back-off", DEFAULT, true, 137, 9, 9, -1, 30, EXITED_MS, RESTART_DUE,
	  0 },
	{ "a fixed pause", DEFAULT, false, 1, 1, 1, -1, 3, EXITED_MS, RESTART_LATER,
	  EXITED_MS + 3000 },
	{ "a fixed pause stays", DEFAULT, false, 1, 9, 9, -1, 3, EXITED_MS + 2999, RESTART_LATER,
	  EXITED_MS + 3000 },
	{ "a fixed pause is over", DEFAULT, false, 1, 9, 9, -1, 3, EXITED_MS + 3000, RESTART_DUE,
	  0 },
	{ "the first restart has no fixed pause", DEFAULT, false, 1, 0, 0, -1, 3, EXITED_MS,
	  RESTART_DUE, 0 },
	{ "no pause at all", DEFAULT, false, 1, 4, 4, -1, 0, EXITED_MS, RESTART_DUE, 0 },
	{ "no pause, but no hot loop either", DEFAULT, false, 1, 5, 5, -1, 0, EXITED_MS,
	  RESTART_LATER, EXITED_MS + 1000 },
	{ "no pause, for ever", DEFAULT, false, 1, 900, 900, -1, 0, EXITED_MS, RESTART_LATER,
	  EXITED_MS + 1000 },
	{ "no pause, after a second", DEFAULT, false, 1, 9, 9, -1, 0, EXITED_MS + 1000, RESTART_DUE,
	  0 },
	{ "one retry is left", ON_FAILURE, false, 1, 2, 0, 3, -1, EXITED_MS, RESTART_DUE, 0 },
	{ "no retry is left", ON_FAILURE, false, 1, 3, 0, 3, -1, EXITED_MS, RESTART_GAVE_UP, 0 },
	{ "no retry at all", ON_FAILURE, false, 1, 0, 0, 0, -1, EXITED_MS, RESTART_GAVE_UP, 0 },
	{ "success is no retry", ON_FAILURE, false, 0, 3, 0, 3, -1, EXITED_MS, RESTART_DONE, 0 },
	{ "always knows no limit", ALWAYS, false, 1, 99, 0, 3, -1, EXITED_MS, RESTART_DUE, 0 },
};

static void test_judge(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;
		struct container c = {
			.spec = &spec,
			.containerd_id = (char *)"s_t_web_b",
			.stopping = rows[i].stopping,
			.exited = true,
			.exited_ms = EXITED_MS,
			.exit_code = rows[i].exit_code,
			.restarts = rows[i].restarts,
			.restarts_in_row = rows[i].in_row,
		};
		enum restart_verdict got;
		uint64_t at_ms = 0;

		spec.restart_policy = (Api__RestartPolicy)rows[i].policy;
		spec.has_restart_max_retries = rows[i].max_retries >= 0;
		spec.restart_max_retries = (uint32_t)rows[i].max_retries;
		spec.has_restart_backoff_seconds = rows[i].backoff >= 0;
		spec.restart_backoff_seconds = (uint32_t)rows[i].backoff;
		got = restart_judge(&c, rows[i].now_ms, &at_ms);
		if (got != rows[i].verdict || at_ms != rows[i].at_ms)
			fail_msg("%s: %s at %llu, expected %s at %llu", rows[i].name, verdicts[got],
				 (unsigned long long)at_ms, verdicts[rows[i].verdict],
				 (unsigned long long)rows[i].at_ms);
	}
}

/* Whatever the wall clock says: never in the future, never before the loop began. */
static void test_loop_time(void **state UNUSED)
{
	static const struct {
		uint64_t now_ms;
		int64_t now_wall_ms, wall_ms;
		uint64_t expected_ms;
	} times[] = {
		{ 5000, 1700000000000, 1699999999000, 4000 }, /* a second ago */
		{ 5000, 1700000000000, 1700000000000, 5000 },
		{ 5000, 1700000000000, 1699999000000, 0 },    /* before this boot */
		{ 5000, 1700000000000, 1700003600000, 5000 }, /* the clock went back an hour */
		{ 5000, 0, 1700000000000, 5000 },             /* to 1970 */
		{ 5000, 1700003600000, 1700000000000, 0 },    /* forward an hour */
		{ 5000, 1700000000000, 0, 0 },                /* nobody knows */
	};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_int_equal(
			restart_loop_time(times[i].now_ms, times[i].now_wall_ms, times[i].wall_ms),
			times[i].expected_ms);
}

/* The longest pause of each restart in a row; jitter takes off up to a fifth. */
static const uint64_t longest_ms[] = { 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };

static void test_pauses(void **state UNUSED)
{
	static const char *const seeds[] = { "", "a", "s_t_web_root", "s_t_web_b",
					     "default_default_other_root" };
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;

	for (unsigned n = 0; n < ARRAY_SIZE(longest_ms); n++)
		for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
			uint64_t got = restart_pause_ms(&spec, n, seeds[i]);
			uint64_t least = longest_ms[n] - longest_ms[n] * JITTER_PERCENT / 100;

			if (got > longest_ms[n] || got < least)
				fail_msg("restart %u of \"%s\": %llu ms, expected %llu to %llu", n,
					 seeds[i], (unsigned long long)got,
					 (unsigned long long)least,
					 (unsigned long long)longest_ms[n]);
			assert_int_equal(restart_pause_ms(&spec, n, seeds[i]), got);
		}
	assert_in_range(restart_pause_ms(&spec, 1000 * 1000, "a"), 48000, 60000);
}

/* Many that failed together do not come back together. */
static void test_jitter_spreads(void **state UNUSED)
{
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;
	bool seen[JITTER_PERCENT + 1] = { false };
	unsigned different = 0;

	for (unsigned i = 0; i < 200; i++) {
		AUTO_FREE char *seed = xasprintf("s_t_web%u_root", i);
		uint64_t percent = (60000 - restart_pause_ms(&spec, 7, seed)) / 600;

		assert_in_range(percent, 0, JITTER_PERCENT);
		seen[percent] = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		different += seen[i];
	assert_true(different > JITTER_PERCENT / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_loop_time),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_jitter_spreads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
