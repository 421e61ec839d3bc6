/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/forward_chains.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include "core/base/fs.h"
#include "core/base/nf_family.h"
#include "core/base/str.h"

enum {
	FORWARD_HOOK = NF_INET_FORWARD, /* of the bridge family too */
	NAMES_MAX_BYTES = 4096,
	LEGACY_MAX_BYTES = 64 * 1024 * 1024, /* what the kernel takes at most is near that */
};

void forward_chains_fini(struct forward_chains *chains)
{
	for (size_t i = 0; i < chains->n; i++) {
		free(chains->items[i].table);
		free(chains->items[i].name);
	}
	free(chains->items);
	*chains = (struct forward_chains){ 0 };
}

static struct forward_chain *add(struct forward_chains *chains, enum forward_chain_kind kind,
				 uint8_t family, const char *table, const char *name)
{
	chains->items = xrealloc(chains->items, (chains->n + 1) * sizeof(*chains->items));
	chains->items[chains->n] = (struct forward_chain){
		.kind = kind, .family = family, .table = xstrdup(table), .name = xstrdup(name)
	};
	return &chains->items[chains->n++];
}

static bool names_our_bridges(const void *data, size_t len)
{
	return memmem(data, len, FORWARD_CHAINS_BRIDGES, strlen(FORWARD_CHAINS_BRIDGES));
}

/* ---- words ---- */

/* The program that the chain is changed with. */
static const char *program_of(const struct forward_chain *chain)
{
	if (chain->kind == FORWARD_CHAIN_LEGACY)
		return "iptables-legacy";
	return chain->family == NFPROTO_IPV6 ? "ip6tables-nft" : "iptables-nft";
}

char *forward_chain_describe(const struct forward_chain *chain)
{
	if (chain->kind == FORWARD_CHAIN_LEGACY)
		return xasprintf("chain %s of table %s of iptables-legacy", chain->name,
				 chain->table);
	return xasprintf("chain %s of table %s %s", chain->name, nf_family_name(chain->family),
			 chain->table);
}

char *forward_chain_remedy(const struct forward_chain *chain)
{
	static const char still[] = "what may reach whom is still Kukeon's to say";
	const char *program = program_of(chain);

	if (chain->kind == FORWARD_CHAIN_NFT)
		return xasprintf("let the bridges pass there: nft insert rule %s %s %s iifname "
				 "\"" FORWARD_CHAINS_BRIDGES
				 "*\" accept, and the same with oifname; %s",
				 nf_family_name(chain->family), chain->table, chain->name, still);
	return xasprintf("let the bridges pass there: %s -I %s -i " FORWARD_CHAINS_BRIDGES
			 "+ -j ACCEPT, and the same with -o (where Docker rules, in its chain "
			 "DOCKER-USER); %s",
			 program, chain->name, still);
}

/* ---- nftables ---- */

static void free_socket(struct nl_sock **sock)
{
	nl_socket_free(*sock);
}

/* By packets of ours. */
static bool is_passed(uint8_t family)
{
	return family == NFPROTO_INET || family == NFPROTO_IPV4 || family == NFPROTO_IPV6 ||
	       family == NFPROTO_BRIDGE;
}

static bool is_base_of_forward(struct nlattr *hook)
{
	struct nlattr *number =
		hook ? nla_find(nla_data(hook), nla_len(hook), NFTA_HOOK_HOOKNUM) : NULL;

	return number && ntohl(nla_get_u32(number)) == FORWARD_HOOK;
}

static enum forward_chain_kind kind_of(uint8_t family, const char *name)
{
	bool as_of_iptables =
		strcmp(name, "FORWARD") == 0 && (family == NFPROTO_IPV4 || family == NFPROTO_IPV6);

	return as_of_iptables ? FORWARD_CHAIN_IPTABLES : FORWARD_CHAIN_NFT;
}

static int on_chain(struct nl_msg *msg, void *ctx)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct nfgenmsg *general = nlmsg_data(header);
	struct nlattr *attrs[NFTA_CHAIN_MAX + 1];
	const char *table, *name;

	if (nlmsg_parse(header, sizeof(*general), attrs, NFTA_CHAIN_MAX, NULL) < 0 ||
	    !attrs[NFTA_CHAIN_TABLE] || !attrs[NFTA_CHAIN_NAME] || !attrs[NFTA_CHAIN_POLICY] ||
	    !is_passed(general->nfgen_family) || !is_base_of_forward(attrs[NFTA_CHAIN_HOOK]) ||
	    ntohl(nla_get_u32(attrs[NFTA_CHAIN_POLICY])) != NF_DROP)
		return NL_OK;
	table = nla_get_string(attrs[NFTA_CHAIN_TABLE]);
	name = nla_get_string(attrs[NFTA_CHAIN_NAME]);
	add(ctx, kind_of(general->nfgen_family, name), general->nfgen_family, table, name);
	return NL_OK;
}

