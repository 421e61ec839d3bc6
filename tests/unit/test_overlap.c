/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hostnet/overlap.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "drivers/netlink/route_words.h"

enum { BRIDGE = 7, UPLINK = 2, VPN = 9, VPN_TABLE = 52, MANY = 3000 };

static struct route route_of(const char *to, unsigned table, unsigned type, int ifindex)
{
	struct route route = { .table = table, .type = type, .ifindex = ifindex };

	assert_true(subnet_parse(to, &route.to));
	route.v6 = !subnet_is_v4(&route.to);
	return route;
}

/* ---- which of them counts ---- */

static const struct {
	const char *name, *range;
	bool has_route;
	const char *to;
	unsigned table, type;
	int ifindex;
	/* what the kernel says of the probe; 0: it would drop the packet */
	int taken;
	unsigned taken_table;
	enum overlap_verdict verdict;
} rows[] = {
	{ "a narrower one", "10.88.0.0/16", true, "10.88.3.0/24", RT_TABLE_MAIN, RTN_UNICAST, VPN,
	  VPN, RT_TABLE_MAIN, OVERLAP_LOST },
	{ "a narrower one that nobody asks", "10.88.0.0/16", true, "10.88.3.0/24", VPN_TABLE,
	  RTN_UNICAST, VPN, BRIDGE, RT_TABLE_MAIN, OVERLAP_NONE },
	{ "a wider one", "10.88.0.0/16", true, "10.0.0.0/8", RT_TABLE_MAIN, RTN_UNICAST, VPN,
	  BRIDGE, RT_TABLE_MAIN, OVERLAP_BESIDE },
	{ "a wider one in a table that comes first", "10.88.0.0/16", true, "10.0.0.0/8", VPN_TABLE,
	  RTN_UNICAST, VPN, VPN, VPN_TABLE, OVERLAP_LOST },
	{ "an equal one that came later", "10.88.0.0/16", true, "10.88.0.0/16", RT_TABLE_MAIN,
	  RTN_UNICAST, VPN, BRIDGE, RT_TABLE_MAIN, OVERLAP_BESIDE },
	{ "an equal one that came before", "10.88.0.0/16", true, "10.88.0.0/16", RT_TABLE_MAIN,
	  RTN_UNICAST, VPN, VPN, RT_TABLE_MAIN, OVERLAP_LOST },
	{ "a blackhole", "10.88.0.0/16", true, "10.88.0.0/17", RT_TABLE_MAIN, RTN_BLACKHOLE, 0, 0,
	  0, OVERLAP_LOST },
	{ "an address of the host", "10.88.0.0/16", true, "10.88.9.9/32", RT_TABLE_LOCAL, RTN_LOCAL,
	  VPN, 1, RT_TABLE_LOCAL, OVERLAP_BESIDE },
	/* the bridge is made with the first cell */
	{ "a wider one, no bridge yet", "10.88.0.0/16", false, "10.0.0.0/8", RT_TABLE_MAIN,
	  RTN_UNICAST, VPN, VPN, RT_TABLE_MAIN, OVERLAP_BESIDE },
	{ "an equal one, no bridge yet", "10.88.0.0/16", false, "10.88.0.0/16", RT_TABLE_MAIN,
	  RTN_UNICAST, VPN, VPN, RT_TABLE_MAIN, OVERLAP_LOST },
	{ "a wider one in a table that comes first, no bridge yet", "10.88.0.0/16", false,
	  "10.0.0.0/8", VPN_TABLE, RTN_UNICAST, VPN, VPN, VPN_TABLE, OVERLAP_LOST },
	{ "IPv6, narrower", "fd12:1:2:3::/64", true, "fd12:1:2:3:4::/80", RT_TABLE_MAIN,
	  RTN_UNICAST, VPN, VPN, RT_TABLE_MAIN, OVERLAP_LOST },
	{ "IPv6, wider", "fd12:1:2:3::/64", true, "fd12:1::/32", RT_TABLE_MAIN, RTN_UNICAST, VPN,
	  BRIDGE, RT_TABLE_MAIN, OVERLAP_BESIDE },
};

