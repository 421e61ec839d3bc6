/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/netlink/routes.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "drivers/netlink/nl.h"

/* A dump during which something changed is not whole. */
enum { TRIES = 5 };

struct reading {
	void (*fn)(const struct route *route, void *ctx);
	void *ctx;
};

/* ---- messages ---- */

static int first_way(struct nlattr *attr)
{
	const struct rtnexthop *hop = nla_data(attr);

	return nla_len(attr) >= (int)sizeof(*hop) ? hop->rtnh_ifindex : 0;
}

static bool parse_route(struct nlmsghdr *header, struct route *ret)
{
	const struct rtmsg *msg = nlmsg_data(header);
	struct nlattr *attrs[RTA_MAX + 1];
	struct ip ip = { { 0 } };
	bool v6 = msg->rtm_family == AF_INET6;

	if (!nlmsg_valid_hdr(header, sizeof(*msg)) ||
	    (msg->rtm_family != AF_INET && msg->rtm_family != AF_INET6) ||
	    (msg->rtm_flags & RTM_F_CLONED && header->nlmsg_flags & NLM_F_MULTI) ||
	    nlmsg_parse(header, sizeof(*msg), attrs, RTA_MAX, NULL) < 0)
		return false;
	if (attrs[RTA_DST]) {
		if (!ip_from_bytes(nla_data(attrs[RTA_DST]), (size_t)nla_len(attrs[RTA_DST]), &ip))
			return false;
	} else if (!v6) {
		ip_parse("0.0.0.0", &ip);
	}
	*ret = (struct route){ .to = subnet_make(&ip, msg->rtm_dst_len + (v6 ? 0 : IP_V4_BEGINS)),
			       .v6 = v6,
			       .table = attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE])
							 : msg->rtm_table,
			       .protocol = msg->rtm_protocol,
			       .type = msg->rtm_type };
	ret->has_gateway = attrs[RTA_GATEWAY] || attrs[RTA_VIA] || attrs[RTA_MULTIPATH];
	if (attrs[RTA_OIF])
		ret->ifindex = (int)nla_get_u32(attrs[RTA_OIF]);
	else if (attrs[RTA_MULTIPATH])
		ret->ifindex = first_way(attrs[RTA_MULTIPATH]);
	return true;
}

static int on_route(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct reading *reading = arg;
	struct route route;

	if (header->nlmsg_type == RTM_NEWROUTE && parse_route(header, &route))
		reading->fn(&route, reading->ctx);
	return NL_OK;
}

/* ---- asking ---- */

static int receive(struct nl_sock *sock, nl_recvmsg_msg_cb_t on_message, void *arg)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r;

	check(cb);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, arg);
	r = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	return r;
}

/* What is told twice, because the first time was not whole, is told twice. */
static int dump(struct nl_sock *sock, int type, int family, nl_recvmsg_msg_cb_t on_message,
		void *arg)
{
	struct rtmsg msg = { .rtm_family = (unsigned char)family };
	int r = -NLE_DUMP_INTR;

	for (int i = 0; r == -NLE_DUMP_INTR && i < TRIES; i++) {
		r = nl_send_simple(sock, type, NLM_F_DUMP, &msg, sizeof(msg));
		if (r >= 0)
			r = receive(sock, on_message, arg);
	}
	return r == -NLE_DUMP_INTR ? 0 : r; /* what changes tells of itself */
}

int routes_socket(struct nl_sock **ret, struct error *err)
{
	int r = nl_open(ret, err);

	/* An answer that is acknowledged too would leave a message for the next one to find. */
	if (r == 0)
		nl_socket_disable_auto_ack(*ret);
	return r;
}

int routes_each(struct nl_sock *sock, void (*fn)(const struct route *, void *), void *ctx,
		struct error *err)
{
	struct reading reading = { .fn = fn, .ctx = ctx };
	int r = dump(sock, RTM_GETROUTE, AF_INET, on_route, &reading);

	if (r >= 0)
		r = dump(sock, RTM_GETROUTE, AF_INET6, on_route, &reading);
	return r < 0 ? nl_to_error(err, "list the host's routes", r) : 0;
}

struct answer {
	struct route *route;
	bool came;
	int code; /* of the kernel's error */
};

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct answer *answer = arg;

	answer->came |= nlmsg_hdr(msg)->nlmsg_type == RTM_NEWROUTE &&
			parse_route(nlmsg_hdr(msg), answer->route);
	return NL_OK;
}

static int on_refusal(struct sockaddr_nl *from UNUSED, struct nlmsgerr *message, void *arg)
{
	((struct answer *)arg)->code = message->error;
	return NL_STOP;
}

/* The kernel answers with an error where it would drop the packet. */
static int ask(struct nl_sock *sock, struct nl_msg *msg, struct answer *answer)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r = nl_send_auto(sock, msg);

	check(cb);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_answer, answer);
	nl_cb_err(cb, NL_CB_CUSTOM, on_refusal, answer);
	if (r >= 0)
		r = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	return r == -NLE_NOMEM || r == -NLE_PERM || r == -NLE_BAD_SOCK || r == -NLE_AGAIN ? r : 0;
}

