/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/filter_text.h"

#include "core/base/buf.h"
#include "drivers/nft/bridgelock.h"
#include "drivers/nft/filter_elements.h"

/*
 * guard, sent: the bridges take packets for 127.0.0.0/8, or no answer to a connection of the host
 * to its own 127.0.0.1:port would come back; and a port that leads elsewhere is led there before
 * the kernel asks whether such an address may come in by this link. So nothing comes in by a link
 * with an address of loopback, nor leaves with one, whatever route_localnet says; answers have one
 * only in between. The kernel itself takes none of IPv6 in. A VRF is the loopback of its table.
 * forward: with bridge-nf-call-iptables, packets within a bridge come by here too, which "inside"
 * lets pass.
 * The drop between bridges comes before everything that depends on connections, so that none that
 * began before its time lives on. egress: what begins inside is looked up packet by packet, so that
 * a policy that becomes stricter ends what it does not allow; it passes by a rule that says so, and
 * never because a chain has been emptied. What is said to everybody on a bridge
 * is for the bridge alone, and counts as no attempt. host: services of the host; a space that
 * denies may still ask which neighbour has an IPv6 address, without which not even an answer gets
 * there. leaving: the kernel leads nothing from ::1 elsewhere. post: a cell that reaches a port of
 * its own space through the host gets its answer through the host too, or would not know it.
 * forward_again, host_again: the same once more, by base chains of their own, so that whoever
 * empties or opens one of the two, alone or before we have put it back, still meets the other. A
 * mark "the first one has let it pass" would cost less, and be one more bit that is nobody else's
 * any more; a policy of drop would meet what is not ours. What goes to a cell needs no second look:
 * an emptied forward marks nothing, and the lock wants the mark. arriving says again what guard
 * says of loopback, for what a port would lead on. seen, forward, sent: what the second lock
 * (bridgelock.h) asks for. Packets to a cell are marked by the chain that judges them: no hand
 * takes away the one without the other. Those from cells look as if they had been sent to many, but
 * where they come by here before the bridge hands them up. What the host sends to a published port
 * had another way out when it began.
 */
