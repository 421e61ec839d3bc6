/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "drivers/cgroup/parse.h"

static void test_populated(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool known, populated;
	} cases[] = {
		{ "populated 1\nfrozen 0\n", true, true },
		{ "populated 0\nfrozen 0\n", true, false },
		{ "frozen 1\npopulated 1\n", true, true },
		{ "populated 0", true, false },
		{ "", false, false },
		{ "\n\n", false, false },
		{ "populated 2\n", false, false },
		{ "populated \n", false, false },
		{ "populated 10\n", false, false },
		{ "unpopulated 1\n", false, false },
		{ "frozen populated 1\n", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool populated = false;
		bool known = cgroup_parse_populated(cases[i].text, &populated);

		if (known != cases[i].known || populated != cases[i].populated)
			fail_msg("\"%s\": known %d, populated %d", cases[i].text, known, populated);
	}
}

static void check_controllers(const char *text, const char *expected)
{
	struct strv names = { 0 };
	char joined[512] = "";

	cgroup_parse_controllers(text, &names);
	for (size_t i = 0; i < names.n; i++) {
		strcat(joined, i ? " " : "");
		strcat(joined, names.items[i]);
	}
	assert_string_equal(joined, expected);
	strv_fini(&names);
}

static void test_controllers(void **state UNUSED)
{
	struct strv many = { 0 };
	char text[400] = "";

	check_controllers("", "");
	check_controllers("\n", "");
	check_controllers("cpu\n", "cpu");
	check_controllers("cpuset cpu io memory hugetlb pids rdma misc\n",
			  "cpuset cpu io memory hugetlb pids rdma "
			  "misc");
	check_controllers("cpu cpu  io", "cpu io");
	check_controllers("../x CPU +io perf_event a\tb\n", "perf_event");
	check_controllers("a1234567890123456789012345678901 io", "io");

	for (int i = 0; i < 100; i++)
		sprintf(text + strlen(text), "c%d ", i);
	cgroup_parse_controllers(text, &many);
	assert_int_equal(many.n, CGROUP_CONTROLLERS_MAX);
	assert_true(cgroup_has_controller(&many, "c63"));
	assert_false(cgroup_has_controller(&many, "c64"));
	strv_fini(&many);
}

static void test_lacks(void **state UNUSED)
{
	static const struct {
		const char *offered, *enabled;
		bool expected;
	} rows[] = {
		{ "cpuset cpu io memory pids", "cpu io memory pids", false },
		{ "cpuset cpu io memory pids", "cpu io memory", true },
		{ "cpuset cpu io memory pids", "", true },
		{ "cpuset hugetlb", "", false },
		{ "memory", "memory", false },
		{ "", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(strv_fini) struct strv offered = { 0 };
		AUTO(strv_fini) struct strv enabled = { 0 };

		cgroup_parse_controllers(rows[i].offered, &offered);
		cgroup_parse_controllers(rows[i].enabled, &enabled);
		if (cgroup_lacks_controller(&offered, &enabled) != rows[i].expected)
			fail_msg("\"%s\" of \"%s\": expected %d", rows[i].enabled, rows[i].offered,
				 rows[i].expected);
	}
}

static void test_counter(void **state UNUSED)
{
	static const char events[] = "low 0\nhigh 7\nmax 12\noom 3\noom_kill 2\noom_group_kill 9\n";

	assert_int_equal(cgroup_parse_counter(events, "oom_kill"), 2);
	assert_int_equal(cgroup_parse_counter(events, "oom"), 3);
	assert_int_equal(cgroup_parse_counter(events, "oom_group_kill"), 9);
	assert_int_equal(cgroup_parse_counter(events, "oom_"), 0);
	assert_int_equal(cgroup_parse_counter("", "oom_kill"), 0);
	assert_int_equal(cgroup_parse_counter("oom_kill", "oom_kill"), 0);
	assert_int_equal(cgroup_parse_counter("oom_kill x\n", "oom_kill"), 0);
	assert_int_equal(cgroup_parse_counter("oom_kill 5", "oom_kill"), 5);
	assert_int_equal(cgroup_parse_counter("oom_kill 99999999999999999999\n", "oom_kill"),
			 UINT64_MAX);
}

static void test_pids(void **state UNUSED)
{
	pid_t pids[3];

	assert_int_equal(cgroup_parse_pids("", pids, 3), 0);
	assert_int_equal(cgroup_parse_pids("1\n22\n333\n", pids, 3), 3);
	assert_int_equal(pids[0], 1);
	assert_int_equal(pids[1], 22);
	assert_int_equal(pids[2], 333);
	assert_int_equal(cgroup_parse_pids("1\n22\n333\n4", pids, 3), 3);
	/* 0: a process that this pid namespace does not see; the rest are no pids at all */
	assert_int_equal(cgroup_parse_pids("0\n-1\nx\n7 8\n99999999999\n\n5\n", pids, 3), 1);
	assert_int_equal(pids[0], 5);
}

static void test_root(void **state UNUSED)
{
	static const char *const good[] = { "/kukeon", "/a/b",
					    "/system.slice/kukeond.service/cells", "/...", "/.a" };
	static const char *const bad[] = { "",      "/",  "kukeon", "//a",     "/a/",
					   "/a//b", "/.", "/..",    "/a/../b", "/a/." };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!cgroup_root_is_valid(good[i]))
			fail_msg("\"%s\" was refused", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (cgroup_root_is_valid(bad[i]))
			fail_msg("\"%s\" was accepted", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_populated), cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_counter),   cmocka_unit_test(test_pids),
		cmocka_unit_test(test_root),      cmocka_unit_test(test_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
