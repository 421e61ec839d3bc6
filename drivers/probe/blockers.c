/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/probe/blockers.h"

#include "core/base/str.h"

static const char *const hooks[] = {
	[BLOCKER_BEFORE] = "before the IP stack",
	[BLOCKER_PREROUTING] = "prerouting",
	[BLOCKER_ROUTING] = "routing",
	[BLOCKER_INPUT] = "input",
	[BLOCKER_FORWARD] = "forward",
	[BLOCKER_OUTPUT] = "output",
	[BLOCKER_POSTROUTING] = "postrouting",
};

/* ---- who made it ---- */

/* By how the tools name their tables, and the chains in tables that they share. */
static const struct {
	const char *tool, *table, *chain; /* what the names begin with; NULL: any */
} marks[] = {
	{ "firewalld", "firewalld", NULL }, { "docker", "docker-", NULL },
	{ "docker", NULL, "DOCKER" },       { "ufw", NULL, "ufw-" },
	{ "ufw", NULL, "ufw6-" },           { "libvirt", "libvirt_", NULL },
	{ "libvirt", NULL, "LIBVIRT_" },    { "podman", "netavark", NULL },
	{ "podman", NULL, "NETAVARK" },     { "podman", NULL, "CNI-" },
};

static bool begins(const char *name, const char *with)
{
	return !with || str_starts_with(name, with);
}

static bool is_of_iptables(const struct blocker *blocker)
{
	static const char *const chains[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
					      "POSTROUTING" };

	if (!str_equal(blocker->family, "ip") && !str_equal(blocker->family, "ip6"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		if (str_equal(blocker->base, chains[i]))
			return true;
	return false;
}

/* Tools that make the policy of FORWARD or INPUT a drop, by what they put into that chain. */
static const struct {
	const char *tool, *jump;
} policy_makers[] = {
	{ "docker", "jump DOCKER-USER" }, /* first: whoever else drops, it lets pass too */
	{ "ufw", "jump ufw-" },
	{ "ufw", "jump ufw6-" },
};

/* NULL: none that is known. */
static const char *policy_maker(const struct blocker *blocker)
{
	for (size_t i = 0; !blocker->rule && blocker->listing && i < ARRAY_SIZE(policy_makers); i++)
		if (strstr(blocker->listing, policy_makers[i].jump))
			return policy_makers[i].tool;
	return NULL;
}

static bool is_hook_of_tables(enum blocker_hook hook)
{
	return hook != BLOCKER_BEFORE && hook != BLOCKER_ROUTING;
}

const char *blocker_tool(const struct blocker *blocker)
{
	if (!blocker->family)
		return is_hook_of_tables(blocker->hook) ? "iptables-legacy" : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (begins(blocker->table, marks[i].table) &&
		    begins(blocker->chain, marks[i].chain))
			return marks[i].tool;
	if (!is_of_iptables(blocker))
		return "nftables";
	return policy_maker(blocker) ? policy_maker(blocker) : "iptables";
}

char *blocker_words(const struct blocker *blocker)
{
	const char *text = blocker->text;
	AUTO_FREE char *rule = NULL;

	if (!blocker->family)
		return xasprintf(is_hook_of_tables(blocker->hook) ? "no table of nftables, in %s"
								  : "%s",
				 hooks[blocker->hook]);
	rule = blocker->rule ? xasprintf("rule %u", blocker->rule) : xstrdup("policy");
	return xasprintf("nft table %s %s chain %s %s%s%s%s", blocker->family, blocker->table,
			 blocker->chain, rule, text ? " '" : "", text ? text : "", text ? "'" : "");
}

/* ---- what helps ---- */

static char *remedy_of_iptables(const struct blocker *blocker, const char *program)
{
	if (blocker->hook == BLOCKER_INPUT)
		return xasprintf("%s -I INPUT -i %s -j ACCEPT", program, blocker->bridge);
	if (blocker->hook == BLOCKER_FORWARD)
		return xasprintf("%s -I FORWARD -i %s -j ACCEPT; %s -I FORWARD -o %s -j ACCEPT",
				 program, blocker->bridge, program, blocker->bridge);
	return xasprintf("find its rule: %s-save -c", program);
}

static char *remedy_of_nft(const struct blocker *blocker)
{
	bool v6 = blocker->v6;

	if (str_equal(blocker->family, "bridge") ||
	    (blocker->hook != BLOCKER_FORWARD && blocker->hook != BLOCKER_INPUT))
		return xasprintf("change that rule: nft -a list chain %s %s %s", blocker->family,
				 blocker->table, blocker->chain);
	if (is_of_iptables(blocker))
		return remedy_of_iptables(blocker, v6 ? "ip6tables-nft" : "iptables-nft");
	if (blocker->hook == BLOCKER_INPUT)
		return xasprintf("nft insert rule %s %s %s iifname \"%s\" accept", blocker->family,
				 blocker->table, blocker->base, blocker->bridge);
	return xasprintf("nft insert rule %s %s %s iifname \"%s\" accept; nft insert rule %s %s %s "
			 "oifname \"%s\" accept",
			 blocker->family, blocker->table, blocker->base, blocker->bridge,
			 blocker->family, blocker->table, blocker->base, blocker->bridge);
}

char *blocker_remedy(const struct blocker *blocker)
{
	const char *tool = blocker_tool(blocker), *bridge = blocker->bridge;
	bool input = blocker->hook == BLOCKER_INPUT;

	if (str_equal(tool, "firewalld"))
		return xasprintf("firewall-cmd --permanent --zone=kukeon --change-interface=%s; "
				 "firewall-cmd --reload",
				 bridge);
	if (str_equal(tool, "docker") && !input)
		return xstrdup("kuke doctor --fix");
	if (str_equal(tool, "ufw"))
		return input ? xasprintf("ufw allow in on %s", bridge)
			     : xasprintf("ufw route allow in on %s; ufw route allow out on %s",
					 bridge, bridge);
	if (str_equal(tool, "iptables-legacy"))
		return remedy_of_iptables(blocker,
					  blocker->v6 ? "ip6tables-legacy" : "iptables-legacy");
	if (tool)
		return remedy_of_nft(blocker);
	if (blocker->hook == BLOCKER_ROUTING)
		return xstrdup("look at: ip rule; ip route show table all; sysctl -a -r rp_filter");
	return xasprintf("look at: nft list tables bridge; tc filter show dev %s ingress", bridge);
}