/* Also of chains that it jumps to. */
static int on_rule(struct nl_msg *msg, void *ctx)
{
	struct forward_chain *chain = ctx;
	struct nlmsghdr *header = nlmsg_hdr(msg);

	if (names_our_bridges(nlmsg_data(header), (size_t)nlmsg_datalen(header)))
		chain->knows_us = true;
	return NL_OK;
}

/* All of @type, or what of it is in @table, to @on_message. */
static int dump(int type, uint8_t family, const char *table, nl_recvmsg_msg_cb_t on_message,
		void *ctx, struct error *err)
{
	struct nfgenmsg general = { .nfgen_family = family, .version = NFNETLINK_V0 };
	AUTO(free_socket) struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg =
		nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_REQUEST | NLM_F_DUMP);
	int r;

	check(sock && msg && nlmsg_append(msg, &general, sizeof(general), NLMSG_ALIGNTO) == 0);
	check(!table || nla_put_string(msg, NFTA_RULE_TABLE, table) == 0);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, ctx);
	r = nl_connect(sock, NETLINK_NETFILTER);
	if (r == 0)
		r = nl_send_auto(sock, msg);
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	nlmsg_free(msg);
	if (r == -NLE_PROTO_MISMATCH || r == -NLE_AF_NOSUPPORT || r == -NLE_OPNOTSUPP ||
	    r == -NLE_INVAL)
		return 0; /* not in this kernel */
	return r < 0 ? error_set(err, r == -NLE_PERM ? -EPERM : -EIO,
				 "cannot list the chains of nftables: %s", nl_geterror(r))
		     : 0;
}

static int list_nft(struct forward_chains *chains, struct error *err)
{
	int r = dump(NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, NULL, on_chain, chains, err);

	for (size_t i = 0; r == 0 && i < chains->n; i++)
		r = dump(NFT_MSG_GETRULE, chains->items[i].family, chains->items[i].table, on_rule,
			 &chains->items[i], err);
	return r;
}

/* ---- iptables without nftables ---- */

/* Whether the entry at @at, the last of its chain, drops. */
static bool drops(const struct ipt_get_entries *entries, size_t at)
{
	const struct ipt_entry *entry;
	const struct xt_standard_target *target;

	if (at > entries->size || entries->size - at < sizeof(*entry))
		return false;
	entry = (const void *)((const char *)entries->entrytable + at);
	if (entries->size - at < entry->target_offset + sizeof(*target))
		return false;
	target = (const void *)((const char *)entry + entry->target_offset);
	return !*target->target.u.user.name && target->verdict == -NF_DROP - 1;
}

/* Asked only where the table is there already: asking would make it. */
static bool has_legacy_filter(void)
{
	AUTO_BUF struct buf names = { 0 };

	return fs_read_file(AT_FDCWD, "/proc/net/ip_tables_names", NAMES_MAX_BYTES, &names, NULL) ==
		       0 &&
	       names.len && strstr(names.data, "filter\n");
}

static int list_legacy(struct forward_chains *chains, struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	AUTO_FREE struct ipt_get_entries *entries = NULL;
	struct ipt_getinfo info = { .name = "filter" };
	socklen_t len = sizeof(info);

	if (fd < 0 || getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &len) < 0)
		return error_set(err, -errno, "cannot list the chains of iptables: %m");
	if (!(info.valid_hooks & 1U << FORWARD_HOOK) || info.size > LEGACY_MAX_BYTES)
		return 0;
	len = (socklen_t)(sizeof(*entries) + info.size);
	entries = xcalloc(1, len);
	memcpy(entries->name, info.name, sizeof(entries->name));
	entries->size = info.size;
	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, entries, &len) < 0)
		return error_set(err, -errno, "cannot list the rules of iptables: %m");
	if (drops(entries, info.underflow[FORWARD_HOOK]))
		add(chains, FORWARD_CHAIN_LEGACY, NFPROTO_IPV4, "filter", "FORWARD")->knows_us =
			names_our_bridges(entries->entrytable, entries->size);
	return 0;
}

int forward_chains_list(struct forward_chains *ret, struct error *err)
{
	int r = list_nft(ret, err);

	return r == 0 && has_legacy_filter() ? list_legacy(ret, err) : r;
}
