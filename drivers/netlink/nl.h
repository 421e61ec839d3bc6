/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that speak netlink share: a socket, its errors as ours, cleanup. */
#pragma once

#include <netlink/netlink.h>
#include <netlink/route/link.h>

#include "core/base/error.h"

int nl_open(struct nl_sock **ret, struct error *err);

/* "cannot @what: <libnl's words>" */
int nl_to_error(struct error *err, const char *what, int nl);

/* "address/prefix"; one that is there already is success. IPv6 without duplicate detection: nobody
 * else has it (hostipv6.h). @what as in nl_to_error(). */
int nl_add_address(struct nl_sock *sock, int ifindex, const char *text, const char *what,
		   struct error *err);

/* For AUTO(). */
void nl_auto_socket(struct nl_sock **sock);
void nl_auto_cache(struct nl_cache **cache);
void nl_auto_link(struct rtnl_link **link);
