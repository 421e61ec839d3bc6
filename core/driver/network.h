/* SPDX-License-Identifier: Apache-2.0 */
/* CNI networks and attachments, and what the host does with their addresses. */
#pragma once

#include "core/driver/filter.h"
#include "core/driver/inventory.h"
#include "core/driver/seam.h"
#include "core/driver/space_fact.h"

struct space_request {
	const char *space_key;
	const char *conf_dir; /* NULL: the driver's default */
	/* NULL or "": what the conflist on disk says, else the next free range */
	const char *subnet;
	bool ipv6;           /* dual stack: */
	const char *subnet6; /* as subnet */
	/* Write the conflist by today's rules, whatever stands there; the range and the bridge of
	 * cells that are attached stay. */
	bool regenerate;
};


/* The place of one cell in a further space: an interface beside the one in its own. */
struct join_fact {
	char *space_key;
	char *interface; /* inside: "eth1"; NULL: not known */
	bool attached;   /* this and the others as in struct attachment_fact */
	char *ip, *ip6, *bridge, *link, *reservation, *reservation6, *drift;
};

void join_fact_fini(struct join_fact *fact);

/* The network of one cell. */
struct attachment_fact {
	char *cell_key;
	bool pinned;       /* its network namespace is pinned */
	bool earlier_boot; /* what was attached, was so before the host started anew */
	bool intent; /* something may have been attached and wants detach() before the next attach()
		      */
	/* ADD of the whole chain succeeded, its result is known, and what it made is still there:
	 * the pin of that namespace, both ends of the interface, what is inside (addresses, the way
	 * out), the reserved address */
	bool attached;
	char *ip;  /* without prefix; NULL unless attached */
	char *ip6; /* NULL: the space is not dual stack either */
	char *bridge;
	uint64_t netns_inode; /* of the namespace it was attached in; 0: not known */
	char *link;           /* the host's end of its interface; NULL: not known */
	char *reservation;    /* the file that reserves its address; NULL: there is none */
	char *reservation6;   /* the same of ip6 */
	char *drift;          /* what was attached and is not any more: why, in words; else NULL */
	/* By list() alone: every join that is on record; what is above does not speak of them,
	 * but for intent, which they keep true too. */
	struct join_fact *joins;
	size_t n_joins;
};

void attachment_fact_fini(struct attachment_fact *fact);

struct network_facts {
	struct space_fact *spaces;
	size_t n_spaces;
	struct attachment_fact *attachments; /* every cell with a pin or an intent */
	size_t n_attachments;
	struct error problem; /* code 0: that are all; else spaces may be missing, because of this
			       */
};

void network_facts_fini(struct network_facts *facts);

struct attach_request {
	const char *cell_key;
	/* NULL, or the addresses that it had before: asked for, not insisted on */
	const char *wanted_ip, *wanted_ip6;
};

struct join_request {
	const char *cell_key;
	const char *space_key;              /* not the cell's own */
	const char *wanted_ip, *wanted_ip6; /* as in struct attach_request */
};

struct repair_request {
	const char *cell_key;
	const char *wanted_ip, *wanted_ip6; /* as in struct attach_request */
	/* The process of the cell's root, alive as far as is known, and the cell's cgroup below the
	 * mount: the driver makes sure that the one is in the other before it believes the pid. */
	uint32_t pid;
	const char *cgroup_path;
};

/* ---- names ---- */

enum { RESOLVED_MAX = 16 };

/* What a host name stands for, in one family. */
struct resolved {
	struct ip addresses[RESOLVED_MAX];
	size_t n;
	uint64_t ttl_ms; /* how long that can be relied on */
};

/* ---- the host's routes: where packets to our addresses go ---- */

struct ways_space {
	char *key;
	char *bridge;
	char *subnet;  /* CIDR */
	char *subnet6; /* NULL: none */
	bool used;     /* cells are attached to the bridge */
	/* Written by look_ways(): */
	char *overlap;    /* what else leads into its ranges, in words; NULL: nothing */
	bool unreachable; /* packets to some of them do not come to the bridge */
};

/* A zeroed struct is empty. */
struct host_ways {
	struct ways_space *spaces;
	size_t n_spaces;
	bool keep;            /* forwarding is turned on again when it was turned off */
	bool bridges_doubted; /* the switches of bridges are to be looked at too */
	/* Written by look_ways(), of the host's own switches that cells need: */
	bool forwards;      /* it forwarded IPv4 before the look */
	struct strv mended; /* what was turned on again, in words */
	char *off;          /* what is off and stays so, and how that came; NULL: nothing */
};

void host_ways_fini(struct host_ways *ways);

/* ---- the seam ---- */

