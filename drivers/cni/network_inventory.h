/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the inventory of networks share. */
#pragma once

#include "drivers/cni/claims.h"
#include "drivers/cni/cni_private.h"

struct inventory_op {
	struct op op;
	struct strv dirs; /* of conflists */
	char *netns_dir, *ipam_dir;
	char *table;              /* "inet/kukeon" while it is to be there, else NULL */
	struct strv keys, values; /* the journal's */
	struct map links;         /* struct claim.node: the host's ends, of cells */
	struct map containers;    /* CNI container ids, of cells */
	struct map addresses;     /* files of reservations, of cells */
	struct map bridges;       /* of spaces */
	struct map reserved;      /* directories of host-local, of spaces */
	struct host_things things, *ret_things;
};

/* The reservations of addresses. Blocks. */
int inventory_add_ipam(struct inventory_op *inventory, struct error *err);
