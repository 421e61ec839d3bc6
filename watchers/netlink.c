/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/netlink.h"

#include <errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "core/base/log.h"

/* A burst of some thousand changes fits; what does not is an overrun. */
enum { RECEIVE_BUFFER_BYTES = 1024 * 1024 };

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct netlink *netlink = container_of(poll, struct netlink, poll);
	int r;

	do
		r = nl_recvmsgs_default(netlink->sock);
	while (r >= 0);
	if (r == -NLE_AGAIN)
		return;
	log_debug("netlink: %s", nl_geterror(r));
	netlink->on_overrun(netlink->ctx);
}

static int listen_on(struct nl_sock *sock, const struct netlink_options *options)
{
	int r;

	nl_socket_disable_seq_check(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, options->on_message, options->ctx);
	r = nl_connect(sock, NETLINK_ROUTE);
	if (r == 0)
		r = nl_socket_set_nonblocking(sock);
	if (r == 0)
		nl_socket_set_buffer_size(sock, RECEIVE_BUFFER_BYTES, 0);
	for (const int *group = options->groups; r == 0 && *group; group++)
		r = nl_socket_add_membership(sock, *group);
	return r;
}

int netlink_open(struct netlink *netlink, struct loop *loop, const struct netlink_options *options,
		 struct error *err)
{
	int r;

	*netlink = (struct netlink){ .sock = nl_socket_alloc(),
				     .on_overrun = options->on_overrun,
				     .ctx = options->ctx };
	check(netlink->sock);
	r = listen_on(netlink->sock, options);
	if (r < 0) {
		nl_socket_free(netlink->sock);
		return error_set(err, -EIO, "%s", nl_geterror(r));
	}
	uv_poll_init(&loop->uv, &netlink->poll, nl_socket_get_fd(netlink->sock));
	uv_poll_start(&netlink->poll, UV_READABLE, on_readable);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct netlink *netlink = container_of((uv_poll_t *)handle, struct netlink, poll);

	nl_socket_free(netlink->sock);
	netlink->closed(netlink->closed_ctx);
}

void netlink_close(struct netlink *netlink, void (*closed)(void *ctx), void *ctx)
{
	netlink->closed = closed;
	netlink->closed_ctx = ctx;
	uv_close((uv_handle_t *)&netlink->poll, on_closed);
}
