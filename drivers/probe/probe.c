/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/probe/probe.h"

#include <arpa/inet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "drivers/nft/nft.h"

/* The chains of the table, in the order in which a packet meets them: the first and the last of
 * each hook, so that what lies between two of them is where it was lost. Connections are put on
 * record behind the very last. */
enum stage {
	STAGE_NONE,
	STAGE_BRIDGED,
	STAGE_OUTPUT,
	STAGE_PREROUTING,
	STAGE_PREROUTED,
	STAGE_INPUT,
	STAGE_ARRIVED,
	STAGE_FORWARD,
	STAGE_FORWARDED,
	STAGE_POSTROUTING,
	STAGE_LEFT,
	STAGE_CROSSED,
};

#define FIRST "-2147483647"
#define LAST "2147483646"

/* @hook: where a packet is lost that comes no further. */
static const struct {
	const char *chain, *place;
	enum blocker_hook hook;
	enum { WATCH, TRACE, DROP } then;
	bool bridge;
} stages[] = {
	[STAGE_NONE] = { .hook = BLOCKER_BEFORE },
	[STAGE_BRIDGED] = { "bridged", "prerouting priority " FIRST, BLOCKER_BEFORE, TRACE, true },
	[STAGE_OUTPUT] = { "output_first", "output priority " FIRST, BLOCKER_OUTPUT, TRACE, false },
	[STAGE_PREROUTING] = { "prerouting_first", "prerouting priority " FIRST, BLOCKER_PREROUTING,
			       TRACE, false },
	[STAGE_PREROUTED] = { "prerouting_last", "prerouting priority " LAST, BLOCKER_ROUTING,
			      WATCH, false },
	[STAGE_INPUT] = { "input_first", "input priority " FIRST, BLOCKER_INPUT, WATCH, false },
	[STAGE_ARRIVED] = { "input_last", "input priority " LAST, BLOCKER_INPUT, DROP, false },
	[STAGE_FORWARD] = { "forward_first", "forward priority " FIRST, BLOCKER_FORWARD, WATCH,
			    false },
	[STAGE_FORWARDED] = { "forward_last", "forward priority " LAST, BLOCKER_POSTROUTING, WATCH,
			      false },
	[STAGE_POSTROUTING] = { "postrouting_first", "postrouting priority " FIRST,
				BLOCKER_POSTROUTING, WATCH, false },
	[STAGE_LEFT] = { "postrouting_last", "postrouting priority " LAST, BLOCKER_POSTROUTING,
			 DROP, false },
	[STAGE_CROSSED] = { "crossed", "postrouting priority " LAST, BLOCKER_BEFORE, DROP, true },
};

static void rule_fini(struct probe_rule *rule)
{
	free(rule->table);
	free(rule->chain);
	free(rule->base);
}

void probes_fini(struct probes *probes)
{
	for (size_t i = 0; i < probes->n; i++) {
		struct probe *probe = &probes->items[i];

		free(probe->base);
		rule_fini(&probe->dropped);
		for (size_t k = 0; k < probe->n_met; k++)
			rule_fini(&probe->met[k]);
	}
	free(probes->items);
}

/* ---- the table ---- */

static void print_chain(const struct probes *probes, enum stage stage, struct buf *out)
{
	static const char *const then[] = { [TRACE] = "meta nftrace set 1", [DROP] = "drop" };

	buf_printf(out, "	chain %s {\n		type filter hook %s;\n",
		   stages[stage].chain, stages[stage].place);
	if (stages[stage].then != WATCH)
		buf_printf(out,
			   "		tcp flags syn tcp sequence %u-%u tcp ackseq %u %s\n",
			   probes->first, probes->first + (uint32_t)probes->n - 1, probes->known_by,
			   then[stages[stage].then]);
	buf_add_str(out, "	}\n");
}

/* Where the sequence of the packet stands that an ICMP message is about: behind the header of that,
 * and those of the packet's own. */
