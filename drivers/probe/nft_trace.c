/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/probe/nft_trace.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <poll.h>

#include "drivers/netlink/nl.h"

/* Some thousand messages: of a hundred packets through the rules of several tools. */
enum { RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024 };

struct reading {
	nft_trace_fn fn;
	void *ctx;
};

static uint32_t number(struct nlattr *attr)
{
	return attr ? ntohl(nla_get_u32(attr)) : 0;
}

static uint32_t verdict_of(struct nlattr **attrs)
{
	struct nlattr *verdict = attrs[NFTA_TRACE_VERDICT];

	if (number(attrs[NFTA_TRACE_TYPE]) == NFT_TRACETYPE_POLICY)
		return number(attrs[NFTA_TRACE_POLICY]);
	return verdict ? number(nla_find(nla_data(verdict), nla_len(verdict), NFTA_VERDICT_CODE))
		       : NF_ACCEPT;
}

static void add_headers(struct nft_trace *trace, struct nlattr *network, struct nlattr *transport)
{
	if (!network || !transport)
		return;
	trace->network = nla_data(network);
	trace->network_len = (size_t)nla_len(network);
	trace->transport = nla_data(transport);
	trace->transport_len = (size_t)nla_len(transport);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct nfgenmsg *general = nlmsg_data(header);
	struct nlattr *attrs[NFTA_TRACE_MAX + 1];
	const struct reading *reading = arg;
	struct nft_trace trace;

	if (header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE) ||
	    nlmsg_parse(header, sizeof(*general), attrs, NFTA_TRACE_MAX, NULL) < 0 ||
	    !attrs[NFTA_TRACE_TABLE] || !attrs[NFTA_TRACE_CHAIN])
		return NL_OK;
	trace = (struct nft_trace){ .id = number(attrs[NFTA_TRACE_ID]),
				    .family = general->nfgen_family,
				    .table = nla_get_string(attrs[NFTA_TRACE_TABLE]),
				    .chain = nla_get_string(attrs[NFTA_TRACE_CHAIN]),
				    .verdict = verdict_of(attrs),
				    .mark = number(attrs[NFTA_TRACE_MARK]),
				    .oif = (int)number(attrs[NFTA_TRACE_OIF]) };
	if (attrs[NFTA_TRACE_RULE_HANDLE])
		trace.handle = be64toh(nla_get_u64(attrs[NFTA_TRACE_RULE_HANDLE]));
	add_headers(&trace, attrs[NFTA_TRACE_NETWORK_HEADER], attrs[NFTA_TRACE_TRANSPORT_HEADER]);
	reading->fn(&trace, reading->ctx);
	return NL_OK;
}

int nft_trace_open(struct nl_sock **ret, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = nl_socket_alloc();
	int r;

	check(sock);
	nl_socket_disable_seq_check(sock);
	r = nl_connect(sock, NETLINK_NETFILTER);
	if (r == 0)
		r = nl_socket_set_nonblocking(sock);
	if (r == 0)
		nl_socket_set_buffer_size(sock, RECEIVE_BUFFER_BYTES, 0);
	if (r == 0)
		r = nl_socket_add_memberships(sock, NFNLGRP_NFTRACE, 0);
	if (r < 0)
		return nl_to_error(err, "hear which rules a packet meets", r);
	*ret = take_ptr(sock);
	return 0;
}

int nft_trace_read(struct nl_sock *sock, int wait_ms, nft_trace_fn fn, void *ctx, bool *ret_lost,
		   struct error *err)
{
	struct pollfd ready = { .fd = nl_socket_get_fd(sock), .events = POLLIN };
	struct reading reading = { fn, ctx };
	int r = 0;

	if (poll(&ready, 1, wait_ms) <= 0)
		return 0;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, &reading);
	while (r >= 0)
		r = nl_recvmsgs_default(sock);
	*ret_lost |= r == -NLE_NOMEM; /* an overrun */
	return r == -NLE_AGAIN || r == -NLE_NOMEM
		       ? 0
		       : nl_to_error(err, "hear which rules a packet meets", r);
}
