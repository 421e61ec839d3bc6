/* SPDX-License-Identifier: Apache-2.0 */
/* Egress policies: their rules as text, and ranges that do not overlap. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/model/egress.h"
#include "core/network/egress_allow.h"
#include "core/network/egress_host.h"

static void test_range(void **state UNUSED)
{
	static const struct {
		const char *text;
		const char *first, *last, *wrong;
	} rows[] = {
		{ "10.20.0.0/16", "10.20.0.0", "10.20.255.255", NULL },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.7", NULL },
		{ "192.0.2.7/32", "192.0.2.7", "192.0.2.7", NULL },
		{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255", NULL },
		{ "fd00::/8", "fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
		{ "2001:DB8::7", "2001:db8::7", "2001:db8::7", NULL },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
		{ "10.20.0.1/16", NULL, NULL, "did you mean \"10.20.0.0/16\"?" },
		{ "fd00::1/64", NULL, NULL, "did you mean \"fd00::/64\"?" },
		{ "10.20.0.0/33", NULL, NULL, "not a range" },
		{ "fd00::/129", NULL, NULL, "not a range" },
		{ "::ffff:10.20.0.0/112", NULL, NULL, "not a range" },
		{ "10.20.0.0/", NULL, NULL, "not a range" },
		{ "10.20.0.0/016", NULL, NULL, "not a range" },
		{ "10.20.0/16", NULL, NULL, "not a range" },
		{ "", NULL, NULL, "not a range" },
		{ "10.20.0.0/16 }; flush ruleset", NULL, NULL, "not a range" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char first[IP_TEXT_BYTES], last[IP_TEXT_BYTES];
		struct egress_range range = { 0 };
		struct error err = { 0 };
		int r = egress_range_parse(rows[i].text, &range, &err);

		if (r != (rows[i].wrong ? -EINVAL : 0))
			fail_msg("%s: %d", rows[i].text, r);
		if (rows[i].wrong && !strstr(err.msg, rows[i].wrong))
			fail_msg("%s: %s", rows[i].text, err.msg);
		if (rows[i].wrong)
			continue;
		assert_string_equal(ip_format(&range.first, first), rows[i].first);
		assert_string_equal(ip_format(&range.last, last), rows[i].last);
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

/* "<first>-<last> <what> <ports>", with addresses of a few bits that stand behind @begin. */
struct item {
	unsigned first, last;
	int what;
	uint16_t first_port, last_port;
};

static struct ip address(const char *begin, unsigned n)
{
	AUTO_FREE char *text = xasprintf(strchr(begin, ':') ? "%s%x" : "%s%u", begin, n);
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

static void make(const char *begin, const struct item *items, size_t n, struct filter_allow *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct filter_allow){ .first = address(begin, items[i].first),
						.last = address(begin, items[i].last),
						.v6 = strchr(begin, ':') != NULL,
						.what = (int)items[i].what,
						.first_port = items[i].first_port,
						.last_port = items[i].last_port };
}

static char *settled_text(const struct filter_allow *items, size_t n)
{
	AUTO_FREE struct filter_allow *settled = NULL;
	char first[IP_TEXT_BYTES], last[IP_TEXT_BYTES];
	AUTO_BUF struct buf text = { 0 };
	size_t n_settled;

	egress_allow_settle(items, n, &settled, &n_settled);
	buf_add_str(&text, "");
	for (size_t i = 0; i < n_settled; i++)
		buf_printf(&text, "%s-%s:%d:%u-%u ",
			   (settled[i].v6 ? ip_format6 : ip_format)(&settled[i].first, first),
			   (settled[i].v6 ? ip_format6 : ip_format)(&settled[i].last, last),
			   settled[i].what, settled[i].first_port, settled[i].last_port);
	return buf_take(&text);
}

static void assert_settled(const struct item *items, size_t n, const char *expected)
{
	struct filter_allow allow[4];
	AUTO_FREE char *text = NULL;

	make("10.0.0.", items, n, allow);
	text = settled_text(allow, n);
	assert_string_equal(text, expected);
}

static void test_settle(void **state UNUSED)
{
	static const struct item same[] = {
		{ 10, 20, ALLOW_TCP, 80, 80 },
		{ 10, 20, ALLOW_TCP, 80, 80 },
	};
	static const struct item beside[] = {
		{ 21, 30, ALLOW_TCP, 80, 80 },
		{ 10, 20, ALLOW_TCP, 80, 80 },
		{ 10, 30, ALLOW_TCP, 81, 90 },
	};
	static const struct item crossing[] = {
		{ 10, 20, ALLOW_TCP, 80, 100 },
		{ 15, 30, ALLOW_TCP, 90, 110 },
		{ 15, 15, ALLOW_UDP, 90, 110 },
	};

	assert_settled(same, 2, "10.0.0.10-10.0.0.20:1:80-80 ");
	assert_settled(beside, 3, "10.0.0.10-10.0.0.30:1:80-90 ");
	assert_settled(crossing, 3,
		       "10.0.0.10-10.0.0.14:1:80-100 10.0.0.15-10.0.0.20:1:80-110 "
		       "10.0.0.21-10.0.0.30:1:90-110 10.0.0.15-10.0.0.15:2:90-110 ");
	assert_settled(NULL, 0, "");
}

