/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h> /* needs the headers above */

#include "core/base/str.h"
#include "core/model/names.h"

#define NAME_63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"

static void test_valid_names(void **state UNUSED)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
		{ "a", true },     { "Z9", true },         { "a-b", true },  { "a--b", true },
		{ NAME_63, true }, { NAME_63 "4", false }, { "", false },    { "-a", false },
		{ "a-", false },   { "a_b", false },       { "a.b", false }, { "..", false },
		{ "a/b", false },  { "a b", false },       { "a\n", false }, { "\xc3\xa9", false },
	};

	assert_int_equal(strlen(NAME_63), NAME_MAX_BYTES);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (name_is_valid(rows[i].name) != rows[i].valid)
			fail_msg("\"%s\": expected valid == %d", rows[i].name, rows[i].valid);
}

static void test_keys(void **state UNUSED)
{
	const char *const names[] = { "r", "s", "t", "c", "x" };
	struct key_parts parts;

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		AUTO_FREE char *key = key_join((enum kind)kind, names);
		AUTO_FREE char *parent = key_parent(key);

		assert_true(key_split(key, &parts));
		assert_int_equal(parts.kind, kind);
		assert_int_equal(key_kind(key), kind);
		assert_string_equal(key_name(key), names[kind]);
		assert_string_equal(parts.part[kind], names[kind]);
		assert_int_equal(parent == NULL, kind == KIND_REALM);
		assert_true(!parent || str_starts_with(key, parent));
	}
	for (size_t i = 0; i < 7; i++) {
		static const char *const bad[] = { "",     "/",      "a/",         "/a",
						   "a//b", "a/../b", "a/b/c/d/e/f" };

		assert_false(key_split(bad[i], &parts));
	}
}

static void test_kinds(void **state UNUSED)
{
	enum kind kind;

	for (int i = 0; i < KIND_COUNT; i++) {
		assert_true(kind_parse(kind_name((enum kind)i), &kind));
		assert_int_equal(kind, i);
	}
	assert_false(kind_parse("cell", &kind));
}

static void check_taken(char *actual, const char *expected)
{
	assert_string_equal(actual, expected);
	free(actual);
}

static void test_outside_names(void **state UNUSED)
{
	check_taken(name_containerd_namespace("default"), "kukeon-default");
	check_taken(name_containerd_namespace("kukeon-system"), "kukeon-system");
	check_taken(name_containerd_id("r/s/t/c", "root"), "s_t_c_root");
	check_taken(name_cell_id("r/s/t/c"), "r_s_t_c");
	check_taken(name_cell_key("r_s_t_c"), "r/s/t/c");
	check_taken(name_cgroup("/kukeon", "r/s"), "/kukeon/r/s");
	check_taken(name_cgroup_leaf("/kukeon", "r/s/t/cell1", "root"),
		    "/kukeon/r/s/t/cell1/cell1_root");
	check_taken(name_network("r/s"), "r-s");
	check_taken(name_bridge("r/s", false), "kuke-r-s");
	check_taken(name_bridge("default/default", false), "kuke-default-de");
	assert_null(name_cell_key("r_s_t"));
	assert_null(name_cell_key("r_s/t_c"));
	assert_null(name_cell_key("r_s_t_.."));
}

static void test_long_names_stay_apart(void **state UNUSED)
{
	AUTO_FREE char *a = name_containerd_id("r/" NAME_63 "/" NAME_63 "/a", "root");
	AUTO_FREE char *b = name_containerd_id("r/" NAME_63 "/" NAME_63 "/b", "root");
	AUTO_FREE char *other_realm = name_containerd_id("q/" NAME_63 "/" NAME_63 "/a", "root");
	AUTO_FREE char *dashes = name_containerd_id("r/a--b/t/c", "root");
	AUTO_FREE char *bridge = name_bridge("default/default", true);
	AUTO_FREE char *other_bridge = name_bridge("default/default2", true);

	assert_true(strlen(a) <= CONTAINERD_ID_MAX_BYTES);
	assert_string_not_equal(a, b);
	assert_string_not_equal(a, other_realm);
	assert_null(strstr(dashes, "--"));
	assert_int_equal(strlen(bridge), BRIDGE_NAME_MAX_BYTES);
	assert_string_not_equal(bridge, other_bridge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_names),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_outside_names),
		cmocka_unit_test(test_long_names_stay_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