#define SEEN "meta mark set meta mark | " BRIDGELOCK_SEEN
static const char rules[] =
	"	chain looped {\n"
	"		iiftype loopback return\n"
	"		meta iifkind \"vrf\" return\n"
	"		drop\n"
	"	}\n"
	"	chain looping {\n"
	"		oiftype loopback return\n"
	"		meta oifkind \"vrf\" return\n"
	"		drop\n"
	"	}\n"
	"	chain guard {\n"
	"		type filter hook prerouting priority raw;\n"
	"		ip daddr 127.0.0.0/8 jump looped\n"
	"		ip saddr 127.0.0.0/8 jump looped\n"
	"	}\n"
	"	chain refuse {\n"
	"		iifname @dropped drop\n"
	"		drop\n"
	"	}\n"
	"	chain egress {\n"
	"		ct direction reply ct state established,related accept\n"
	"		iifname . ip saddr @guests goto refuse\n"
	"		iifname . ip6 saddr @guests6 goto refuse\n"
	"		iifname != @deny accept\n"
	"		fib daddr type { broadcast, multicast } drop\n"
	"		iifname . ip daddr @allowed accept\n"
	"		iifname . ip6 daddr @allowed6 accept\n"
	"		iifname . ip daddr . meta l4proto . th dport @allowed_ports accept\n"
	"		iifname . ip6 daddr . meta l4proto . th dport @allowed_ports6 accept\n"
	"		meta l4proto { icmp, icmpv6 } ct state related accept\n"
	"		goto refuse\n"
	"	}\n"
	"	chain seen {\n"
	"		type filter hook prerouting priority 300;\n"
	"		meta pkttype multicast iifname @bridges meta pkttype set host accept\n"
	"		iifname @bridges " SEEN "\n"
	"	}\n"
	"	chain host {\n"
	"		type filter hook input priority filter;\n"
	"		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"		iifname @bridges jump egress\n"
	"		iifname @bridges drop\n"
	"	}\n"
	"	chain host_again {\n"
	"		type filter hook input priority filter + 1;\n"
	"		iifname != @bridges accept\n"
	"		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"		jump egress\n"
	"		drop\n"
	"	}\n"
	"	chain forward {\n"
	"		type filter hook forward priority filter;\n"
	"		iifname . oifname @inside " SEEN " accept\n"
	"		oifname @bridges " SEEN "\n"
	"		iifname != @bridges oifname != @bridges accept\n"
	"		iifname @bridges oifname @bridges drop\n"
	"		iifname @bridges jump egress\n"
	"		iifname @bridges drop\n"
	"		ct status dnat accept\n"
	"		ct direction reply ct state established,related accept\n"
	"		drop\n"
	"	}\n"
	"	chain forward_again {\n"
	"		type filter hook forward priority filter + 1;\n"
	"		iifname . oifname @inside accept\n"
	"		iifname != @bridges accept\n"
	"		oifname @bridges drop\n"
	"		jump egress\n"
	"		drop\n"
	"	}\n"
	"	chain arriving {\n"
	"		type nat hook prerouting priority dstnat;\n"
	"		ip daddr 127.0.0.0/8 jump looped\n"
	"		fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at\n"
	"		fib daddr type local dnat ip to meta l4proto . th dport map @ports\n"
	"		fib daddr type local dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports_at6\n"
	"		fib daddr type local dnat ip6 to meta l4proto . th dport map @ports6\n"
	"	}\n"
	"	chain leaving {\n"
	"		type nat hook output priority -100;\n"
	"		fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at\n"
	"		fib daddr type local dnat ip to meta l4proto . th dport map @ports\n"
	"		ip6 daddr ::1 return\n"
	"		fib daddr type local dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports_at6\n"
	"		fib daddr type local dnat ip6 to meta l4proto . th dport map @ports6\n"
	"	}\n"
	"	chain post {\n"
	"		type nat hook postrouting priority srcnat;\n"
	"		iifname @bridges oifname != @bridges masquerade\n"
	"		oifname @bridges ip saddr 127.0.0.0/8 masquerade\n"
	"		ct status dnat oifname . ip saddr @ranges masquerade\n"
	"		ct status dnat oifname . ip6 saddr @ranges6 masquerade\n"
	"	}\n"
	"	chain sent {\n"
	"		type filter hook output priority 300;\n"
	"		ip saddr 127.0.0.0/8 ct state invalid,untracked jump looping\n"
	"		oifname @bridges " SEEN " accept\n"
	"		ct status dnat " SEEN " accept\n"
	"		ip saddr 127.0.0.0/8 jump looping\n"
	"		ip6 saddr ::1 jump looping\n"
	"	}\n";

static void print_element(const struct filter_element *element, bool first, struct buf *out)
{
	buf_printf(out, "%s%s%s%s", first ? "" : ", ", element->key, element->data ? " : " : "",
		   element->data ? element->data : "");
}

/* ---- the whole ---- */

static void print_set(enum filter_set set, const struct filter_elements *elements, struct buf *out)
{
	buf_printf(out, "	%s", filter_set_declaration(set));
	if (elements->n)
		buf_add_str(out, " elements = { ");
	for (size_t i = 0; i < elements->n; i++)
		print_element(&elements->items[i], i == 0, out);
	buf_add_str(out, elements->n ? " }; }\n" : " }\n");
}

char *filter_text_whole(const char *name, const struct filter_wish *wish)
{
	AUTO_BUF struct buf out = { 0 };
	struct filter_elements tables[SET_COUNT] = { 0 };

	buf_printf(&out, "add table inet %s\ndelete table inet %s\n", name, name);
	if (wish->n_spaces) {
		filter_elements_of(wish, tables);
		buf_printf(&out, "table inet %s {\n", name);
		for (int set = 0; set < SET_COUNT; set++)
			print_set(set, &tables[set], &out);
		buf_add_str(&out, rules);
		buf_add_str(&out, "}\n");
		filter_elements_fini(tables);
	}
	return buf_take(&out);
}

/* ---- the difference ---- */

/* "<verb> element inet <name> <set> { ... }" with those of @of that @other has not. */
static void print_missing(const char *verb, const char *name, enum filter_set set,
			  const struct filter_elements *of, const struct filter_elements *other,
			  struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < of->n; i++) {
		if (filter_elements_have(other, &of->items[i]))
			continue;
		if (first)
			buf_printf(out, "%s element inet %s %s { ", verb, name,
				   filter_set_name(set));
		print_element(&of->items[i], first, out);
		first = false;
	}
	if (!first)
		buf_add_str(out, " }\n");
}