struct network;

struct network_ops {
	/* From now on tells of changes of the filter. Call once. On failure they are seen by
	 * filter_apply() alone. */
	int (*watch_filter)(struct network *network, const struct filter_listener *listener,
			    struct error *err);
	void (*close)(struct network *network, void (*closed)(void *ctx), void *ctx);

	/* Writes the conflist unless it stands there as wanted. Makes the bridge of attached cells
	 * anew, as they know it, if it is gone or changed, and puts their links back on it: no cell
	 * is touched. -EEXIST: another space owns the network's name. */
	void (*ensure_space)(struct network *network, const struct space_request *request,
			     struct space_fact *ret_fact, struct call *call);
	/* Conflist and bridge. No cell is attached or has joined any more. */
	void (*remove_space)(struct network *network, const char *space_key, struct call *call);

	/* What is, next to what the journal says was made: differences are said as drift. A
	 * directory of conflists that cannot be read is no failure but the facts' problem. */
	void (*list)(struct network *network, struct network_facts *ret_facts, struct call *call);

	/* A new network namespace with lo up, pinned at netns_path(). */
	void (*create_netns)(struct network *network, const char *cell_key, struct call *call);
	/* Journals the intent, runs the chain's ADD into the pinned namespace, keeps the result. */
	void (*attach)(struct network *network, const struct attach_request *request,
		       struct attachment_fact *ret_fact, struct call *call);
	/*
	 * For a cell whose root runs and which is not attached: makes what is missing without
	 * touching a process. The namespace of the process is pinned again, the address reserved
	 * again; if the interface is gone, DEL and ADD into the same namespace. -ESTALE: the
	 * process is not in the namespace that was attached, so that nothing is safe but a new
	 * incarnation.
	 */
	void (*repair)(struct network *network, const struct repair_request *request,
		       struct attachment_fact *ret_fact, struct call *call);
	/*
	 * Gives the pinned namespace of an attached cell an interface in a further space, with an
	 * address and no route but the one to the addresses beside it: eth1, or the lowest number
	 * that is free. Journalled as attach() is. One that is on record keeps its interface: what
	 * it has lost is made again, what a try that failed has left is undone first. No process is
	 * touched.
	 */
	void (*join)(struct network *network, const struct join_request *request,
		     struct join_fact *ret_fact, struct call *call);
	/* DEL of that one; the rest of the cell's network stays. */
	void (*leave)(struct network *network, const char *cell_key, const char *space_key,
		      struct call *call);
	/* DEL of everything journalled for the cell, joins too, then the pin goes. Works without a
	 * namespace or conflist too. */
	void (*detach)(struct network *network, const char *cell_key, struct call *call);

	/*
	 * Makes the packet filter what @wish says, in one step: cells of two spaces do not reach
	 * each other, the world outside reaches published ports only, cells reach out under the
	 * host's address. What cannot be put into it is left out, and @wish says why. Whatever is
	 * as wished costs nothing. One at a time; the caller keeps @wish.
	 */
	void (*filter_apply)(struct network *network, struct filter_wish *wish, struct call *call);

	/* What was dropped at the bridges of spaces that deny, and of their guests. */
	void (*filter_drops)(struct network *network, struct filter_drops *ret_drops,
			     struct call *call);

	/* Looks where the routes of the host lead the ranges of the spaces, and whether it
	 * forwards. Changes no route; turns on what of the kernel's switches is ours, or is to be
	 * kept. The caller keeps @ways. Costs the routes that there are, and nothing for a space that none
	 * of them touches. */
	void (*look_ways)(struct network *network, struct host_ways *ways, struct call *call);

	/* Leads packets from a cell of each space to the world, to the host and from the world to a
	 * port of it through the kernel, and says where those ended that did not come through.
	 * Nothing of them leaves the host or reaches a cell. One at a time; the caller keeps
	 * @traffic. Costs the spaces in it. */
	void (*probe)(struct network *network, struct traffic *traffic, struct call *call);

	/* Asks the host's name servers for addresses of one family, within some seconds; as many at
	 * once as the caller likes, none waits for another. -ENOENT: no name server knows one. */
	void (*resolve)(struct network *network, const char *host, bool v6,
			struct resolved *ret_resolved, struct call *call);

	/* As in struct runtime_ops. */
	void (*inventory)(struct network *network, struct host_things *ret_things,
			  struct call *call);
	void (*discard)(struct network *network, const struct host_thing *thing, struct call *call);

	/* Path of a cell's pin, whether it exists or not. Free with free(). */
	char *(*netns_path)(struct network *network, const char *cell_key);
};

struct network {
	const struct network_ops *ops;
};
