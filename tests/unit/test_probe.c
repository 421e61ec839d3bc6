/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a packet of ours, from what the kernel says of it; and what is said of that. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "drivers/probe/probe.h"

enum { FIRST = 1000, KNOWN_BY = 77, ID = 5, LINK = 14, TO_LINK = 9 };

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

/* One of each flow. */
static void make(struct probes *probes)
{
	*probes = (struct probes){ .items = xcalloc(PROBE_TO + 1, sizeof(*probes->items)),
				   .n = PROBE_TO + 1,
				   .table = "kukeon-probe",
				   .first = FIRST,
				   .known_by = KNOWN_BY };
	for (unsigned i = 0; i < probes->n; i++) {
		struct probe *probe = &probes->items[i];

		probe->flow = (enum probe_flow)i;
		probe->packet = (struct packet){ .from = ip_of("10.88.0.2"),
						 .to = ip_of("198.41.0.4"),
						 .sequence = FIRST + i,
						 .acknowledged = KNOWN_BY };
		probe->cell = ip_of("10.88.0.2");
		probe->to_link = TO_LINK;
		probe->port = 8080;
	}
}

/* The packet is at the beginning of a chain, and looks as it does there. */
static void at(struct probes *probes, enum probe_flow flow, const char *table, const char *chain,
	       uint64_t handle, uint32_t verdict)
{
	unsigned char frame[PACKET_MAX_BYTES];
	size_t len = packet_print(&probes->items[flow].packet, frame);
	const struct nft_trace trace = { .id = ID + flow,
					 .family = NFPROTO_INET,
					 .table = table,
					 .chain = chain,
					 .handle = handle,
					 .verdict = verdict,
					 .oif = TO_LINK,
					 .network = frame + LINK,
					 .network_len = 20,
					 .transport = frame + LINK + 20,
					 .transport_len = len - LINK - 20 };

	probes_note(probes, &trace);
}

/* The same packet goes on in the same hook. */
static void then(struct probes *probes, enum probe_flow flow, const char *table, const char *chain,
		 uint64_t handle, uint32_t verdict)
{
	const struct nft_trace trace = { .id = ID + flow,
					 .family = NFPROTO_IPV4,
					 .table = table,
					 .chain = chain,
					 .handle = handle,
					 .verdict = verdict };

	probes_note(probes, &trace);
}

static void come_to(struct probes *probes, enum probe_flow flow, const char *chain)
{
	at(probes, flow, "kukeon-probe", chain, 0, NF_ACCEPT);
}

static void test_dropped(void **state UNUSED)
{
	struct probes probes;
	const struct probe *probe;

	make(&probes);
	probe = &probes.items[PROBE_OUT];
	come_to(&probes, PROBE_OUT, "prerouting_first");
	come_to(&probes, PROBE_OUT, "prerouting_last");
	come_to(&probes, PROBE_OUT, "forward_first");
	assert_int_equal(probe_result(probe), PROBE_LOST);
	assert_int_equal(probe->hook, BLOCKER_FORWARD);
	at(&probes, PROBE_OUT, "filter", "FORWARD", 4, (uint32_t)NFT_JUMP);
	then(&probes, PROBE_OUT, "filter", "AWAY", 8, NF_DROP);
	assert_int_equal(probe_result(probe), PROBE_DROPPED);
	assert_true(probe_has_ended(probe));
	assert_string_equal(probe->dropped.table, "filter");
	assert_string_equal(probe->dropped.chain, "AWAY");
	assert_string_equal(probe->dropped.base, "FORWARD");
	assert_int_equal(probe->dropped.handle, 8);
	assert_int_equal(probe->dropped.family, NFPROTO_IPV4);
	assert_int_equal(probes.items[PROBE_IN].stage, 0);
	probes_fini(&probes);
}

/* What a rule of ours drops, or a program takes, is no fault of the host. */
static void test_taken(void **state UNUSED)
{
	struct probes probes;

	make(&probes);
	at(&probes, PROBE_OUT, "kukeon", "forward", 4, NF_DROP);
	assert_int_equal(probe_result(&probes.items[PROBE_OUT]), PROBE_PASSED);
	at(&probes, PROBE_IN, "ips", "forward", 4, NF_QUEUE);
	assert_int_equal(probe_result(&probes.items[PROBE_IN]), PROBE_PASSED);
	probes_fini(&probes);
}

