/* SPDX-License-Identifier: Apache-2.0 */
/* What the host's network looks like (libnl-route-3). Blocks for some milliseconds: worker threads
 * only. */
#pragma once

#include "drivers/netlink/subnet.h"

/* Adds the ranges of the host's routes and addresses; those of the links in @ignored (NULL
 * ends it) are left out. */
int hostnet_add_taken(const char *const ignored[], struct taken_subnets *taken, struct error *err);

enum hostnet_link {
	HOSTNET_LINK_NONE,
	HOSTNET_LINK_BRIDGE,  /* a bridge without an IPv4 address outside of the range asked for */
	HOSTNET_LINK_FOREIGN, /* anything else */
};

int hostnet_find_link(const char *name, const struct subnet *subnet, enum hostnet_link *ret,
		      struct error *err);

/* Deletes a bridge. Gone already: 0; -EEXIST when a link of that name is no bridge. */
int hostnet_remove_bridge(const char *name, struct error *err);
