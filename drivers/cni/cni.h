/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver: spaces as CNI networks on a bridge, cells as attachments to them
 * (core/driver/network.h). */
#pragma once

#include "core/driver/network.h"
#include "core/journal/journal.h"

struct cni_options {
	/* where spaces without a directory of their own have their conflist */
	const char *conf_dir;
	const char *bin_dirs; /* colon list */
	const char *
		netns_dir; /* pins, e.g. /run/kukeon/netns; reservations go beside it, into ipam/ */
	/* "10.88.0.0/16": the first range given to a space that names none, one of each place */
	char *const *subnet_pools;
	size_t n_subnet_pools;
	/* "fd12:3456:789a::/64", the same for IPv6; "": from the host's machine id */
	const char *subnet_pool6_first;
	struct journal *journal; /* the caller closes it after the network */
};

/* Blocks shortly: for start-up. Strings are copied. Close with network->ops->close(). */
int cni_open(struct network **ret, struct loop *loop, const struct cni_options *options,
	     struct error *err);
