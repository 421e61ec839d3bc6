/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the host stops a packet that a space needs, and what the person whose host it is does
 * about that: by the tool that made the rule, since a rule put in by hand is gone with the tool's
 * next reload. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Where in the kernel. */
enum blocker_hook {
	BLOCKER_BEFORE, /* before any table of IP: of the bridge family, or tc */
	BLOCKER_PREROUTING,
	BLOCKER_ROUTING, /* no rule of a table: routes, routing rules, rp_filter */
	BLOCKER_INPUT,
	BLOCKER_FORWARD,
	BLOCKER_OUTPUT,
	BLOCKER_POSTROUTING,
};

struct blocker {
	enum blocker_hook hook;
	const char *bridge; /* of the space */
	bool v6;            /* the packet was of IPv6 */
	const char *family; /* of nftables: "ip", "inet"; NULL: no table of nftables did it */
	const char *table, *chain;
	const char *base; /* the chain of the hook that led there; may be the same */
	unsigned rule;    /* its place in the chain, from 1; 0: the chain's policy */
	const char *text; /* of the rule, "reject"; NULL: none, or not known */
	/* What nft lists of the chain: whose chains it jumps to, those set its policy. NULL: not
	 * known. */
	const char *listing;
};

/* "firewalld", "docker", "ufw", "libvirt", "podman", "iptables", "nftables"; "iptables-legacy" for
 * what no table of nftables did inside of a hook; NULL where no tool is known. */
const char *blocker_tool(const struct blocker *blocker);

/* "nft table ip filter chain FORWARD rule 7 'reject'", without the tool. Free with free(). */
char *blocker_words(const struct blocker *blocker);

/* What lets the packets of the space pass: one line, commands in it as they are typed. Never NULL.
 * Free with free(). */
char *blocker_remedy(const struct blocker *blocker);