static bool same_allow(const struct filter_space *a, const struct filter_space *b)
{
	bool same = a->n_allow == b->n_allow;

	for (size_t i = 0; same && i < a->n_allow; i++) {
		const struct filter_allow *x = &a->allow[i], *y = &b->allow[i];

		same = ip_compare(&x->first, &y->first) == 0 &&
		       ip_compare(&x->last, &y->last) == 0 && x->v6 == y->v6 &&
		       x->what == y->what && x->first_port == y->first_port &&
		       x->last_port == y->last_port;
	}
	return same;
}

static bool same_space(const struct filter_space *a, const struct filter_space *b)
{
	return strcmp(a->bridge, b->bridge) == 0 && strcmp(a->subnet, b->subnet) == 0 &&
	       str_equal(a->subnet6, b->subnet6) && a->denies == b->denies && same_allow(a, b) &&
	       !a->problem == !b->problem;
}

/* Borrows from @space. */
static void add_space(struct filter_wish *wish, const struct filter_space *space)
{
	wish->spaces = xrealloc(wish->spaces, (wish->n_spaces + 1) * sizeof(*wish->spaces));
	wish->spaces[wish->n_spaces++] = *space;
}

/* Adds the spaces of @wish that share a bridge with one of @others, which only a hand in the
 * conflists can bring about: what one of them loses the other keeps. */
static void add_sharing(struct filter_wish *part, const struct filter_wish *wish,
			const struct filter_wish *others, size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < wish->n_spaces; i++)
			if (strcmp(wish->spaces[i].bridge, others->spaces[k].bridge) == 0)
				add_space(part, &wish->spaces[i]);
}

/* Of the spaces, which stand by key, those that differ; one of hundreds is the usual case. The
 * parts borrow; only their lists of spaces are their own. */
static void leave_out_same(const struct filter_wish *from, const struct filter_wish *to,
			   struct filter_wish *ret_from, struct filter_wish *ret_to)
{
	size_t i = 0, k = 0, n_from, n_to;

	*ret_from = *from;
	ret_from->spaces = NULL;
	ret_from->n_spaces = 0;
	*ret_to = *to;
	ret_to->spaces = NULL;
	ret_to->n_spaces = 0;
	while (i < from->n_spaces || k < to->n_spaces) {
		int order = i == from->n_spaces ? 1
			    : k == to->n_spaces ? -1
						: strcmp(from->spaces[i].key, to->spaces[k].key);

		if (order == 0 && same_space(&from->spaces[i], &to->spaces[k])) {
			i++;
			k++;
			continue;
		}
		if (order <= 0)
			add_space(ret_from, &from->spaces[i++]);
		if (order >= 0)
			add_space(ret_to, &to->spaces[k++]);
	}
	n_from = ret_from->n_spaces;
	n_to = ret_to->n_spaces;
	add_sharing(ret_from, from, ret_from, n_from);
	add_sharing(ret_from, from, ret_to, n_to);
	add_sharing(ret_to, to, ret_from, n_from);
	add_sharing(ret_to, to, ret_to, n_to);
}

char *filter_text_change(const char *name, const struct filter_wish *from,
			 const struct filter_wish *to)
{
	struct filter_elements old[SET_COUNT] = { 0 }, new[SET_COUNT] = { 0 };
	struct filter_wish old_part, new_part;
	AUTO_BUF struct buf out = { 0 };

	if (!from->n_spaces && !to->n_spaces)
		return xstrdup("");
	if (!from->n_spaces || !to->n_spaces)
		return filter_text_whole(name, to);
	leave_out_same(from, to, &old_part, &new_part);
	filter_elements_of(&old_part, old);
	filter_elements_of(&new_part, new);
	free(old_part.spaces);
	free(new_part.spaces);
	for (int set = 0; set < SET_COUNT; set++) {
		print_missing("delete", name, set, &old[set], &new[set], &out);
		print_missing("add", name, set, &new[set], &old[set], &out);
	}
	filter_elements_fini(old);
	filter_elements_fini(new);
	return buf_take(&out);
}
