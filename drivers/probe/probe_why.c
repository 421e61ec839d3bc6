/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/probe/probe_why.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/nf_family.h"
#include "core/base/str.h"
#include "drivers/netlink/routes.h"
#include "drivers/nft/nft_run.h"

enum { RULE_MAX_CHARS = 80, SWITCH_MAX_BYTES = 16, STRICT = 1 };

/* ---- rules ---- */

static char *shortened(const char *text, size_t len)
{
	char *rule = len > RULE_MAX_CHARS ? xasprintf("%.*s...", RULE_MAX_CHARS, text)
					  : xstrndup(text, len);

	for (char *at = rule; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = ' ';
	return rule;
}

/* The line that ends with "# handle <handle>", among those of rules, which are indented twice. */
static char *find_rule(const char *listing, uint64_t handle, unsigned *ret_number)
{
	static const char mark[] = " # handle ";
	unsigned number = 0;

	for (const char *line = listing; line && *line;) {
		size_t len = strcspn(line, "\n");
		AUTO_FREE char *text = xstrndup(line, len);
		const char *at = strstr(text, mark);

		line += len + (line[len] == '\n');
		if (!str_starts_with(text, "\t\t") || !at)
			continue;
		number++;
		for (const char *next = at; next; next = strstr(next + 1, mark))
			at = next;
		if (strtoull(at + sizeof(mark) - 1, NULL, 10) != handle)
			continue;
		*ret_number = number;
		return shortened(text + 2, (size_t)(at - text) - 2);
	}
	return NULL;
}

/* Of the chain that it stands in; NULL: that is not there any more. */
static char *listing_of(const struct probe_rule *rule)
{
	AUTO_FREE char *command = xasprintf("list chain %s %s %s", nf_family_name(rule->family),
					    rule->table, rule->chain);
	char *listing = NULL;

	nft_run_once(command, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS, &listing, NULL);
	return listing;
}

/* NULL: it is not there any more. */
static char *text_of(const struct probe_rule *rule, unsigned *ret_number)
{
	AUTO_FREE char *listing = rule->handle ? listing_of(rule) : NULL;

	return listing ? find_rule(listing, rule->handle, ret_number) : NULL;
}

/* Of those that it has met: the one that does as these words say; NULL: none of them. */
static const struct probe_rule *find_met(const struct probe *probe, const char *const words[],
					 char **ret_text, unsigned *ret_number)
{
	for (size_t i = 0; i < probe->n_met; i++) {
		AUTO_FREE char *text = text_of(&probe->met[i], ret_number);

		for (size_t k = 0; text && words[k]; k++) {
			if (!strcasestr(text, words[k]))
				continue;
			*ret_text = take_ptr(text);
			return &probe->met[i];
		}
	}
	return NULL;
}

static struct blocker to_blocker(const struct probe *probe, const struct probe_rule *rule,
				 const char *bridge)
{
	struct blocker blocker = { .hook = probe->hook,
				   .bridge = bridge,
				   .v6 = !ip_is_v4(&probe->packet.from) };

	if (!rule)
		return blocker;
	blocker.hook = rule->hook;
	blocker.family = nf_family_name(rule->family);
	blocker.table = rule->table;
	blocker.chain = rule->chain;
	blocker.base = rule->base;
	return blocker;
}

/* ---- routes ---- */

static bool is_strict(const char *link)
{
	AUTO_FREE char *path = xasprintf("/proc/sys/net/ipv4/conf/%s/rp_filter", link);
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, path, SWITCH_MAX_BYTES, &text, NULL) == 0 && text.data &&
	       strtol(text.data, NULL, 10) == STRICT;
}

static const char *words_of(int code)
{
	switch (-code) {
	case EACCES:
		return "a route or rule prohibits it";
	case EINVAL:
		return "a route or rule drops it (blackhole)";
	case ENETUNREACH:
		return "no route leads there for it";
	case EHOSTUNREACH:
		return "a route or rule says unreachable, or forwarding is off";
	default:
		return NULL;
	}
}

/* The kernel drops what comes by another link than it would answer by, where it is strict. */
static bool is_not_believed(const struct probe *probe, const struct uplinks *uplinks,
			    const char *link)
{
	struct route back = { 0 };
	struct error err;
	bool reached;

	return ip_is_v4(&probe->from) && (is_strict(link) || is_strict("all")) &&
	       routes_look_up(uplinks->sock, &probe->from, &reached, &back, &err) == 0 &&
	       back.ifindex != probe->from_link;
}