static struct host_ways one_space(const char *range)
{
	struct host_ways ways = { .spaces = xnew(struct ways_space), .n_spaces = 1 };

	ways.spaces[0].key = xstrdup("r/s");
	ways.spaces[0].bridge = xstrdup("kuke-a");
	ways.spaces[0].subnet = xstrdup(range);
	return ways;
}

static void test_verdicts(void **state UNUSED)
{
	static const int bridges[] = { BRIDGE };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(host_ways_fini) struct host_ways ways = one_space(rows[i].range);
		AUTO(overlaps_fini) struct overlaps overlaps = { 0 };
		struct route ours = route_of(rows[i].range, RT_TABLE_MAIN, RTN_UNICAST, BRIDGE);
		struct route other =
			route_of(rows[i].to, rows[i].table, rows[i].type, rows[i].ifindex);
		const struct route taken = { .ifindex = rows[i].taken,
					     .table = rows[i].taken_table,
					     .type = rows[i].taken == 1 ? RTN_LOCAL : RTN_UNICAST };
		struct overlap_range *range;
		enum overlap_verdict verdict;

		overlaps_init(&overlaps, &ways, bridges);
		if (rows[i].has_route)
			overlaps_note(&overlaps, &ours);
		overlaps_note(&overlaps, &other);
		range = &overlaps.items[0];
		if (range->n_others != 1 || range->has_route != rows[i].has_route)
			fail_msg("%s: %zu others, %d", rows[i].name, range->n_others,
				 range->has_route);
		verdict = overlap_judge(range, &range->others[0], rows[i].taken, &taken);
		if (verdict != rows[i].verdict)
			fail_msg("%s: got %d, want %d", rows[i].name, verdict, rows[i].verdict);
	}
}

/* ---- which of them are looked at ---- */

static void test_left_out(void **state UNUSED)
{
	static const int bridges[] = { BRIDGE };
	const struct route others[] = {
		route_of("0.0.0.0/0", RT_TABLE_MAIN, RTN_UNICAST, UPLINK),
		route_of("0.0.0.0/1", RT_TABLE_MAIN, RTN_UNICAST, VPN),
		route_of("10.89.0.0/16", RT_TABLE_MAIN, RTN_UNICAST, VPN),
		route_of("10.88.255.255/32", RT_TABLE_LOCAL, RTN_BROADCAST, BRIDGE),
		route_of("10.88.0.1/32", RT_TABLE_LOCAL, RTN_LOCAL, BRIDGE),
		route_of("10.88.0.1/32", RT_TABLE_LOCAL, RTN_LOCAL, VPN), /* as ours is */
		route_of("10.88.4.0/24", RT_TABLE_MAIN, RTN_UNICAST, BRIDGE),
	};
	AUTO(host_ways_fini) struct host_ways ways = one_space("10.88.0.0/16");
	AUTO(overlaps_fini) struct overlaps overlaps = { 0 };

	overlaps_init(&overlaps, &ways, bridges);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		overlaps_note(&overlaps, &others[i]);
	assert_int_equal(overlaps.items[0].n_others, 0);
}

/* Each route finds its range among many, and one that touches all is noted for each. */
static void test_many(void **state UNUSED)
{
	AUTO(host_ways_fini)
	struct host_ways ways = { .spaces = xcalloc(MANY, sizeof(*ways.spaces)), .n_spaces = MANY };
	AUTO(overlaps_fini) struct overlaps overlaps = { 0 };
	AUTO_FREE int *bridges = xcalloc(MANY, sizeof(int));
	struct route wide = route_of("10.0.0.0/8", RT_TABLE_MAIN, RTN_UNICAST, VPN);

	for (unsigned i = 0; i < MANY; i++) {
		ways.spaces[i].subnet = xasprintf("10.%u.%u.0/24", i / 256, i % 256);
		bridges[i] = 100 + (int)i;
	}
	overlaps_init(&overlaps, &ways, bridges);
	for (unsigned i = 0; i < MANY; i++) {
		struct route ours =
			route_of(ways.spaces[i].subnet, RT_TABLE_MAIN, RTN_UNICAST, bridges[i]);

		overlaps_note(&overlaps, &ours);
	}
	overlaps_note(&overlaps, &wide);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(overlaps.items[i].has_route && overlaps.items[i].n_others == 1);
}