static void test_ends(void **state UNUSED)
{
	struct probes probes;
	struct probe *probe;

	make(&probes);
	come_to(&probes, PROBE_OUT, "postrouting_last");
	assert_int_equal(probe_result(&probes.items[PROBE_OUT]), PROBE_UNTRANSLATED);
	probe = &probes.items[PROBE_IN];
	come_to(&probes, PROBE_IN, "postrouting_last");
	assert_int_equal(probe_result(probe), PROBE_ASTRAY); /* it is not at the cell's address */
	probe->packet.to = probe->cell;
	come_to(&probes, PROBE_IN, "postrouting_last");
	assert_int_equal(probe_result(probe), PROBE_PASSED);
	come_to(&probes, PROBE_HOST, "input_last");
	assert_int_equal(probe_result(&probes.items[PROBE_HOST]), PROBE_PASSED);
	come_to(&probes, PROBE_INSIDE, "crossed");
	assert_int_equal(probe_result(&probes.items[PROBE_INSIDE]), PROBE_PASSED);
	come_to(&probes, PROBE_TO, "output_first");
	assert_int_equal(probes.items[PROBE_TO].hook, BLOCKER_OUTPUT);
	probes_fini(&probes);
}

/* Packets of others that look alike are none of ours. */
static void test_of_others(void **state UNUSED)
{
	struct probes probes;

	make(&probes);
	probes.items[0].packet.acknowledged = KNOWN_BY + 1;
	come_to(&probes, PROBE_OUT, "postrouting_last");
	probes.items[1].packet.sequence = FIRST - 1;
	come_to(&probes, PROBE_IN, "postrouting_last");
	for (size_t i = 0; i < probes.n; i++)
		assert_int_equal(probes.items[i].stage, 0);
	probes_fini(&probes);
}

/* The sum over all 16-bit words of what it covers, itself among them, is all ones. */
static uint16_t sum_of(const unsigned char *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void test_packet(void **state UNUSED)
{
	struct packet packet = { .from = ip_of("10.88.0.2"), .to = ip_of("192.0.2.1") };
	unsigned char frame[PACKET_MAX_BYTES];

	assert_int_equal(packet_print(&packet, frame), LINK + 20 + 20);
	assert_int_equal(sum_of(frame + LINK, 20, 0), 0xffff);
	assert_int_equal(sum_of(frame + LINK + 12, 8 + 20, 6 + 20), 0xffff);
	packet.from = ip_of("fd00::2");
	packet.to = ip_of("2001:db8::1");
	assert_int_equal(packet_print(&packet, frame), LINK + 40 + 20);
	assert_int_equal(sum_of(frame + LINK + 8, 32 + 20, 6 + 20), 0xffff);
}

static const struct {
	struct blocker blocker;
	const char *tool, *words, *remedy;
} blockers[] = {
	{ { .hook = BLOCKER_FORWARD,
	    .bridge = "kuke-a",
	    .family = "inet",
	    .table = "fw",
	    .chain = "away",
	    .base = "fwd",
	    .rule = 3,
	    .text = "drop" },
	  "nftables",
	  "nft table inet fw chain away rule 3 'drop'",
	  "nft insert rule inet fw fwd iifname \"kuke-a\" accept; nft insert rule inet fw fwd "
	  "oifname \"kuke-a\" accept" },
	{ { .hook = BLOCKER_INPUT,
	    .bridge = "kuke-a",
	    .family = "ip",
	    .table = "filter",
	    .chain = "INPUT",
	    .base = "INPUT" },
	  "iptables",
	  "nft table ip filter chain INPUT policy",
	  "iptables-nft -I INPUT -i kuke-a -j ACCEPT" },
	{ { .hook = BLOCKER_FORWARD, .bridge = "kuke-a", .v6 = true },
	  "iptables-legacy",
	  "no table of nftables, in forward",
	  "ip6tables-legacy -I FORWARD -i kuke-a -j ACCEPT; ip6tables-legacy -I FORWARD -o kuke-a "
	  "-j ACCEPT" },
	{ { .hook = BLOCKER_FORWARD,
	    .bridge = "kuke-a",
	    .family = "ip",
	    .table = "filter",
	    .chain = "ufw-reject-forward",
	    .base = "FORWARD",
	    .rule = 1 },
	  "ufw",
	  "nft table ip filter chain ufw-reject-forward rule 1",
	  "ufw route allow in on kuke-a; ufw route allow out on kuke-a" },
};

static void test_blockers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(blockers); i++) {
		AUTO_FREE char *words = blocker_words(&blockers[i].blocker);
		AUTO_FREE char *remedy = blocker_remedy(&blockers[i].blocker);

		assert_string_equal(blocker_tool(&blockers[i].blocker), blockers[i].tool);
		assert_string_equal(words, blockers[i].words);
		assert_string_equal(remedy, blockers[i].remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dropped), cmocka_unit_test(test_taken),
		cmocka_unit_test(test_ends),    cmocka_unit_test(test_of_others),
		cmocka_unit_test(test_packet),  cmocka_unit_test(test_blockers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