static void why_not_routed(const struct probe *probe, const struct uplinks *uplinks, char **ret_why,
			   char **ret_remedy)
{
	const struct routes_question question = { .to = probe->to,
						  .from = &probe->from,
						  .in_by = probe->from_link,
						  .mark = probe->mark };
	char link[IF_NAMESIZE] = "lo", from[IP_TEXT_BYTES], to[IP_TEXT_BYTES];
	struct route route = { 0 };
	struct error err;
	int code = 0;

	if_indextoname((unsigned)probe->from_link, link);
	routes_ask(uplinks->sock, &question, &code, &route, &err);
	ip_format(&probe->from, from);
	ip_format(&probe->to, to);
	if (is_not_believed(probe, uplinks, link)) {
		*ret_why = xasprintf("its source is not believed on link %s (rp_filter is strict)",
				     link);
		*ret_remedy = xasprintf("sysctl -w net.ipv4.conf.%s.rp_filter=2", link);
		return;
	}
	*ret_why = xstrdup(words_of(code) ? words_of(code) : "the kernel does not lead it on");
	*ret_remedy = xasprintf("see: ip %sroute get %s from %s iif %s; ip %srule",
				ip_is_v4(&probe->from) ? "" : "-6 ", to, from, link,
				ip_is_v4(&probe->from) ? "" : "-6 ");
}

/* ---- all ---- */

static char *say(const struct probe *probe, const char *how, const struct blocker *blocker)
{
	AUTO_FREE char *flow = probe_words(probe);
	AUTO_FREE char *where = blocker_words(blocker);
	const char *tool = blocker_tool(blocker);

	return xasprintf("%s: %s %s%s%s%s", flow, how, where, tool ? " (" : "", tool ? tool : "",
			 tool ? ")" : "");
}

static void why_dropped(const struct probe *probe, const char *bridge, char **ret_words,
			char **ret_remedy)
{
	struct blocker blocker = to_blocker(probe, &probe->dropped, bridge);
	AUTO_FREE char *listing = listing_of(&probe->dropped);
	AUTO_FREE char *text = NULL;

	if (listing && probe->dropped.handle)
		text = find_rule(listing, probe->dropped.handle, &blocker.rule);
	blocker.listing = listing;
	blocker.text = text;
	*ret_words = say(probe, "dropped by", &blocker);
	*ret_remedy = blocker_remedy(&blocker);
}

static void why_lost(const struct probe *probe, const struct uplinks *uplinks, const char *bridge,
		     char **ret_words, char **ret_remedy)
{
	const struct blocker blocker = to_blocker(probe, NULL, bridge);
	AUTO_FREE char *flow = probe_words(probe);
	AUTO_FREE char *why = NULL;

	if (probe->hook == BLOCKER_ROUTING) {
		why_not_routed(probe, uplinks, &why, ret_remedy);
		*ret_words = xasprintf("%s: not routed: %s", flow, why);
		return;
	}
	*ret_words = say(probe, "dropped by", &blocker);
	*ret_remedy = blocker_remedy(&blocker);
}

static void why_otherwise(const struct probe *probe, const char *bridge, const char *how,
			  const char *const words[], char **ret_words, char **ret_remedy)
{
	AUTO_FREE char *flow = probe_words(probe);
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *where = NULL;
	unsigned number = 0;
	const struct probe_rule *rule = find_met(probe, words, &text, &number);
	struct blocker blocker = to_blocker(probe, rule, bridge);

	blocker.rule = number;
	blocker.text = text;
	where = rule ? blocker_words(&blocker) : xstrdup("a rule that nftables does not show");
	*ret_words = xasprintf("%s: %s by %s", flow, how, where);
	*ret_remedy =
		rule ? xasprintf("take that rule away or narrow it: nft -a list chain %s %s %s",
				 blocker.family, blocker.table, blocker.chain)
		     : xstrdup("look at: nft list ruleset; iptables-legacy-save");
}

void probe_why(const struct probe *probe, const struct uplinks *uplinks, const char *bridge,
	       char **ret_words, char **ret_remedy)
{
	static const char *const leading[] = { "dnat",    "redirect", "tproxy",
					       "notrack", "\"CT\"",   NULL };
	static const char *const untracked[] = { "notrack", "\"CT\"", "snat", NULL };

	switch (probe_result(probe)) {
	case PROBE_DROPPED:
		return why_dropped(probe, bridge, ret_words, ret_remedy);
	case PROBE_ASTRAY:
		return why_otherwise(probe, bridge, "led elsewhere", leading, ret_words,
				     ret_remedy);
	case PROBE_UNTRANSLATED:
		return why_otherwise(probe, bridge, "leaves under the cell's own address",
				     untracked, ret_words, ret_remedy);
	default:
		return why_lost(probe, uplinks, bridge, ret_words, ret_remedy);
	}
}
