/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: packets of ours meet what stands in the way of those of cells, and it is
 * named. Nothing of them gets anywhere. Prints what a round costs. */
#include "core/base/str.h"
#include "tests/e2e/filter_fixture.h"

enum { FEW = 16, MANY = 300, ROUNDS = 20, DEARER_AT_MOST = 3 };

static void must(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static bool can(const char *command)
{
	AUTO_FREE char *quiet = xasprintf("{ %s; } >/dev/null 2>&1", command);

	return system(quiet) == 0;
}

/* Bridges with a cell each, as spaces have them. */
static void make_bridges(unsigned from, unsigned to)
{
	FILE *batch = popen("ip -batch -", "w");

	assert_non_null(batch);
	for (unsigned i = from; i < to; i++)
		fprintf(batch,
			"link add kuke-s%u type bridge\nlink set kuke-s%u up\n"
			"addr add 10.%u.%u.1/24 dev kuke-s%u\n"
			"link add p%u type veth peer name c%u\nlink set p%u master kuke-s%u\n"
			"link set p%u up\nlink set c%u up\n",
			i, i, 100 + i / 256, i % 256, i, i, i, i, i, i, i);
	assert_int_equal(pclose(batch), 0);
}

static void make_uplink(void)
{
	must("ip link add up0 type veth peer name out0 && ip link set up0 up && "
	     "ip link set out0 up && ip addr add 192.0.2.2/24 dev up0 && "
	     "ip route add default via 192.0.2.1");
	must("ip link add q0 type veth peer name d0 && ip link set q0 master kuke-s0 && "
	     "ip link set q0 up && ip link set d0 up");
	must("echo 1 >/proc/sys/net/ipv4/ip_forward");
}

static bool has_v6(void)
{
	return exists("/proc/sys/net/ipv6");
}

static void make_v6(void)
{
	must("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	must("ip -6 addr add fd00:100::1/64 dev kuke-s0 nodad && "
	     "ip -6 addr add 2001:db8:1::2/64 dev up0 nodad && "
	     "ip -6 route add default via 2001:db8:1::1");
}

static void make_wish(struct filter_wish *wish, unsigned n)
{
	wish_spaces(wish, n);
	if (has_v6())
		wish->spaces[0].subnet6 = xstrdup("fd00:100::/64");
	wish->ports = xcalloc(2, sizeof(*wish->ports));
	wish->n_ports = has_v6() ? 2 : 1;
	if (has_v6())
		wish->ports[1] = (struct filter_port){ .cell_key = xstrdup("r/s0/t/c"),
						       .host_port = 8080,
						       .ip = xstrdup("fd00:100::7"),
						       .bridge = xstrdup("kuke-s0"),
						       .port = 80 };
	wish->ports[0] = (struct filter_port){ .cell_key = xstrdup("r/s0/t/c"),
					       .host_port = 8080,
					       .ip = xstrdup("10.100.0.7"),
					       .bridge = xstrdup("kuke-s0"),
					       .port = 80 };
}

static void make_traffic(struct traffic *traffic, unsigned n)
{
	*traffic =
		(struct traffic){ .spaces = xcalloc(n, sizeof(*traffic->spaces)), .n_spaces = n };
	for (unsigned i = 0; i < n; i++)
		traffic->spaces[i] = (struct traffic_space){ .key = xasprintf("r/s%u", i),
							     .bridge = xasprintf("kuke-s%u", i),
							     .link = xasprintf("p%u", i),
							     .ip = xasprintf("10.100.%u.7", i) };
	if (has_v6()) {
		traffic->spaces[0].ip6 = xstrdup("fd00:100::7");
		traffic->spaces[0].port6 =
			(struct traffic_port){ .number = 8080, .ip = xstrdup("fd00:100::7") };
	}
	traffic->spaces[0].peer = xstrdup("10.100.0.8");
	traffic->spaces[0].port =
		(struct traffic_port){ .number = 8080, .ip = xstrdup("10.100.0.7") };
}

static void probe(struct fixture *f, struct traffic *traffic)
{
	struct waited w;

	f->network->ops->probe(f->network, traffic, waited_init(&w, f));
	assert_int_equal(wait_for(&w, f), 0);
}

/* What stands in the way, where that is told, and what takes it away again. */
static const struct {
	const char *name, *put, *blocked, *shut, *take;
} ways[] = {
	{ "a rule that rejects",
	  "nft add table ip filter; nft add chain ip filter FORWARD "
	  "'{ type filter hook forward priority 0; }'; nft add rule ip filter FORWARD ip protocol icmp "
	  "accept; nft add rule ip filter FORWARD counter reject",
	  "cell to out: dropped by nft table ip filter chain FORWARD rule 2 'counter reject' (iptables)",
	  NULL, "nft delete table ip filter" },
	{ "a policy",
	  "nft add table inet fw; nft add chain inet fw f '{ type filter hook forward "
	  "priority 10; policy drop; }'",
	  "cell to out: dropped by nft table inet fw chain f policy (nftables)", NULL,
	  "nft delete table inet fw" },
	{ "a jump to a chain that drops",
	  "nft add table inet fw; nft add chain inet fw f '{ type "
	  "filter hook forward priority 10; }'; nft add chain inet fw away; nft add rule inet fw "
	  "away drop; nft add rule inet fw f jump away",
	  "outside to port 8080/tcp: dropped by nft table inet fw chain away rule 1 'drop'", NULL,
	  "nft delete table inet fw" },
	{ "a bridge by name",
	  "nft add table inet fw; nft add chain inet fw f '{ type filter hook "
	  "forward priority 10; }'; nft add rule inet fw f iifname kuke-s0 drop",
	  "cell to out: dropped by nft table inet fw chain f rule 1 'iifname \"kuke-s0\" drop'",
	  NULL, "nft delete table inet fw" },
	{ "input",
	  "nft add table inet fw; nft add chain inet fw i '{ type filter hook input "
	  "priority 10; policy drop; }'",
	  NULL, "cell to host: dropped by nft table inet fw chain i policy",
	  "nft delete table inet fw" },
	{ "output",
	  "nft add table ip fw; nft add chain ip fw o '{ type filter hook output priority 10; }'; "
	  "nft add rule ip fw o oifname 'kuke-*' reject",
	  NULL,
	  "host to cell: dropped by nft table ip fw chain o rule 1 'oifname \"kuke-*\" reject'",
	  "nft delete table ip fw" },
	{ "no tracking",
	  "nft add table ip raw; nft add chain ip raw PREROUTING '{ type filter hook "
	  "prerouting priority -300; }'; nft add rule ip raw PREROUTING notrack",
	  "cell to out: leaves under the cell's own address by nft table ip raw chain PREROUTING "
	  "rule 1 'notrack'; outside to port 8080/tcp: led elsewhere by nft table ip raw chain "
	  "PREROUTING rule 1 'notrack'",
	  NULL, "nft delete table ip raw" },
	{ "a port led elsewhere before us",
	  "nft add table ip other; nft add chain ip other pre '{ "
	  "type nat hook prerouting priority -150; }'; nft add rule ip other pre tcp dport 8080 "
	  "redirect to :9090",
	  "outside to port 8080/tcp: led elsewhere by nft table ip other chain pre rule 1 'tcp "
	  "dport 8080 redirect to :9090'",
	  NULL, "nft delete table ip other" },
	{ "a route for cells alone",
	  "ip route add blackhole default table 77; ip rule add iif "
	  "kuke-s0 lookup 77 pref 100",
	  "cell to out: not routed: a route or rule drops it (blackhole)", NULL,
	  "ip rule del pref 100; ip route flush table 77" },
	{ "a rule that prohibits", "ip rule add iif kuke-s0 prohibit pref 100",
	  "cell to out: not routed: a route or rule prohibits it", NULL, "ip rule del pref 100" },
	{ "a firewall that lets us pass",
	  "nft add table inet fw; nft add chain inet fw f '{ type filter hook forward priority 10; "
	  "policy drop; }'; nft add chain inet fw p '{ type filter hook prerouting priority -290; "
	  "}'; nft add rule inet fw p 'fib saddr . iif oif missing drop'; nft add rule inet fw p "
	  "'tcp flags & (fin|syn|rst|ack) != syn ct state new drop'; nft add rule inet fw f ct "
	  "state invalid drop; nft add rule inet fw f 'iifname kuke-* accept'; nft add rule inet fw "
	  "f 'oifname kuke-* ct status dnat accept'; nft add rule inet fw f meta mark != 0 drop",
	  NULL, NULL, "nft delete table inet fw" },
	{ "a rule for IPv6",
	  "[ -e /proc/sys/net/ipv6 ] && nft add table ip6 fw && nft add chain ip6 fw f '{ type "
	  "filter hook forward priority 10; }' && nft add rule ip6 fw f reject",
	  "cell to out (IPv6): dropped by nft table ip6 fw chain f rule 1 'reject' (nftables); "
	  "outside to port 8080/tcp (IPv6): dropped by",
	  NULL, "nft delete table ip6 fw" },
	{ "a rule within bridges",
	  "nft add table bridge br; nft add chain bridge br f '{ type filter hook forward "
	  "priority 0; }'; nft add rule bridge br f ether type ip drop",
	  "cell to cell: dropped by nft table bridge br chain f rule 1 'ether type ip drop'", NULL,
	  "nft delete table bridge br" },
	{ "rules of IP within bridges",
	  "echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; nft add table ip fw; nft add "
	  "chain ip fw f '{ type filter hook forward priority 0; }'; nft add rule ip fw f iifname "
	  "kuke-s0 oifname kuke-s0 reject",
	  "cell to cell: dropped by nft table ip fw chain f rule 1", NULL,
	  "nft delete table ip fw; echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables" },
	{ "another way back",
	  "ip link add up1 type veth peer name out1; ip link set up1 up; ip "
	  "link set out1 up; ip addr add 203.0.113.2/24 dev up1; ip route add default via "
	  "203.0.113.1 metric 500; echo 1 >/proc/sys/net/ipv4/conf/up1/rp_filter",
	  "outside to port 8080/tcp: not routed: its source is not believed on link up1 (rp_filter "
	  "is strict)",
	  NULL, "ip link del up1" },
};

static void assert_says(const char *name, const char *said, const char *expected)
{
	if (expected ? !said || !strstr(said, expected) : said != NULL)
		fail_msg("%s: %s instead of %s", name, said ? said : "nothing",
			 expected ? expected : "nothing");
}

static bool probes_at_all(struct fixture *f)
{
	AUTO(traffic_fini) struct traffic traffic = { 0 };

	make_traffic(&traffic, FEW);
	probe(f, &traffic);
	if (traffic.impossible)
		print_message("skipped: %s\n", traffic.impossible);
	return !traffic.impossible;
}

static void ask(struct fixture *f, const char *name, const char *blocked, const char *shut)
{
	AUTO(traffic_fini) struct traffic traffic = { 0 };

	make_traffic(&traffic, FEW);
	probe(f, &traffic);
	assert_null(traffic.impossible);
	assert_true(traffic.spaces[0].asked);
	if (traffic.spaces[0].blocked || traffic.spaces[0].shut)
		print_message("  %s: %s -> %s | %s -> %s\n", name,
			      traffic.spaces[0].blocked ? traffic.spaces[0].blocked : "",
			      traffic.spaces[0].remedy ? traffic.spaces[0].remedy : "",
			      traffic.spaces[0].shut ? traffic.spaces[0].shut : "",
			      traffic.spaces[0].shut_remedy ? traffic.spaces[0].shut_remedy : "");
	assert_says(name, traffic.spaces[0].blocked, blocked);
	assert_says(name, traffic.spaces[0].shut, shut);
}

static double cost_ms(struct fixture *f, unsigned n)
{
	double start = worked_ms(), cost;

	for (int i = 0; i < ROUNDS; i++) {
		AUTO(traffic_fini) struct traffic traffic = { 0 };

		make_traffic(&traffic, FEW);
		probe(f, &traffic);
		assert_null(traffic.spaces[FEW - 1].blocked);
	}
	cost = (worked_ms() - start) / ROUNDS;
	print_message("  a round of %d spaces of %u: %.2f ms\n", FEW, n, cost);
	return cost;
}

/* A host with many spaces has more links and addresses; what is asked at once is the same. */
static void compare_costs(struct fixture *f)
{
	AUTO(filter_wish_fini) struct filter_wish wish = { 0 };
	double few = cost_ms(f, FEW);

	make_bridges(FEW, MANY);
	make_wish(&wish, MANY);
	apply(f, &wish);
	assert_true(cost_ms(f, MANY) <= DEARER_AT_MOST * few);
}

static void test_ways(void **state)
{
	struct fixture *f = *state;
	AUTO(filter_wish_fini) struct filter_wish wish = { 0 };

	make_bridges(0, FEW);
	make_uplink();
	if (has_v6())
		make_v6();
	make_wish(&wish, FEW);
	apply(f, &wish);
	if (!probes_at_all(f))
		return;
	ask(f, "nothing", NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!can(ways[i].put)) {
			print_message("  %s: not on this host\n", ways[i].name);
			can(ways[i].take);
			continue;
		}
		ask(f, ways[i].name, ways[i].blocked, ways[i].shut);
		must(ways[i].take);
		ask(f, "after that", NULL, NULL);
	}
	compare_costs(f);
	assert_int_equal(f->disturbed, 0);
	assert_false(can("nft list tables | grep probe"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_ways, setup,
									    teardown) };

	return run_network_tests(tests, ARRAY_SIZE(tests));
}
