/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/netlink/subnet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"

static void test_parse(void **state UNUSED)
{
	static const char *const good[] = { "10.88.0.0/16", "0.0.0.0/0",      "192.168.1.1/32",
					    "128.0.0.0/1",  "10.0.0.4/30",    "fd00::/64",
					    "::/0",         "2001:db8::7/128" };
	static const char *const bad[] = { "",
					   "10.88.0.0",
					   "10.88.0.0/",
					   "10.88.0.0/33",
					   "10.88.0.1/16",
					   "10.88.0/16",
					   "10.88.0.0/16 ",
					   "10.88.0.0/ 16",
					   "fd00::1/64",
					   "fd00::/129",
					   "fd00::/",
					   "::ffff:10.88.0.0/112",
					   "10.88.0.0/-1",
					   "10.88.0.0/016x",
					   "10.88.0.0/08",
					   "999.1.1.1/8",
					   "/16",
					   "10.88.0.0.0.0.0.0.0/16" };
	char text[SUBNET_TEXT_BYTES];
	struct subnet subnet;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(subnet_parse(good[i], &subnet));
		subnet_format(&subnet, text);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (subnet_parse(bad[i], &subnet))
			fail_msg("accepted: %s", bad[i]);
}

static void test_for_space(void **state UNUSED)
{
	static const struct {
		const char *text;
		int status;
	} table[] = { { "10.0.0.0/8", 0 },        { "10.0.0.0/30", 0 },
		      { "10.0.0.0/31", -EINVAL }, { "8.0.0.0/7", -EINVAL },
		      { "fd00::/64", -EINVAL },   { "x", -EINVAL } };
	static const struct {
		const char *text;
		int status;
	} table6[] = { { "fd00::/64", 0 },
		       { "fd00::/112", 0 },
		       { "fd00::/63", -EINVAL },
		       { "fd00::/113", -EINVAL },
		       { "10.0.0.0/8", -EINVAL } };
	struct subnet subnet;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(subnet_parse_for_space(table[i].text, &subnet, NULL),
				 table[i].status);
	for (size_t i = 0; i < ARRAY_SIZE(table6); i++)
		assert_int_equal(subnet6_parse_for_space(table6[i].text, &subnet, NULL),
				 table6[i].status);
}

static void test_overlap(void **state UNUSED)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} table[] = {
		{ "10.88.0.0/16", "10.88.0.0/16", true },
		{ "10.88.0.0/16", "10.89.0.0/16", false },
		{ "10.88.0.0/16", "10.88.255.0/24", true },
		{ "10.0.0.0/8", "10.88.0.0/16", true },
		{ "0.0.0.0/0", "10.88.0.0/16", true },
		{ "10.88.0.0/16", "10.88.3.4/32", true },
		{ "11.0.0.0/8", "10.88.0.0/16", false },
		{ "10.88.0.0/15", "10.89.0.0/16", true },
		{ "fd00::/64", "fd00::/48", true },
		{ "fd00::/64", "fd00:0:0:1::/64", false },
		{ "fd00::/64", "fd00::7/128", true },
		{ "::/0", "10.88.0.0/16", false },
		{ "::/0", "fd00::/64", true },
		{ "0.0.0.0/0", "fd00::/64", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct subnet a, b;

		assert_true(subnet_parse(table[i].a, &a) && subnet_parse(table[i].b, &b));
		if (subnet_overlaps(&a, &b) != table[i].overlap ||
		    subnet_overlaps(&b, &a) != table[i].overlap)
			fail_msg("%s and %s", table[i].a, table[i].b);
	}
}

static void test_next_free(void **state UNUSED)
{
	static const struct {
		const char *first, *taken[4], *want; /* NULL: none */
	} table[] = {
		{ "10.88.0.0/16", { NULL }, "10.88.0.0/16" },
		{ "10.88.0.0/16", { "10.88.0.0/16" }, "10.89.0.0/16" },
		{ "10.88.0.0/16",
		  { "10.88.7.0/24", "10.89.0.1/32", "10.91.0.0/16" },
		  "10.90.0.0/16" },
		{ "10.88.0.0/16", { "10.88.0.0/14" }, "10.92.0.0/16" },
		{ "10.88.0.0/16", { "10.0.0.0/8" }, NULL },
		{ "10.255.0.0/16", { "10.255.0.0/16" }, NULL },
		{ "10.88.0.0/24", { "10.88.0.0/24" }, "10.88.1.0/24" },
		{ "255.255.0.0/16", { "255.255.0.0/16" }, NULL },
		{ "172.24.0.0/20", { "172.24.0.0/14" }, "172.28.0.0/20" },
		{ "172.24.0.0/20", { "172.24.0.0/13" }, NULL }, /* not on into 172.32 */
		{ "192.168.128.0/22", { "192.168.0.0/16" }, NULL },
		{ "192.168.128.0/22", { "192.168.130.0/24" }, "192.168.132.0/22" },
		{ "100.64.0.0/16", { "100.64.0.0/10" }, NULL },
		{ "172.0.0.0/8", { "172.0.0.0/8" }, NULL },
		{ "fd12:3456:789a::/64", { "10.0.0.0/8" }, "fd12:3456:789a::/64" },
		{ "fd12:3456:789a::/64",
		  { "fd12:3456:789a::/64", "fd12:3456:789a:1::9/128" },
		  "fd12:3456:789a:2::/64" },
		{ "fd12:3456:789a:ffff::/64", { "fd12:3456:789a:ffff::/64" }, NULL },
		{ "fd12:3456:789a::/64", { "fd00::/8" }, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(taken_subnets_fini) struct taken_subnets taken = { 0 };
		char text[SUBNET_TEXT_BYTES] = "";
		struct subnet first, found;

		assert_true(subnet_parse(table[i].first, &first));
		for (size_t k = 0; k < 4 && table[i].taken[k]; k++) {
			assert_true(subnet_parse(table[i].taken[k], &found));
			taken_subnets_add(&taken, &found, "test");
		}
		if (subnet_next_free(&first, &taken, &found))
			subnet_format(&found, text);
		if (!str_equal(text, table[i].want))
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, text,
				 table[i].want ? table[i].want : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_for_space),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_next_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
