/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/nl.h"

#include <errno.h>

int nl_to_error(struct error *err, const char *what, int nl)
{
	return error_set(err,
			 nl == -NLE_NOMEM  ? -ENOMEM
			 : nl == -NLE_PERM ? -EPERM
					   : -EIO,
			 "cannot %s: %s", what, nl_geterror(nl));
}

int nl_open(struct nl_sock **ret, struct error *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	int r = sock ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r < 0) {
		nl_socket_free(sock);
		return nl_to_error(err, "open a netlink socket", r);
	}
	*ret = sock;
	return 0;
}

void nl_auto_socket(struct nl_sock **sock)
{
	nl_socket_free(*sock);
}

void nl_auto_cache(struct nl_cache **cache)
{
	nl_cache_free(*cache);
}

void nl_auto_link(struct rtnl_link **link)
{
	rtnl_link_put(*link);
}
