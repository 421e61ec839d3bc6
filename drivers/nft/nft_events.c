/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/nft_events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/model/names.h"
#include "drivers/nft/nft.h"

/* A transaction with some thousand elements fits; what does not is an overrun. */
enum { RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024 };

/* Between two readings: what changes again and again, of others or of ours, wakes us so often. The
 * first change of a row is heard of at once. */
enum { REST_MS = 20 };

/* In every message of the subsystem but those on generations this attribute is the table's name. */
enum { TABLE_ATTRIBUTE = NFTA_TABLE_NAME };

struct nft_events {
	char *table;
	struct nft_events_listener listener;
	struct nl_sock *sock;
	struct loop *loop;
	uv_poll_t poll;
	struct timer rest;
	bool touched; /* by the transaction whose messages are being read */
	bool others;  /* changed tables of theirs, in what is being read */
	bool holding;
	unsigned seen; /* transactions that touched the table since nft_events_hold() */
	bool lost;     /* messages, since then */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void tell(struct nft_events *events)
{
	if (events->holding)
		events->seen++;
	else
		events->listener.changed(events->listener.ctx);
}

/* What is changed names a bridge of ours, as a rule for one link does. */
static void tell_bridge(struct nft_events *events, const struct nlmsghdr *header)
{
	const char *data = nlmsg_data(header);
	size_t len = (size_t)nlmsg_datalen(header), n = 0;
	const char *at = memmem(data, len, BRIDGE_PREFIX, strlen(BRIDGE_PREFIX));
	char name[IF_NAMESIZE] = "";

	while (at && n + 1 < sizeof(name) && at + n < data + len && at[n]) {
		name[n] = at[n];
		n++;
	}
	if (n > strlen(BRIDGE_PREFIX))
		events->listener.others(events->listener.ctx, name);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nft_events *events = arg;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct nfgenmsg *general = nlmsg_data(header);
	struct nlattr *name;

	if (!nlmsg_valid_hdr(header, sizeof(*general)) ||
	    header->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return NL_OK;
	if ((header->nlmsg_type & 0xff) == NFT_MSG_NEWGEN) {
		if (events->touched)
			tell(events);
		events->touched = false;
		return NL_OK;
	}
	name = nlmsg_find_attr(header, sizeof(*general), TABLE_ATTRIBUTE);
	if (name && !str_starts_with(nla_get_string(name), NFT_TABLE)) {
		events->others = true;
		tell_bridge(events, header);
	}
	if (name && general->nfgen_family == NFPROTO_INET &&
	    str_equal(nla_get_string(name), events->table))
		events->touched = true;
	return NL_OK;
}

static void drain(struct nft_events *events)
{
	int r;

	events->others = false;
	do
		r = nl_recvmsgs_default(events->sock);
	while (r >= 0);
	if (events->others || r != -NLE_AGAIN)
		events->listener.others(events->listener.ctx, NULL);
	if (r == -NLE_AGAIN)
		return;
	log_debug("netfilter events: %s", nl_geterror(r)); /* an overrun: messages were lost */
	events->touched = false;
	if (events->holding)
		events->lost = true;
	else
		events->listener.changed(events->listener.ctx);
}

static void on_readable(uv_poll_t *poll, int status, int uv_events);

static void on_rested(struct timer *timer)
{
	struct nft_events *events = container_of(timer, struct nft_events, rest);

	uv_poll_start(&events->poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int uv_events UNUSED)
{
	struct nft_events *events = container_of(poll, struct nft_events, poll);

	/* Of a socket that never disconnects nothing is heard, and the loop goes on all the same.
	 */
	uv_poll_start(poll, UV_DISCONNECT, on_readable);
	timer_start(events->loop, &events->rest, REST_MS, on_rested);
	drain(events);
}

void nft_events_hold(struct nft_events *events)
{
	drain(events);
	events->holding = true;
	events->seen = 0;
	events->lost = false;
}

/* What was lost does not matter when the one transaction that there was is ours. */
bool nft_events_release(struct nft_events *events, uint32_t from, uint32_t to)
{
	uint32_t now = 0;

	drain(events);
	events->holding = false;
	if (!events->lost)
		return events->seen > 1;
	return nft_generation(&now, NULL) < 0 || now != to || to - from > 1;
}

static int listen_on(struct nft_events *events)
{
	struct nl_sock *sock = events->sock;
	int r;

	nl_socket_disable_seq_check(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, events);
	r = nl_connect(sock, NETLINK_NETFILTER);
	if (r == 0)
		r = nl_socket_set_nonblocking(sock);
	if (r == 0)
		nl_socket_set_buffer_size(sock, RECEIVE_BUFFER_BYTES, 0);
	return r < 0 ? r : nl_socket_add_memberships(sock, NFNLGRP_NFTABLES, 0);
}

int nft_events_open(struct nft_events **ret, struct loop *loop, const char *table,
		    const struct nft_events_listener *listener, struct error *err)
{
	struct nft_events *events = xnew(struct nft_events);
	int r;

	events->sock = nl_socket_alloc();
	check(events->sock);
	events->loop = loop;
	events->table = xstrdup(table);
	events->listener = *listener;
	r = listen_on(events);
	if (r < 0) {
		nl_socket_free(events->sock);
		free(events->table);
		free(events);
		return error_set(err, -EIO, "cannot watch the packet filter: %s", nl_geterror(r));
	}
	uv_poll_init(&loop->uv, &events->poll, nl_socket_get_fd(events->sock));
	uv_poll_start(&events->poll, UV_READABLE, on_readable);
	*ret = events;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct nft_events *events = container_of((uv_poll_t *)handle, struct nft_events, poll);
	void (*closed)(void *ctx) = events->closed;
	void *ctx = events->closed_ctx;

	nl_socket_free(events->sock);
	free(events->table);
	free(events);
	closed(ctx);
}

void nft_events_close(struct nft_events *events, void (*closed)(void *ctx), void *ctx)
{
	events->closed = closed;
	events->closed_ctx = ctx;
	timer_stop(&events->rest);
	uv_close((uv_handle_t *)&events->poll, on_closed);
}
