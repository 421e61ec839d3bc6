/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "core/base/buf.h"
#include "core/base/nf_family.h"
#include "drivers/netlink/nl.h"

/* -ENOENT: not in this kernel. */
static int open_socket(struct nl_sock **ret, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = nl_socket_alloc();
	int r = sock ? nl_connect(sock, NETLINK_NETFILTER) : -NLE_NOMEM;

	if (r == -NLE_PROTO_MISMATCH || r == -NLE_AF_NOSUPPORT)
		return -ENOENT;
	if (r < 0)
		return nl_to_error(err, "open a netfilter socket", r);
	*ret = take_ptr(sock);
	return 0;
}

/* ---- generation ---- */

static int on_generation(struct nl_msg *msg, void *ctx)
{
	struct nlattr *id = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct nfgenmsg), NFTA_GEN_ID);

	if (id)
		*(uint32_t *)ctx = ntohl(nla_get_u32(id));
	return NL_OK;
}

int nft_generation(uint32_t *ret, struct error *err)
{
	struct nfgenmsg general = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	int r = open_socket(&sock, err);

	if (r == -ENOENT)
		return error_set(err, r, "this kernel has no netfilter");
	if (r < 0)
		return r;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_generation, ret);
	r = nl_send_simple(sock, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0, &general,
			   sizeof(general));
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (r == -NLE_OPNOTSUPP || r == -NLE_INVAL)
		return error_set(err, -ENOENT, "this kernel has no nf_tables: modprobe nf_tables");
	return r < 0 ? nl_to_error(err, "read the generation of nftables", r) : 0;
}

/* ---- list ---- */

static int on_table(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct nfgenmsg *general = nlmsg_data(header);
	struct nlattr *name = nlmsg_find_attr(header, sizeof(*general), NFTA_TABLE_NAME);
	const char *family = nf_family_name(general->nfgen_family);
	struct strv *tables = ctx;

	if (name && family && str_starts_with(nla_get_string(name), NFT_TABLE)) {
		AUTO_FREE char *table = xasprintf("%s/%s", family, nla_get_string(name));

		strv_add(tables, table);
	}
	return NL_OK;
}

int nft_list_tables(struct strv *ret_tables, struct error *err)
{
	struct nfgenmsg general = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	int r = open_socket(&sock, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_table, ret_tables);
	r = nl_send_simple(sock, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_DUMP, &general,
			   sizeof(general));
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (r == -NLE_OPNOTSUPP || r == -NLE_INVAL) /* no such subsystem in this kernel */
		return 0;
	return r < 0 ? nl_to_error(err, "list nftables", r) : 0;
}

static int on_any_table(struct nl_msg *msg UNUSED, void *ctx)
{
	*(bool *)ctx = true;
	return NL_OK;
}

bool nft_has_tables(uint8_t family)
{
	struct nfgenmsg general = { .nfgen_family = family, .version = NFNETLINK_V0 };
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	struct error err;
	bool any = false;

	if (open_socket(&sock, &err) < 0)
		return false;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_any_table, &any);
	if (nl_send_simple(sock, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_DUMP, &general,
			   sizeof(general)) >= 0)
		nl_recvmsgs_default(sock);
	return any;
}

/* ---- delete: the kernel takes changes as batches only, each in one datagram ---- */

static void add_message(struct nl_sock *sock, struct buf *batch, int type,
			const struct nfgenmsg *general, const char *table)
{
	struct nl_msg *msg = nlmsg_alloc();

	check(msg && nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0,
			       table ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST));
	check(nlmsg_append(msg, (void *)general, sizeof(*general), NLMSG_ALIGNTO) == 0);
	if (table)
		check(nla_put_string(msg, NFTA_TABLE_NAME, table) == 0);
	nl_complete_msg(sock, msg);
	buf_add(batch, nlmsg_hdr(msg), NLMSG_ALIGN(nlmsg_hdr(msg)->nlmsg_len));
	nlmsg_free(msg);
}

static int send_deletion(struct nl_sock *sock, uint8_t family, const char *table, struct error *err)
{
	const struct nfgenmsg edge = { .nfgen_family = AF_UNSPEC,
				       .version = NFNETLINK_V0,
				       .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	const struct nfgenmsg general = { .nfgen_family = family, .version = NFNETLINK_V0 };
	AUTO_BUF struct buf batch = { 0 };
	int r;

	nl_socket_disable_auto_ack(sock);
	nl_socket_disable_seq_check(sock);
	add_message(sock, &batch, NFNL_MSG_BATCH_BEGIN, &edge, NULL);
	add_message(sock, &batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE, &general, table);
	add_message(sock, &batch, NFNL_MSG_BATCH_END, &edge, NULL);
	r = nl_sendto(sock, batch.data, batch.len);
	if (r >= 0)
		r = nl_wait_for_ack(sock);
	return r < 0 && r != -NLE_OBJ_NOTFOUND ? nl_to_error(err, "delete the nftable", r) : 0;
}

int nft_delete_table(const char *table, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	const char *slash = strchr(table, '/');
	uint8_t family;
	int r;

	if (!slash || !nf_family_parse(table, (size_t)(slash - table), &family) ||
	    !str_starts_with(slash + 1, NFT_TABLE))
		return error_set(err, -EINVAL, "nftable %s is not one of ours", table);
	r = open_socket(&sock, err);
	return r < 0 ? r : send_deletion(sock, family, slash + 1, err);
}
