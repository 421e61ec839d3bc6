/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of the host, one by one as the kernel tells them, and where it would send a packet
 * (rtnetlink). Blocks for some milliseconds: worker threads only. */
#pragma once

#include <netlink/netlink.h>

#include "drivers/netlink/subnet.h"

struct route {
	struct subnet to; /* prefix 0, or IP_V4_BEGINS: all */
	bool v6;
	unsigned table, protocol, type; /* RT_TABLE_, RTPROT_, RTN_ of linux/rtnetlink.h */
	int ifindex;                    /* of the first way; 0: none, as of a blackhole */
	bool has_gateway;
};

/* A socket for what follows, and nothing else. */
int routes_socket(struct nl_sock **ret, struct error *err);

/* Calls @fn with each route of every table and family. */
int routes_each(struct nl_sock *sock, void (*fn)(const struct route *route, void *ctx), void *ctx,
		struct error *err);

/* The route that the kernel makes with an address ("10.88.0.1/16") of a link. One that is there
 * already is success. */
int routes_add_connected(struct nl_sock *sock, int ifindex, const char *address, struct error *err);

/* Which route a packet of the host to @ip takes. @ret_reached false: none, or one that drops it. */
int routes_look_up(struct nl_sock *sock, const struct ip *ip, bool *ret_reached,
		   struct route *ret_route, struct error *err);

/* The same of a packet of others. */
struct routes_question {
	struct ip to;
	const struct ip *from; /* NULL: not said */
	int in_by;             /* the link that it comes in by; 0: it is the host's own */
	int out_by;            /* the link that it is to leave by; 0: any */
	uint32_t mark;
};

/* @ret_code: with which error of the kernel it would be dropped; 0: it would not. */
int routes_ask(struct nl_sock *sock, const struct routes_question *question, int *ret_code,
	       struct route *ret_route, struct error *err);

/* Whether routes are asked as they always are: local, main, default. False when a rule of another
 * hand may lead packets elsewhere. */
int routes_are_plain(struct nl_sock *sock, bool *ret_plain, struct error *err);
