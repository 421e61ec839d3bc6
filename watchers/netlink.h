/* SPDX-License-Identifier: Apache-2.0 */
/* A netlink socket of the kernel's route family on the loop (rtnetlink(7)): what is told of its
 * groups, message by message. */
#pragma once

#include <netlink/handlers.h>

#include "core/base/error.h"
#include "core/loop/loop.h"

struct nl_sock;

struct netlink {
	struct nl_sock *sock;
	uv_poll_t poll;
	void (*on_overrun)(void *ctx);
	void *ctx;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

struct netlink_options {
	const int *groups;              /* RTNLGRP_*, ended by 0 */
	nl_recvmsg_msg_cb_t on_message; /* with @ctx */
	void (*on_overrun)(void *ctx);  /* messages were lost */
	void *ctx;
};

/* 0, or -EIO with the kernel's reason, and nothing is open. */
int netlink_open(struct netlink *netlink, struct loop *loop, const struct netlink_options *options,
		 struct error *err);

/* @closed runs once, later, with @ctx; until then @netlink stays where it is. */
void netlink_close(struct netlink *netlink, void (*closed)(void *ctx), void *ctx);
