/* SPDX-License-Identifier: Apache-2.0 */
/* Egress policies: their rules as text, and ranges that do not overlap. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/egress_allow.h"
#include "core/model/egress.h"

static void test_range(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint32_t first, last;
		const char *wrong;
	} rows[] = {
		{ "10.20.0.0/16", 0x0a140000, 0x0a14ffff, NULL },
		{ "192.0.2.7", 0xc0000207, 0xc0000207, NULL },
		{ "192.0.2.7/32", 0xc0000207, 0xc0000207, NULL },
		{ "0.0.0.0/0", 0, UINT32_MAX, NULL },
		{ "10.20.0.1/16", 0, 0, "did you mean \"10.20.0.0/16\"?" },
		{ "10.20.0.0/33", 0, 0, "not an IPv4 range" },
		{ "10.20.0.0/", 0, 0, "not an IPv4 range" },
		{ "10.20.0/16", 0, 0, "not an IPv4 range" },
		{ "", 0, 0, "not an IPv4 range" },
		{ "fd00::/8", 0, 0, "IPv6 is not supported" },
		{ "10.20.0.0/16 }; flush ruleset", 0, 0, "not an IPv4 range" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct egress_range range = { 0 };
		struct error err = { 0 };
		int r = egress_range_parse(rows[i].text, &range, &err);

		if (r != (rows[i].wrong ? -EINVAL : 0))
			fail_msg("%s: %d", rows[i].text, r);
		if (rows[i].wrong && !strstr(err.msg, rows[i].wrong))
			fail_msg("%s: %s", rows[i].text, err.msg);
		if (!rows[i].wrong && (range.first != rows[i].first || range.last != rows[i].last))
			fail_msg("%s: %x-%x", rows[i].text, range.first, range.last);
	}
}

static void test_ports(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool udp;
		uint16_t first, last; /* 0: it is wrong */
	} rows[] = {
		{ "443", false, 443, 443 },     { "53/udp", true, 53, 53 },
		{ "80/tcp", false, 80, 80 },    { "8000-8010/tcp", false, 8000, 8010 },
		{ "1-65535", false, 1, 65535 }, { "0", false, 0, 0 },
		{ "65536", false, 0, 0 },       { "70000-80000", false, 0, 0 },
		{ "90-80", false, 0, 0 },       { "80-", false, 0, 0 },
		{ "-80", false, 0, 0 },         { "80/sctp", false, 0, 0 },
		{ "80/", false, 0, 0 },         { "", false, 0, 0 },
		{ "http", false, 0, 0 },        { "80 ", false, 0, 0 },
		{ "8 0", false, 0, 0 },         { "1-2-3", false, 0, 0 },
		{ "80/tcp/udp", false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct egress_ports ports = { 0 };
		struct error err;
		int r = egress_ports_parse(rows[i].text, &ports, &err);

		if (r != (rows[i].first ? 0 : -EINVAL) || ports.udp != rows[i].udp ||
		    ports.first != rows[i].first || ports.last != rows[i].last)
			fail_msg("\"%s\": %d, %u-%u", rows[i].text, r, ports.first, ports.last);
	}
}

static void test_host(void **state UNUSED)
{
	static const char *const good[] = { "example.com", "a", "x-1.example_2.com", "1a.com" };
	static const char *const bad[] = { "",     "10.0.0.1", "a..b", ".a",   "a.",
					   "-a.b", "a-.b",     "a b",  "a/b",  "a;b",
					   "*.a",  "1.2",      "a.b-", "a\nb", "\xc3\xa4.de" };
	AUTO_FREE char *text = xasprintf("%064d.com", 0), *all;
	AUTO_BUF struct buf longest = { 0 };
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (egress_host_check(good[i], &err) < 0)
			fail_msg("%s: %s", good[i], err.msg);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (egress_host_check(bad[i], &err) != -EINVAL)
			fail_msg("\"%s\" passes", bad[i]);
	assert_int_equal(egress_host_check(text, &err), -EINVAL);
	for (int i = 0; i < 127; i++)
		buf_add_str(&longest, "a.");
	all = buf_take(&longest);
	all[253] = '\0';
	assert_int_equal(egress_host_check(all, &err), 0);
	AUTO_FREE char *beyond = xasprintf("%0127d", 0);
	assert_int_equal(egress_host_check(beyond, &err), -EINVAL);
}

