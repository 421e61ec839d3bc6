/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/netlink/nl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <netlink/route/addr.h>

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

int nl_add_address(struct nl_sock *sock, int ifindex, const char *text, const char *what,
		   struct error *err)
{
	struct rtnl_addr *address = rtnl_addr_alloc();
	struct nl_addr *local = NULL;
	int r = nl_addr_parse(text, AF_UNSPEC, &local);

	check(address);
	if (r == 0) {
		rtnl_addr_set_ifindex(address, ifindex);
		if (nl_addr_get_family(local) == AF_INET6)
			rtnl_addr_set_flags(address, IFA_F_NODAD);
		r = rtnl_addr_set_local(address, local);
	}
	if (r == 0)
		r = rtnl_addr_add(sock, address, 0);
	nl_addr_put(local);
	rtnl_addr_put(address);
	return r < 0 && r != -NLE_EXIST ? nl_to_error(err, what, r) : 0;
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