/* All of one family is nothing of the other, though it stands in the middle of it. */
static void test_settle_families(void **state UNUSED)
{
	static const char *const texts[] = { "::/0", "0.0.0.0/0", "10.0.0.0/8", "fd00::/8" };
	struct filter_allow items[4] = { 0 };
	AUTO_FREE char *whole = NULL, *alone = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct egress_range range;

		assert_int_equal(egress_range_parse(texts[i], &range, NULL), 0);
		items[i].first = range.first;
		items[i].last = range.last;
		items[i].v6 = range.v6;
	}
	whole = settled_text(items, 4);
	assert_string_equal(whole, "0.0.0.0-255.255.255.255:0:0-0 "
				   "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:0:0-0 ");
	alone = settled_text(items + 2, 2);
	assert_string_equal(alone, "10.0.0.0-10.255.255.255:0:0-0 "
				   "fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:0:0-0 ");
}

/* Where ranges of IPv6 begin and end next to what stands for IPv4, they say nothing of IPv4. */
static void test_settle_around_ipv4(void **state UNUSED)
{
	struct filter_allow items[3] = { { .what = ALLOW_TCP, .first_port = 1, .last_port = 1 },
					 { .what = ALLOW_TCP, .first_port = 2, .last_port = 2 },
					 { .what = ALLOW_TCP, .first_port = 4, .last_port = 4 } };
	static const char *const texts[] = { "::/64", "::fffe:0:0/96", "::/80" };
	AUTO_FREE char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct egress_range range;

		assert_int_equal(egress_range_parse(texts[i], &range, NULL), 0);
		items[i].first = range.first;
		items[i].last = range.last;
		items[i].v6 = range.v6;
	}
	text = settled_text(items, 3);
	assert_string_equal(text,
			    "::-::fffd:ffff:ffff:1:1-1 ::-::fffd:ffff:ffff:1:4-4 "
			    "::fffe:0:0-::fffe:ffff:ffff:1:1-2 ::fffe:0:0-::fffe:ffff:ffff:1:4-4 "
			    "::ffff:0.0.0.0-::ffff:255.255.255.255:1:1-1 "
			    "::ffff:0.0.0.0-::ffff:255.255.255.255:1:4-4 "
			    "::1:0:0:0-::ffff:ffff:ffff:ffff:1:1-1 ");
}

static bool covers(const struct filter_allow *items, size_t n, const struct ip *ip, uint16_t port,
		   int *ret_times)
{
	*ret_times = 0;
	for (size_t i = 0; i < n; i++)
		*ret_times += ip_compare(&items[i].first, ip) <= 0 &&
			      ip_compare(ip, &items[i].last) <= 0 && items[i].first_port <= port &&
			      port <= items[i].last_port;
	return *ret_times > 0;
}

/* Small numbers, so that everything can be asked for. */
static void settle_random(const char *begin, unsigned *seed)
{
	enum { ITEMS = 12, SPAN = 16 };
	AUTO_FREE struct filter_allow *settled = NULL;
	struct filter_allow allow[ITEMS];
	struct item items[ITEMS];
	size_t n_settled;

	for (int i = 0; i < ITEMS; i++) {
		unsigned a = (unsigned)rand_r(seed) % SPAN, b = (unsigned)rand_r(seed) % SPAN;
		uint16_t p = (uint16_t)(rand_r(seed) % SPAN), q = (uint16_t)(rand_r(seed) % SPAN);

		items[i] = (struct item){ .first = a < b ? a : b,
					  .last = a < b ? b : a,
					  .what = ALLOW_TCP,
					  .first_port = p < q ? p : q,
					  .last_port = p < q ? q : p };
	}
	make(begin, items, ITEMS, allow);
	egress_allow_settle(allow, ITEMS, &settled, &n_settled);
	for (unsigned n = 0; n < SPAN; n++) {
		struct ip ip = address(begin, n);

		for (uint16_t port = 0; port < SPAN; port++) {
			int times;
			bool wanted = covers(allow, ITEMS, &ip, port, &times);

			assert_int_equal(covers(settled, n_settled, &ip, port, &times), wanted);
			assert_true(times <= 1);
		}
	}
}