static void put_ip(struct nl_msg *msg, int attribute, const struct ip *ip, bool v6)
{
	size_t skip = v6 ? 0 : IP_V4_BEGINS / 8;

	check(nla_put(msg, attribute, (int)(sizeof(ip->bytes) - skip), ip->bytes + skip) == 0);
}

static struct nl_msg *print_question(const struct routes_question *question)
{
	bool v6 = !ip_is_v4(&question->to);
	unsigned char bits = v6 ? IP_BITS : IP_BITS - IP_V4_BEGINS;
	const struct rtmsg to = { .rtm_family = v6 ? AF_INET6 : AF_INET,
				  .rtm_dst_len = bits,
				  .rtm_src_len = question->from ? bits : 0,
				  .rtm_flags = RTM_F_LOOKUP_TABLE };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);

	check(msg && nlmsg_append(msg, (void *)&to, sizeof(to), NLMSG_ALIGNTO) == 0);
	put_ip(msg, RTA_DST, &question->to, v6);
	if (question->from)
		put_ip(msg, RTA_SRC, question->from, v6);
	if (question->in_by)
		nla_put_u32(msg, RTA_IIF, (uint32_t)question->in_by);
	if (question->out_by)
		nla_put_u32(msg, RTA_OIF, (uint32_t)question->out_by);
	if (question->mark)
		nla_put_u32(msg, RTA_MARK, question->mark);
	return msg;
}

int routes_ask(struct nl_sock *sock, const struct routes_question *question, int *ret_code,
	       struct route *ret_route, struct error *err)
{
	struct nl_msg *msg = print_question(question);
	struct answer answer = { .route = ret_route };
	int r = ask(sock, msg, &answer);

	nlmsg_free(msg);
	*ret_code = answer.code;
	if (!answer.came && !answer.code)
		*ret_code = -ENETUNREACH;
	else if (answer.came && ret_route->type != RTN_UNICAST && ret_route->type != RTN_LOCAL)
		*ret_code = -EHOSTUNREACH;
	return r < 0 ? nl_to_error(err, "ask where the host sends packets", r) : 0;
}

int routes_look_up(struct nl_sock *sock, const struct ip *ip, bool *ret_reached,
		   struct route *ret_route, struct error *err)
{
	const struct routes_question question = { .to = *ip };
	int code = 0;
	int r = routes_ask(sock, &question, &code, ret_route, err);

	*ret_reached = r == 0 && !code && ret_route->ifindex;
	return r;
}

/* ---- ours ---- */

/* The metric that the kernel gives to routes of IPv6 addresses (IP6_RT_PRIO_ADDRCONF). */
enum { METRIC6 = 256 };

/* Behind a route of others to the same range, as the kernel would put it. */
int routes_add_connected(struct nl_sock *sock, int ifindex, const char *address, struct error *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND);
	struct rtmsg route = { .rtm_table = RT_TABLE_MAIN,
			       .rtm_protocol = RTPROT_KERNEL,
			       .rtm_type = RTN_UNICAST };
	struct ip ip, first;
	unsigned prefix;
	bool v6;
	int r;

	check(msg && ip_parse_range(address, &ip, &prefix));
	v6 = !ip_is_v4(&ip);
	first = ip_first(&ip, prefix);
	route.rtm_family = v6 ? AF_INET6 : AF_INET;
	route.rtm_dst_len = (unsigned char)(v6 ? prefix : prefix - IP_V4_BEGINS);
	route.rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	check(nlmsg_append(msg, &route, sizeof(route), NLMSG_ALIGNTO) == 0);
	put_ip(msg, RTA_DST, &first, v6);
	nla_put_u32(msg, RTA_OIF, (uint32_t)ifindex);
	if (v6)
		nla_put_u32(msg, RTA_PRIORITY, METRIC6);
	else
		put_ip(msg, RTA_PREFSRC, &ip, v6);
	r = nl_send_sync(sock, msg); /* frees it */
	return r < 0 && r != -NLE_EXIST ? nl_to_error(err, "put back the bridge's route", r) : 0;
}

/* ---- rules ---- */

static int on_rule(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct fib_rule_hdr *rule = nlmsg_data(header);
	bool *plain = arg;

	if (header->nlmsg_type == RTM_NEWRULE && nlmsg_valid_hdr(header, sizeof(*rule)) &&
	    rule->table != RT_TABLE_LOCAL && rule->table != RT_TABLE_MAIN &&
	    rule->table != RT_TABLE_DEFAULT)
		*plain = false;
	return NL_OK;
}

int routes_are_plain(struct nl_sock *sock, bool *ret_plain, struct error *err)
{
	int r;

	*ret_plain = true;
	r = dump(sock, RTM_GETRULE, AF_INET, on_rule, ret_plain);
	if (r >= 0)
		r = dump(sock, RTM_GETRULE, AF_INET6, on_rule, ret_plain);
	if (r == -NLE_OPNOTSUPP || r == -NLE_AF_NOSUPPORT)
		r = 0; /* the kernel knows no rules: nobody made one */
	return r < 0 ? nl_to_error(err, "list the host's routing rules", r) : 0;
}
