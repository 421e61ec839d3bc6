/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet of ours that is led the way that packets of cells go, and what becomes of it, from what
 * the kernel traces of it. It has no privilege of any kind: it meets every rule of the host and our
 * own ones. At its end, wherever that is, a table that stands there while it is asked drops it:
 * nothing leaves the host, reaches a cell or a program, or is remembered as a connection. Pure.
 */
#pragma once

#include "drivers/probe/blockers.h"
#include "drivers/probe/nft_trace.h"
#include "drivers/probe/packet.h"

enum probe_flow {
	PROBE_OUT,    /* from a cell to the world */
	PROBE_IN,     /* from the world to a published port */
	PROBE_HOST,   /* from a cell to the host */
	PROBE_INSIDE, /* from a cell to its neighbour */
	PROBE_TO,     /* from the host to a cell */
};

/* A rule of the host that a probe has met. */
struct probe_rule {
	uint8_t family;
	char *table, *chain, *base; /* base: the hook's chain that led there */
	uint64_t handle;            /* 0: the chain's policy */
	enum blocker_hook hook;
};

enum { PROBE_RULES_MAX = 16 };

struct probe {
	enum probe_flow flow;
	size_t space;   /* which of those that were asked for */
	int link;       /* where it is put in; 0: the host sends it, */
	int from_link;  /* and that by which the IP stack has it: the bridge, the uplink */
	int to_link;    /* where it leaves, of PROBE_IN */
	uint16_t port;  /* of the host, of PROBE_IN */
	struct ip cell; /* where it ends, of PROBE_IN and PROBE_INSIDE */
	struct packet packet;

	/* What was heard of it: */
	int stage; /* how far it came: enum in probe.c; 0: nowhere */
	enum blocker_hook hook;
	uint32_t id, mark;
	struct ip from, to; /* as it looked last */
	int oif;
	char *base;
	struct probe_rule dropped; /* without a table: by no rule */
	struct probe_rule
		met[PROBE_RULES_MAX]; /* rules that others have before and behind routing */
	size_t n_met;
	bool taken; /* to a program (queue), or dropped by a rule of ours: that is no fault */
};

enum probe_result {
	PROBE_PASSED,
	PROBE_DROPPED,     /* by probe.dropped */
	PROBE_LOST,        /* at probe.hook, by no rule of nftables */
	PROBE_ASTRAY,      /* it went elsewhere: by one of probe.met */
	PROBE_UNTRANSLATED /* it left under the cell's address: by one of probe.met */
};

struct probes {
	struct probe *items;
	size_t n;
	const char *table; /* that of the hooks */
	uint32_t first;    /* sequence of the first one: they are numbered */
	uint32_t known_by; /* packet.acknowledged of all */
};

void probes_fini(struct probes *probes);

/* The table that traces the probes and drops them at their end. @bridged: that for packets within a
 * bridge too. Free with free(). */
char *probes_table(const struct probes *probes, bool bridged);

/* One message of the trace. Those of other packets are left alone. */
void probes_note(struct probes *probes, const struct nft_trace *trace);

/* Whether nothing more will be heard of it. */
bool probe_has_ended(const struct probe *probe);

enum probe_result probe_result(const struct probe *probe);

/* "cell to out" */
char *probe_words(const struct probe *probe);