enum { QUOTED_BITS = (8 + 20 + 4) * 8, QUOTED6_BITS = (8 + 40 + 4) * 8, SEQUENCE_BITS = 32 };

/* What the host, or a rule that rejects, answers to a probe is for nobody either. */
static void print_answers(const struct probes *probes, const char *chain, const char *place,
			  struct buf *out)
{
	uint32_t first = probes->first, last = first + (uint32_t)probes->n - 1;

	buf_printf(out, "	chain %s {\n		type filter hook %s;\n", chain, place);
	buf_printf(out, "		meta l4proto icmp @th,%d,%d %u-%u drop\n", QUOTED_BITS,
		   SEQUENCE_BITS, first, last);
	buf_printf(out, "		meta l4proto icmpv6 @th,%d,%d %u-%u drop\n", QUOTED6_BITS,
		   SEQUENCE_BITS, first, last);
	buf_printf(out, "		tcp flags syn,rst tcp ackseq %u-%u drop\n	}\n",
		   first + 1, last + 1);
}

static void print_table(const struct probes *probes, bool bridge, struct buf *out)
{
	buf_printf(out, "table %s %s {\n	flags owner;\n", bridge ? "bridge" : "inet",
		   probes->table);
	for (int stage = STAGE_NONE + 1; stage <= STAGE_CROSSED; stage++)
		if (stages[stage].bridge == bridge)
			print_chain(probes, (enum stage)stage, out);
	if (bridge)
		print_answers(probes, "answers", "postrouting priority " FIRST, out);
	else
		print_answers(probes, "answers", "output priority " FIRST, out);
	buf_add_str(out, "}\n");
}

/* It is the kernel's to take it away with the socket that made it: nobody else can. */
char *probes_table(const struct probes *probes, bool bridged)
{
	AUTO_BUF struct buf out = { 0 };

	print_table(probes, false, &out);
	if (bridged)
		print_table(probes, true, &out);
	return buf_take(&out);
}

/* ---- what is heard ---- */

static struct probe *by_sequence(struct probes *probes, const struct nft_trace *trace)
{
	struct tcphdr tcp;
	uint32_t at;

	if (!trace->transport || trace->transport_len < sizeof(tcp))
		return NULL;
	memcpy(&tcp, trace->transport, sizeof(tcp));
	at = ntohl(tcp.seq) - probes->first;
	return at < probes->n && ntohl(tcp.ack_seq) == probes->known_by ? &probes->items[at] : NULL;
}

static struct probe *by_id(struct probes *probes, uint32_t id)
{
	for (size_t i = probes->n; i-- > 0;)
		if (probes->items[i].base && probes->items[i].id == id)
			return &probes->items[i];
	return NULL;
}

static void note_addresses(struct probe *probe, const struct nft_trace *trace)
{
	struct iphdr ip4;
	struct ipv6hdr ip6;

	if (trace->network_len >= sizeof(ip4) && trace->network[0] >> 4 == 4) {
		memcpy(&ip4, trace->network, sizeof(ip4));
		ip_from_bytes(&ip4.saddr, sizeof(ip4.saddr), &probe->from);
		ip_from_bytes(&ip4.daddr, sizeof(ip4.daddr), &probe->to);
	} else if (trace->network_len >= sizeof(ip6) && trace->network[0] >> 4 == 6) {
		memcpy(&ip6, trace->network, sizeof(ip6));
		ip_from_bytes(&ip6.saddr, sizeof(ip6.saddr), &probe->from);
		ip_from_bytes(&ip6.daddr, sizeof(ip6.daddr), &probe->to);
	}
}

/* A chain at a hook begins, of this table or another. */
static void note_begin(struct probe *probe, const struct nft_trace *trace)
{
	probe->id = trace->id;
	probe->oif = trace->oif;
	free(probe->base);
	probe->base = xstrdup(trace->chain);
	note_addresses(probe, trace);
}