static void test_settle_random(void **state UNUSED)
{
	enum { ROUNDS = 300 };
	unsigned seed = 7;

	for (int round = 0; round < ROUNDS; round++)
		settle_random(round % 2 ? "10.0.0." : "fd00::", &seed);
}

/* ---- what a name stands for ---- */

/* An answer of one family at some time: "192.0.2.1 192.0.2.2", "" none. True: it changed. */
static bool answered(struct egress_addresses *addresses, bool v6, const char *text, uint64_t now_ms)
{
	struct ip ips[EGRESS_ADDRESSES_MAX];
	struct egress_addresses answer;

	egress_addresses_parse(text, strlen(text), &answer);
	for (size_t i = 0; i < answer.n; i++)
		ips[i] = answer.items[i].address;
	return egress_addresses_take(addresses, v6, ips, answer.n, now_ms);
}

static void assert_stands_for(const struct egress_addresses *addresses, const char *text)
{
	AUTO_BUF struct buf now = { 0 };

	egress_addresses_format(addresses, &now);
	assert_string_equal(now.data, text);
}

/* What has left the answers stays for a while, what nobody has answered anew for as long. */
static void test_addresses_age(void **state UNUSED)
{
	struct egress_addresses a = { 0 };
	uint64_t now_ms = 1000;

	assert_true(answered(&a, false, "192.0.2.1 192.0.2.2", now_ms));
	assert_true(answered(&a, true, "2001:db8::1", now_ms));
	assert_false(answered(&a, false, "192.0.2.1 192.0.2.2", now_ms += 10 * EGRESS_GRACE_MS));
	assert_true(answered(&a, false, "192.0.2.3", now_ms));
	assert_stands_for(&a, "192.0.2.1 192.0.2.2 2001:db8::1 192.0.2.3");
	assert_false(answered(&a, false, "192.0.2.3 192.0.2.2", now_ms += EGRESS_GRACE_MS - 1));
	assert_true(answered(&a, false, "192.0.2.3 192.0.2.2", now_ms += 1));
	assert_stands_for(&a, "192.0.2.2 2001:db8::1 192.0.2.3");
	assert_false(answered(&a, true, "", now_ms));
	assert_true(answered(&a, true, "", now_ms += EGRESS_GRACE_MS));
	assert_stands_for(&a, "192.0.2.2 192.0.2.3");
}

/* The first to leave is the first to go when there is no room. */
static void test_addresses_are_bounded(void **state UNUSED)
{
	struct egress_addresses a = { 0 };
	char text[IP_TEXT_BYTES];

	for (int i = 0; i < 3 * EGRESS_ADDRESSES_MAX; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		assert_true(answered(&a, false, text, (uint64_t)i + 1));
	}
	assert_int_equal(a.n, EGRESS_ADDRESSES_MAX);
	for (int i = 2 * EGRESS_ADDRESSES_MAX; i < 3 * EGRESS_ADDRESSES_MAX; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		assert_false(answered(&a, false, text, 200));
	}
}

/* What the file says is not believed to be what we wrote. */
static void test_addresses_of_any_text(void **state UNUSED)
{
	static const struct {
		const char *text, *taken;
	} rows[] = {
		{ "", "" },
		{ "192.0.2.1 2001:db8::1", "192.0.2.1 2001:db8::1" },
		{ " 192.0.2.1  192.0.2.1 ", "192.0.2.1" },
		{ "192.0.2.1; flush ruleset", "" },
		{ "0.0.0.0/0 192.0.2.7 a.test ::ffff:10.0.0.1", "192.0.2.7" },
	};
	AUTO_BUF struct buf many = { 0 };
	struct egress_addresses a;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		egress_addresses_parse(rows[i].text, strlen(rows[i].text), &a);
		assert_stands_for(&a, rows[i].taken);
	}
	for (int i = 0; i < 2 * EGRESS_ADDRESSES_MAX; i++)
		buf_printf(&many, "192.0.2.%d ", i);
	egress_addresses_parse(many.data, many.len, &a);
	assert_int_equal(a.n, EGRESS_ADDRESSES_MAX);
	while (many.len <= EGRESS_NOTE_MAX_BYTES)
		buf_add_str(&many, " ");
	egress_addresses_parse(many.data, many.len, &a);
	assert_int_equal(a.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_settle_random),
		cmocka_unit_test(test_settle_families),
		cmocka_unit_test(test_settle_around_ipv4),
		cmocka_unit_test(test_addresses_age),
		cmocka_unit_test(test_addresses_are_bounded),
		cmocka_unit_test(test_addresses_of_any_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
