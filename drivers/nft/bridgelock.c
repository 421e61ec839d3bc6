/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/bridgelock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "drivers/netlink/nl.h"

/*
 * What comes from a cell passes the first program before the filter's prerouting hook. It is made
 * to look as if it had been sent to many, and what looks so is neither forwarded nor taken by TCP;
 * nor, of IPv4, by anybody (drop_unicast_in_l2_multicast). The filter makes it look as it was. With
 * bridge-nf-call-iptables the filter comes first, and has put its mark on the packet: that stays as
 * it is.
 * What goes to a cell passes the second one after all hooks: it has the filter's mark, or ends
 * here. ARP, and whatever else is not IP, goes both ways.
 */

#define LOAD(to, from, field)                                                                      \
	{                                                                                          \
		.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = (to), .src_reg = (from),             \
		.off = offsetof(struct __sk_buff, field)                                           \
	}
#define STORE(to, field, from)                                                                     \
	{                                                                                          \
		.code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = (to), .src_reg = (from),             \
		.off = offsetof(struct __sk_buff, field)                                           \
	}
#define COPY(to, from)                                                                             \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from)            \
	}
#define SET(to, value)                                                                             \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (value)               \
	}
#define FLIP(to, value)                                                                            \
	{                                                                                          \
		.code = BPF_ALU | BPF_XOR | BPF_K, .dst_reg = (to), .imm = (value)                 \
	}
/* Skips @n instructions. */
#define SKIP_IF(reg, op, value, n)                                                                 \
	{                                                                                          \
		.code = BPF_JMP | (op) | BPF_K, .dst_reg = (reg), .off = (n), .imm = (value)       \
	}
#define SKIP(n)                                                                                    \
	{                                                                                          \
		.code = BPF_JMP | BPF_JA, .off = (n)                                               \
	}
#define CALL(function)                                                                             \
	{                                                                                          \
		.code = BPF_JMP | BPF_CALL, .imm = (function)                                      \
	}
#define END                                                                                        \
	{                                                                                          \
		.code = BPF_JMP | BPF_EXIT                                                         \
	}

enum { SEEN = 0x1000, NAME_BYTES = 16 };

/* Filters of others come behind ours: both programs leave the rest to them. */
static const struct bpf_insn from_cells[] = {
	COPY(BPF_REG_6, BPF_REG_1),
	LOAD(BPF_REG_2, BPF_REG_6, protocol),
	SKIP_IF(BPF_REG_2, BPF_JEQ, __constant_htons(ETH_P_IP), 1),
	SKIP_IF(BPF_REG_2, BPF_JNE, __constant_htons(ETH_P_IPV6), 11),
	LOAD(BPF_REG_2, BPF_REG_6, mark),
	SKIP_IF(BPF_REG_2, BPF_JSET, SEEN, 1),
	SKIP(3),
	FLIP(BPF_REG_2, SEEN),
	STORE(BPF_REG_6, mark, BPF_REG_2),
	SKIP(5),
	LOAD(BPF_REG_2, BPF_REG_6, pkt_type),
	SKIP_IF(BPF_REG_2, BPF_JNE, PACKET_HOST, 3),
	COPY(BPF_REG_1, BPF_REG_6),
	SET(BPF_REG_2, PACKET_MULTICAST),
	CALL(BPF_FUNC_skb_change_type),
	SET(BPF_REG_0, TC_ACT_UNSPEC),
	END,
};
static const struct bpf_insn to_cells[] = {
	SET(BPF_REG_0, TC_ACT_UNSPEC),
	LOAD(BPF_REG_2, BPF_REG_1, protocol),
	SKIP_IF(BPF_REG_2, BPF_JEQ, __constant_htons(ETH_P_IP), 1),
	SKIP_IF(BPF_REG_2, BPF_JNE, __constant_htons(ETH_P_IPV6), 5),
	LOAD(BPF_REG_2, BPF_REG_1, mark),
	SKIP_IF(BPF_REG_2, BPF_JSET, SEEN, 1),
	SET(BPF_REG_0, TC_ACT_SHOT),
	FLIP(BPF_REG_2, SEEN),
	STORE(BPF_REG_1, mark, BPF_REG_2),
	END,
};

static const struct {
	const char *name;
	const struct bpf_insn *code;
	size_t length;
	uint32_t parent;
} programs[] = {
	{ "kuke_from_cells", from_cells, ARRAY_SIZE(from_cells),
	  TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) },
	{ "kuke_to_cells", to_cells, ARRAY_SIZE(to_cells),
	  TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS) },
};

enum { PROGRAMS = ARRAY_SIZE(programs) };

/* Of this kernel, for all bridges and for as long as we run. */
static _Atomic enum { UNTRIED, WORKS, REFUSED } kernel;

bool bridgelock_works(void)
{
	return kernel == WORKS;
}

/* ---- programs ---- */

static int load(size_t i, struct error *err)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SCHED_CLS,
				.insn_cnt = (uint32_t)programs[i].length,
				.insns = (uintptr_t)programs[i].code,
				.license = (uintptr_t) "Apache-2.0" };
	int fd;

	str_copy(attr.prog_name, NAME_BYTES, programs[i].name);
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? error_set(err, -errno, "the kernel does not take a program: %m") : fd;
}

