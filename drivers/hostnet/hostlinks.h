/* SPDX-License-Identifier: Apache-2.0 */
/* The host's ends of our networks: bridges and the links on them, seen and put right
 * (libnl-route-3). Blocks for some milliseconds: worker threads only. */
#pragma once

#include <net/if.h>

#include "core/base/error.h"
#include "core/base/str.h"
#include "drivers/netlink/subnet.h"

struct hostlink {
	char name[IF_NAMESIZE];
	int ifindex, master; /* master 0: none */
	bool up, bridge, veth;
	bool unlocked; /* without the lock that bridges have (bridgelock.h) */
};

struct nl_cache;

/* A route of table main by a bridge. */
struct bridge_route {
	int ifindex;
	struct subnet to;
};

/* All links, addresses and routes by bridges of the host at one moment. A zeroed struct is empty.
 */
struct hostlinks {
	struct hostlink *items; /* by name */
	size_t n;
	struct nl_cache *addresses;
	struct bridge_route *routes; /* by their links */
	size_t n_routes;
};

void hostlinks_fini(struct hostlinks *links);
int hostlinks_read(struct hostlinks *ret, struct error *err);

/* NULL when there is none of that name. */
const struct hostlink *hostlinks_find(const struct hostlinks *links, const char *name);

/* Deletes a veth. Gone already: 0; -EEXIST when a link of that name is something else. */
int hostlinks_remove_veth(const char *name, struct error *err);

/* A bridge as attached cells know it. */
struct bridge_wish {
	char *name;        /* NULL: nobody is attached, whatever is there is right */
	char *address;     /* "10.88.0.1/16"; NULL: none */
	char *address6;    /* the same of IPv6 */
	char *mac;         /* what neighbours know it by; NULL: not on record */
	struct strv ports; /* the cells' links; one that is not there is not ours to make */
};

void bridge_wish_fini(struct bridge_wish *wish);

/* What is different, in words; NULL: nothing. Free with free(). */
char *hostlinks_bridge_drift(const struct hostlinks *links, const struct bridge_wish *wish);

/* Makes what is missing and raises what is down. -EEXIST: a link of that name is no bridge. */
int hostlinks_mend_bridge(const struct bridge_wish *wish, struct error *err);