static void note_stage(struct probe *probe, const struct nft_trace *trace)
{
	for (int stage = STAGE_NONE + 1; stage <= STAGE_CROSSED; stage++) {
		if (!str_equal(stages[stage].chain, trace->chain))
			continue;
		probe->stage = stage;
		probe->hook = stages[stage].hook;
	}
}

static void set_rule(struct probe_rule *rule, const struct probe *probe,
		     const struct nft_trace *trace)
{
	*rule = (struct probe_rule){ .family = trace->family,
				     .table = xstrdup(trace->table),
				     .chain = xstrdup(trace->chain),
				     .base = xstrdup(probe->base),
				     .handle = trace->handle,
				     .hook = probe->hook };
}

static bool is_before_or_behind(enum blocker_hook hook)
{
	return hook == BLOCKER_PREROUTING || hook == BLOCKER_POSTROUTING;
}

static void note_foreign(struct probe *probe, const struct nft_trace *trace)
{
	bool ours = str_starts_with(trace->table, NFT_TABLE);

	if (trace->verdict == NF_QUEUE || trace->verdict == NF_STOLEN)
		probe->taken = true;
	else if (trace->verdict == NF_DROP && ours)
		probe->taken = true;
	else if (trace->verdict == NF_DROP && !probe->dropped.table)
		set_rule(&probe->dropped, probe, trace);
	else if (trace->handle && !ours && is_before_or_behind(probe->hook) &&
		 probe->n_met < PROBE_RULES_MAX)
		set_rule(&probe->met[probe->n_met++], probe, trace);
}

void probes_note(struct probes *probes, const struct nft_trace *trace)
{
	struct probe *probe = by_sequence(probes, trace);

	if (probe)
		note_begin(probe, trace);
	else if (!trace->transport)
		probe = by_id(probes, trace->id);
	if (!probe)
		return;
	probe->mark = trace->mark;
	if (str_equal(trace->table, probes->table))
		note_stage(probe, trace);
	else
		note_foreign(probe, trace);
}

/* ---- what came of it ---- */

static bool has_arrived(const struct probe *probe)
{
	return probe->stage == STAGE_ARRIVED || probe->stage == STAGE_LEFT ||
	       probe->stage == STAGE_CROSSED;
}

bool probe_has_ended(const struct probe *probe)
{
	return has_arrived(probe) || probe->dropped.table || probe->taken;
}

static bool same(const struct ip *a, const struct ip *b)
{
	return ip_compare(a, b) == 0;
}

/* Where a program of the host takes what cells send to the world, that is somebody's wish. */
static enum probe_result where_it_went(const struct probe *probe)
{
	switch (probe->flow) {
	case PROBE_OUT:
		return probe->stage == STAGE_LEFT && same(&probe->from, &probe->packet.from)
			       ? PROBE_UNTRANSLATED
			       : PROBE_PASSED;
	case PROBE_IN:
		return probe->stage == STAGE_LEFT && same(&probe->to, &probe->cell) &&
				       probe->oif == probe->to_link
			       ? PROBE_PASSED
			       : PROBE_ASTRAY;
	default:
		return PROBE_PASSED;
	}
}

enum probe_result probe_result(const struct probe *probe)
{
	if (probe->taken)
		return PROBE_PASSED;
	if (probe->dropped.table)
		return PROBE_DROPPED;
	return has_arrived(probe) ? where_it_went(probe) : PROBE_LOST;
}

char *probe_words(const struct probe *probe)
{
	const char *family = ip_is_v4(&probe->packet.from) ? "" : " (IPv6)";

	switch (probe->flow) {
	case PROBE_OUT:
		return xasprintf("cell to out%s", family);
	case PROBE_IN:
		return xasprintf("outside to port %u/tcp%s", probe->port, family);
	case PROBE_HOST:
		return xasprintf("cell to host%s", family);
	case PROBE_TO:
		return xasprintf("host to cell%s", family);
	default:
		return xasprintf("cell to cell%s", family);
	}
}