/* ---- ranges that do not overlap ---- */

static void assert_settled(const struct filter_allow *items, size_t n, const char *expected)
{
	AUTO_FREE struct filter_allow *settled = NULL;
	AUTO_BUF struct buf text = { 0 };
	size_t n_settled;

	egress_allow_settle(items, n, &settled, &n_settled);
	buf_add_str(&text, "");
	for (size_t i = 0; i < n_settled; i++)
		buf_printf(&text, "%u-%u:%d:%u-%u ", settled[i].first, settled[i].last,
			   settled[i].what, settled[i].first_port, settled[i].last_port);
	assert_string_equal(text.data, expected);
}

static void test_settle(void **state UNUSED)
{
	static const struct filter_allow same[] = {
		{ 10, 20, ALLOW_TCP, 80, 80 },
		{ 10, 20, ALLOW_TCP, 80, 80 },
	};
	static const struct filter_allow beside[] = {
		{ 21, 30, ALLOW_TCP, 80, 80 },
		{ 10, 20, ALLOW_TCP, 80, 80 },
		{ 10, 30, ALLOW_TCP, 81, 90 },
	};
	static const struct filter_allow crossing[] = {
		{ 10, 20, ALLOW_TCP, 80, 100 },
		{ 15, 30, ALLOW_TCP, 90, 110 },
		{ 15, 15, ALLOW_UDP, 90, 110 },
	};
	static const struct filter_allow whole[] = {
		{ 0, UINT32_MAX, ALLOW_ALL, 0, 0 },
		{ 5, 6, ALLOW_ALL, 0, 0 },
		{ UINT32_MAX, UINT32_MAX, ALLOW_UDP, 1, UINT16_MAX },
	};

	assert_settled(same, 2, "10-20:1:80-80 ");
	assert_settled(beside, 3, "10-30:1:80-90 ");
	assert_settled(crossing, 3, "10-14:1:80-100 15-20:1:80-110 21-30:1:90-110 15-15:2:90-110 ");
	assert_settled(whole, 3, "0-4294967295:0:0-0 4294967295-4294967295:2:1-65535 ");
	assert_settled(NULL, 0, "");
}

static bool covers(const struct filter_allow *items, size_t n, uint32_t address, uint16_t port,
		   int *ret_times)
{
	*ret_times = 0;
	for (size_t i = 0; i < n; i++)
		*ret_times += items[i].first <= address && address <= items[i].last &&
			      items[i].first_port <= port && port <= items[i].last_port;
	return *ret_times > 0;
}

/* Small numbers, so that everything can be asked for. */
static void test_settle_random(void **state UNUSED)
{
	enum { ROUNDS = 300, ITEMS = 12, SPAN = 16 };
	unsigned seed = 7;

	for (int round = 0; round < ROUNDS; round++) {
		AUTO_FREE struct filter_allow *settled = NULL;
		struct filter_allow items[ITEMS];
		size_t n_settled;

		for (int i = 0; i < ITEMS; i++) {
			uint32_t a = (uint32_t)rand_r(&seed) % SPAN,
				 b = (uint32_t)rand_r(&seed) % SPAN;
			uint16_t p = (uint16_t)(rand_r(&seed) % SPAN),
				 q = (uint16_t)(rand_r(&seed) % SPAN);

			items[i] = (struct filter_allow){ .first = a < b ? a : b,
							  .last = a < b ? b : a,
							  .what = ALLOW_TCP,
							  .first_port = p < q ? p : q,
							  .last_port = p < q ? q : p };
		}
		egress_allow_settle(items, ITEMS, &settled, &n_settled);
		for (uint32_t address = 0; address < SPAN; address++)
			for (uint16_t port = 0; port < SPAN; port++) {
				int times;
				bool wanted = covers(items, ITEMS, address, port, &times);

				assert_int_equal(covers(settled, n_settled, address, port, &times),
						 wanted);
				assert_true(times <= 1);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),         cmocka_unit_test(test_ports),
		cmocka_unit_test(test_host),          cmocka_unit_test(test_settle),
		cmocka_unit_test(test_settle_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