static void test_narrowest_first(void **state UNUSED)
{
	static const int bridges[] = { BRIDGE };
	AUTO(host_ways_fini) struct host_ways ways = one_space("10.88.0.0/16");
	AUTO(overlaps_fini) struct overlaps overlaps = { 0 };
	const struct overlap_range *range;

	overlaps_init(&overlaps, &ways, bridges);
	for (unsigned i = 0; i < 3 * OVERLAP_ROUTES_MAX; i++) {
		AUTO_FREE char *to = xasprintf("10.88.0.0/%u", 16 + i * 7 % 17);
		struct route route = route_of(to, RT_TABLE_MAIN, RTN_UNICAST, VPN);

		overlaps_note(&overlaps, &route);
	}
	range = &overlaps.items[0];
	assert_int_equal(range->n_others, OVERLAP_ROUTES_MAX);
	assert_int_equal(range->others[0].to.prefix, IP_BITS);
	for (size_t i = 1; i < range->n_others; i++)
		assert_true(range->others[i - 1].to.prefix >= range->others[i].to.prefix);
}

static void test_probes(void **state UNUSED)
{
	static const struct {
		const char *range, *other, *want;
	} probes[] = {
		{ "10.88.0.0/16", "10.88.3.0/24", "10.88.3.2" },
		{ "10.88.0.0/16", "10.88.3.7/32", "10.88.3.7" },
		{ "10.88.0.0/16", "10.0.0.0/8", "10.88.0.2" },
		{ "10.88.0.0/16", NULL, "10.88.0.2" },
		{ "fd00:1::/64", "fd00::/16", "fd00:1::2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		struct overlap_range range = { 0 };
		struct route other = { 0 };
		char text[IP_TEXT_BYTES];
		struct ip ip;

		assert_true(subnet_parse(probes[i].range, &range.subnet));
		if (probes[i].other)
			other = route_of(probes[i].other, RT_TABLE_MAIN, RTN_UNICAST, VPN);
		ip = overlap_probe(&range, probes[i].other ? &other : NULL);
		assert_string_equal(ip_format(&ip, text), probes[i].want);
	}
}

/* ---- in words ---- */

static void test_words(void **state UNUSED)
{
	static const struct {
		const char *link, *kind;
		unsigned protocol;
		const char *want;
	} words[] = {
		{ "wg0", "wireguard", RTPROT_BOOT,
		  "on wg0 (WireGuard), set by hand or by a script" },
		{ "office", "wireguard", RTPROT_BOOT,
		  "on office (WireGuard), set by hand or by a script" },
		{ "podman0", "bridge", RTPROT_KERNEL,
		  "on podman0 (podman), of an address that this link has" },
		{ "br-0123456789ab", "bridge", RTPROT_KERNEL,
		  "on br-0123456789ab (a network of Docker's), of an address that this link has" },
		{ "br-lan", "bridge", RTPROT_DHCP, "on br-lan (a bridge), learnt by DHCP" },
		{ "eth1", NULL, RTPROT_STATIC,
		  "on eth1, a static route of the host's network settings" },
		{ "", NULL, RTPROT_BIRD,
		  "that drops packets, set by a routing daemon such as BIRD or FRR" },
		{ "eth1", NULL, 250, "on eth1, set by a program that does not say which" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		AUTO_FREE char *got = route_words(words[i].link, words[i].kind, words[i].protocol);

		assert_string_equal(got, words[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_many),     cmocka_unit_test(test_narrowest_first),
		cmocka_unit_test(test_probes),   cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
