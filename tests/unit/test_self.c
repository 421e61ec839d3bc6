/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/self.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "core/base/str.h"

static void test_key(void **state UNUSED)
{
	assert_true(self_is_key("kukeon-system/kukeon/kukeon/kukeond"));
	assert_false(self_is_key("kukeon-system/kukeon/kukeon"));
	assert_false(self_is_key("kukeon-system/kukeon/kukeon/kukeond/kukeond"));
	assert_false(self_is_key("default/kukeon/kukeon/kukeond"));
	assert_false(self_is_key(NULL));
}

static const struct {
	const char *text, *path;
} rows[] = {
	{ "0::/system.slice/kukeond.service\n", "/system.slice/kukeond.service" },
	{ "0::/\n", "/" },
	{ "0::/a b/c", "/a b/c" },
	{ "5:cpu,cpuacct:/x\n1:name=systemd:/y\n0::/z\n", "/z" },
	{ "10::/x\n", NULL },
	{ "5:cpu:/0::/x\n", NULL },
	{ "", NULL },
	{ NULL, NULL },
};

static void test_cgroup(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *path = self_parse_cgroup(rows[i].text);

		if (!str_equal(path, rows[i].path) || !path != !rows[i].path)
			fail_msg("%s: %s, expected %s", rows[i].text, path, rows[i].path);
	}
}

static void test_read(void **state UNUSED)
{
	AUTO(self_fini) struct self first = { 0 }, second = { 0 };
	const int64_t now_ms = (int64_t)time(NULL) * 1000;

	self_read(&first);
	self_read(&second);
	assert_int_equal(first.pid, getpid());
	assert_true(first.started_ms >= now_ms && first.started_ms < now_ms + 60000);
	assert_int_equal(first.started_ms, second.started_ms);
	assert_true(!first.cgroup || first.cgroup[0] == '/');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
