/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"

static const struct {
	const char *ranges[5], *asked, *want; /* the places in ranges */
} rows[] = {
	{ { NULL }, "10.0.0.0/8", "" },
	{ { "10.88.0.0/16", "10.89.0.0/16", "10.90.0.0/16" }, "10.89.3.0/24", "1" },
	{ { "10.90.0.0/16", "10.88.0.0/16", "10.89.0.0/16" }, "10.0.0.0/8", "1 2 0" },
	{ { "10.88.0.0/16", "10.89.0.0/16" }, "10.88.0.0/15", "0 1" },
	{ { "10.88.0.0/16", "10.89.0.0/16" }, "10.90.0.0/16", "" },
	{ { "10.88.0.0/16", "10.89.0.0/16" }, "10.87.255.255/32", "" },
	{ { "10.0.0.0/8", "10.88.0.0/16", "10.88.7.0/24" }, "10.88.9.9/32", "0 1" },
	{ { "10.88.7.0/24", "10.88.0.0/16", "10.0.0.0/8" }, "10.200.0.0/16", "2" },
	{ { "10.88.0.0/16", "fd00:1::/64", "fd00:2::/64" }, "fd00::/16", "1 2" },
	{ { "10.88.0.0/16", "fd00:1::/64" }, "::/0", "1" },
	{ { "10.88.0.0/16", "fd00:1::/64" }, "0.0.0.0/0", "0" },
};

static void test_overlaps(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(ranges_fini) struct ranges ranges = { 0 };
		AUTO_BUF struct buf found = { 0 };
		const struct range *at = NULL;
		unsigned prefix;
		struct ip ip;

		for (size_t n = 0; n < ARRAY_SIZE(rows[i].ranges) && rows[i].ranges[n]; n++) {
			assert_true(ip_parse_range(rows[i].ranges[n], &ip, &prefix));
			ranges_add(&ranges, &ip, prefix, n);
		}
		ranges_settle(&ranges);
		assert_true(ip_parse_range(rows[i].asked, &ip, &prefix));
		buf_add_str(&found, "");
		while ((at = ranges_next(&ranges, at, &ip, prefix)))
			buf_printf(&found, "%s%zu", found.len ? " " : "", at->tag);
		if (!str_equal(found.data, rows[i].want))
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, found.data, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_overlaps) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
