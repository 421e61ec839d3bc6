/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and ranges of both families in one form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/ip.h"
#include "core/base/str.h"

static struct ip ip_of(const char *text)
{
	struct ip ip;

	if (!ip_parse(text, &ip))
		fail_msg("not read: %s", text);
	return ip;
}

static void test_parse(void **state UNUSED)
{
	static const char *const good[][2] = {
		{ "10.88.0.1", "10.88.0.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "fd00::1", "fd00::1" },
		{ "FD00:0:0:0:0:0:0:1", "fd00::1" },
		{ "::", "::" },
		{ "::1.2.3.4", "::1.2.3.4" },
	};
	static const char *const bad[] = { "",
					   "10.88.0",
					   "10.88.0.1 ",
					   "10.88.0.256",
					   "fd00::1%eth0",
					   "::ffff:10.0.0.1",
					   "[fd00::1]",
					   "fd00::1/64",
					   "fd00",
					   "1:2:3:4:5:6:7:8:9" };
	char text[IP_TEXT_BYTES];
	struct ip ip;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ip = ip_of(good[i][0]);
		assert_string_equal(ip_format(&ip, text), good[i][1]);
		assert_int_equal(ip_is_v4(&ip), !strchr(good[i][0], ':'));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (ip_parse(bad[i], &ip))
			fail_msg("read: %s", bad[i]);
}

static void test_bytes(void **state UNUSED)
{
	static const unsigned char bytes[16] = { 0xfd, 0, 0, 1 };
	struct ip ip, expected = ip_of("fd00:1::");

	assert_true(ip_from_bytes(bytes, 16, &ip));
	assert_int_equal(ip_compare(&ip, &expected), 0);
	expected = ip_of("253.0.0.1");
	assert_true(ip_from_bytes(bytes, 4, &ip));
	assert_int_equal(ip_compare(&ip, &expected), 0);
	assert_false(ip_from_bytes(bytes, 5, &ip));
}

static void test_order(void **state UNUSED)
{
	static const char *const rising[] = { "::",      "::1",      "0.0.0.0",
					      "9.0.0.0", "10.0.0.0", "255.255.255.255",
					      "1::",     "fd00::",   "fd00::1:0:0:0",
					      "ff00::" };

	for (size_t i = 0; i < ARRAY_SIZE(rising); i++)
		for (size_t k = 0; k < ARRAY_SIZE(rising); k++) {
			struct ip a = ip_of(rising[i]), b = ip_of(rising[k]);
			int order = ip_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
}

static void test_neighbours(void **state UNUSED)
{
	static const char *const pairs[][2] = {
		{ "10.0.0.1", "10.0.0.2" },
		{ "10.0.0.255", "10.0.1.0" },
		{ "fd00::ffff:ffff", "fd00::1:0:0" },
	};
	struct ip ip, other;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		ip = ip_of(pairs[i][0]);
		other = ip_of(pairs[i][1]);
		assert_true(ip_next(&ip));
		assert_int_equal(ip_compare(&ip, &other), 0);
		assert_true(ip_previous(&ip));
		other = ip_of(pairs[i][0]);
		assert_int_equal(ip_compare(&ip, &other), 0);
	}
	ip = ip_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_false(ip_next(&ip));
	ip = ip_of("::");
	assert_false(ip_previous(&ip));
}

static void test_ranges(void **state UNUSED)
{
	static const struct {
		const char *text, *first, *last, *again;
	} good[] = {
		{ "10.88.7.9/16", "10.88.0.0", "10.88.255.255", "10.88.7.9/16" },
		{ "10.88.7.9/32", "10.88.7.9", "10.88.7.9", "10.88.7.9/32" },
		{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255", "0.0.0.0/0" },
		{ "10.0.0.4/30", "10.0.0.4", "10.0.0.7", "10.0.0.4/30" },
		{ "fd00::1/64", "fd00::", "fd00::ffff:ffff:ffff:ffff", "fd00::1/64" },
		{ "fd00::/7", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd00::/7" },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0" },
		{ "fd00::7/128", "fd00::7", "fd00::7", "fd00::7/128" },
	};
	static const char *const bad[] = { "10.0.0.0",    "10.0.0.0/",   "10.0.0.0/33",
					   "10.0.0.0/08", "10.0.0.0/-1", "fd00::/129",
					   "fd00::/0064", "/8",          "x/8",
					   "fd00::/64 " };
	char text[IP_RANGE_TEXT_BYTES];
	unsigned prefix;
	struct ip ip;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct ip first = ip_of(good[i].first), last = ip_of(good[i].last), found;

		assert_true(ip_parse_range(good[i].text, &ip, &prefix));
		found = ip_first(&ip, prefix);
		assert_int_equal(ip_compare(&found, &first), 0);
		found = ip_last(&ip, prefix);
		assert_int_equal(ip_compare(&found, &last), 0);
		assert_string_equal(ip_format_range(&ip, prefix, text), good[i].again);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (ip_parse_range(bad[i], &ip, &prefix))
			fail_msg("read: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_order),  cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