static void unload(int fds[PROGRAMS])
{
	for (size_t i = 0; i < PROGRAMS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int load_all(int ret_fds[PROGRAMS], struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < PROGRAMS; i++)
		ret_fds[i] = -1;
	for (size_t i = 0; i < PROGRAMS && r >= 0; i++)
		r = ret_fds[i] = load(i, err);
	if (r < 0)
		unload(ret_fds);
	return r < 0 ? r : 0;
}

/* ---- the bridge's queue ---- */

static struct nl_msg *message(int type, int flags, const struct tcmsg *head, const char *kind)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	check(msg && nlmsg_append(msg, (void *)head, sizeof(*head), NLMSG_ALIGNTO) == 0);
	check(!kind || nla_put_string(msg, TCA_KIND, kind) == 0);
	return msg;
}

static struct tcmsg queue_of(int ifindex)
{
	return (struct tcmsg){ .tcm_ifindex = ifindex,
			       .tcm_parent = TC_H_CLSACT,
			       .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
}

static int add_queue(struct nl_sock *sock, int ifindex, struct error *err)
{
	const struct tcmsg queue = queue_of(ifindex);
	int r = nl_send_sync(sock, message(RTM_NEWQDISC, NLM_F_CREATE, &queue, "clsact"));

	return r < 0 && r != -NLE_EXIST ? nl_to_error(err, "give the bridge a queue", r) : 0;
}

static struct tcmsg program_of(int ifindex, size_t i)
{
	return (struct tcmsg){ .tcm_ifindex = ifindex,
			       .tcm_parent = programs[i].parent,
			       .tcm_handle = 1,
			       .tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL)) };
}

static bool has_program(struct nl_sock *sock, int ifindex, size_t i)
{
	const struct tcmsg filter = program_of(ifindex, i);
	struct nl_msg *msg = message(RTM_GETTFILTER, 0, &filter, "bpf");
	int r = nl_send_auto(sock, msg);

	nlmsg_free(msg);
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	return r >= 0 && nl_wait_for_ack(sock) >= 0; /* which follows what was asked for */
}

/* In the place of one that is there. */
static int add_program(struct nl_sock *sock, int ifindex, size_t i, int fd, struct error *err)
{
	const struct tcmsg filter = program_of(ifindex, i);
	struct nl_msg *msg = message(RTM_NEWTFILTER, NLM_F_CREATE, &filter, "bpf");
	struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);
	int r;

	check(options && nla_put_u32(msg, TCA_BPF_FD, (uint32_t)fd) == 0 &&
	      nla_put_string(msg, TCA_BPF_NAME, programs[i].name) == 0 &&
	      nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) == 0);
	nla_nest_end(msg, options);
	r = nl_send_sync(sock, msg);
	return r < 0 ? nl_to_error(err, "lock the bridge", r) : 0;
}

/* What is not meant for many, and looks so, is dropped; of IPv4, after the filter has had it. */
static void drop_disguised(const char *bridge)
{
	AUTO_FREE char *path =
		xasprintf("/proc/sys/net/ipv4/conf/%s/drop_unicast_in_l2_multicast", bridge);

	fs_write_existing(AT_FDCWD, path, "1", NULL);
}

static int lock(struct nl_sock *sock, const char *bridge, const int fds[PROGRAMS],
		struct error *err)
{
	int ifindex = (int)if_nametoindex(bridge);
	int r = ifindex ? add_queue(sock, ifindex, err) : 0;

	for (size_t i = 0; ifindex && r == 0 && i < PROGRAMS; i++)
		r = add_program(sock, ifindex, i, fds[i], err);
	drop_disguised(bridge);
	return if_nametoindex(bridge) ? r : 0; /* it may have gone meanwhile */
}

bool bridgelock_is_whole(struct nl_sock *sock, int ifindex)
{
	for (size_t i = 0; i < PROGRAMS; i++)
		if (!has_program(sock, ifindex, i))
			return false;
	return true;
}

static bool wants_lock(struct nl_sock *sock, const char *bridge, bool anew)
{
	int ifindex = (int)if_nametoindex(bridge);

	return ifindex && (anew || !bridgelock_is_whole(sock, ifindex));
}

static int lock_all(const struct strv *bridges, bool anew, struct error *err)
{
	AUTO(nl_auto_socket) struct nl_sock *sock = NULL;
	int fds[PROGRAMS] = { -1, -1 };
	bool locked = false;
	int r = nl_open(&sock, err);

	for (size_t i = 0; i < bridges->n && r == 0; i++) {
		if (!wants_lock(sock, bridges->items[i], anew))
			continue;
		r = locked ? 0 : load_all(fds, err);
		locked |= r == 0;
		if (r == 0)
			r = lock(sock, bridges->items[i], fds, err);
	}
	if (locked)
		unload(fds);
	if (r == 0 && locked)
		kernel = WORKS;
	return r;
}

void bridgelock_set(const struct strv *bridges, bool anew)
{
	struct error err;

	if (lock_all(bridges, anew, &err) == 0)
		return;
	if (kernel != REFUSED)
		log_warning("bridges have no second lock beside the packet filter: %s", err.msg);
	kernel = REFUSED;
}

void bridgelock_set_one(const char *bridge)
{
	AUTO(strv_fini) struct strv bridges = { 0 };

	if (str_empty(bridge))
		return;
	strv_add(&bridges, bridge);
	bridgelock_set(&bridges, false);
}
