/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/filter_text.h"

#include <errno.h>
#include <net/if.h>

#include "core/base/buf.h"
#include "drivers/cni/conflist.h"

/* One entry of a set or map: of two with the same key the data may differ. */
struct element {
	char *key, *data; /* data: NULL in sets */
};

struct elements {
	struct element *items; /* by key, each once */
	size_t n;
};

enum set {
	SET_BRIDGES,
	SET_INSIDE,
	SET_DENY,
	SET_DROPPED,
	/* by family: that of IPv6 is the next one */
	SET_RANGES,
	SET_RANGES6,
	SET_GUESTS,
	SET_GUESTS6,
	SET_ALLOWED,
	SET_ALLOWED6,
	SET_ALLOWED_PORTS,
	SET_ALLOWED_PORTS6,
	SET_PORTS,
	SET_PORTS6,
	SET_PORTS_AT,
	SET_PORTS_AT6,
	SET_COUNT
};

#define BY_FAMILY(set, name, before, after)                                                        \
	[set] = { name, before " " name " { type " after("ipv4_addr") },                           \
	[set + 1] = { name "6", before " " name "6 { type " after("ipv6_addr") }

#define RANGES(address) "ifname . " address "; flags interval;"
#define GUESTS(address) "ifname . " address ";"
#define ALLOWED_PORTS(address) "ifname . " address " . inet_proto . inet_service; flags interval;"
#define PORTS(address) "inet_proto . inet_service : " address " . inet_service;"
#define PORTS_AT(address) address " . inet_proto . inet_service : " address " . inet_service;"

static const struct {
	const char *name, *declaration;
} sets[SET_COUNT] = {
	[SET_BRIDGES] = { "bridges", "set bridges { type ifname;" },
	[SET_INSIDE] = { "inside", "set inside { type ifname . ifname;" },
	[SET_DENY] = { "deny", "set deny { type ifname;" },
	[SET_DROPPED] = { FILTER_DROPPED_SET,
			  "set " FILTER_DROPPED_SET " { type ifname; counter;" },
	BY_FAMILY(SET_RANGES, "ranges", "set", RANGES),
	BY_FAMILY(SET_GUESTS, "guests", "set", GUESTS),
	BY_FAMILY(SET_ALLOWED, "allowed", "set", RANGES),
	BY_FAMILY(SET_ALLOWED_PORTS, "allowed_ports", "set", ALLOWED_PORTS),
	BY_FAMILY(SET_PORTS, "ports", "map", PORTS),
	BY_FAMILY(SET_PORTS_AT, "ports_at", "map", PORTS_AT),
};

/*
 * guard: the bridges take packets for 127.0.0.0/8, or no answer to a connection of the host to its
 * own 127.0.0.1:port would come back; those that are no answers are dropped before anything looks
 * at them. forward:
 * with bridge-nf-call-iptables, packets within a bridge come by here too, which "inside" lets pass.
 * The drop between bridges comes before everything that depends on connections, so that none that
 * began before its time lives on. egress: what begins inside is looked up packet by packet, so that
 * a policy that becomes stricter ends what it does not allow. What is said to everybody on a bridge
 * is for the bridge alone, and counts as no attempt. host: services of the host; a space that
 * denies may still ask which neighbour has an IPv6 address, without which not even an answer gets
 * there. leaving: the kernel leads nothing from ::1 elsewhere. post: a cell that reaches a port of
 * its own space through the host gets its answer through the host too, or would not know it.
 */
static const char rules[] =
	"	chain guard {\n"
	"		type filter hook prerouting priority raw;\n"
	"		iifname @bridges ip daddr 127.0.0.0/8 drop\n"
	"	}\n"
	"	chain refuse {\n"
	"		iifname @dropped drop\n"
	"		drop\n"
	"	}\n"
	"	chain egress {\n"
	"		ct direction reply ct state established,related accept\n"
	"		iifname . ip saddr @guests goto refuse\n"
	"		iifname . ip6 saddr @guests6 goto refuse\n"
	"		iifname != @deny return\n"
	"		fib daddr type { broadcast, multicast } drop\n"
	"		iifname . ip daddr @allowed accept\n"
	"		iifname . ip6 daddr @allowed6 accept\n"
	"		iifname . ip daddr . meta l4proto . th dport @allowed_ports accept\n"
	"		iifname . ip6 daddr . meta l4proto . th dport @allowed_ports6 accept\n"
	"		meta l4proto { icmp, icmpv6 } ct state related accept\n"
	"		goto refuse\n"
	"	}\n"
	"	chain host {\n"
	"		type filter hook input priority filter;\n"
	"		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	"		iifname @bridges jump egress\n"
	"	}\n"
	"	chain forward {\n"
	"		type filter hook forward priority filter;\n"
	"		iifname . oifname @inside accept\n"
	"		iifname != @bridges oifname != @bridges accept\n"
	"		iifname @bridges oifname @bridges drop\n"
	"		iifname @bridges jump egress\n"
	"		iifname @bridges accept\n"
	"		ct status dnat accept\n"
	"		ct direction reply ct state established,related accept\n"
	"		drop\n"
	"	}\n"
	"	chain arriving {\n"
	"		type nat hook prerouting priority dstnat;\n"
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
	"	}\n";

/* ---- elements ---- */

static void elements_fini(struct elements *elements)
{
	for (size_t i = 0; i < elements->n; i++) {
		free(elements->items[i].key);
		free(elements->items[i].data);
	}
	free(elements->items);
	*elements = (struct elements){ 0 };
}

/* Takes both strings. */
static void elements_add(struct elements *elements, char *key, char *data)
{
	elements->items = xrealloc(elements->items, (elements->n + 1) * sizeof(*elements->items));
	elements->items[elements->n++] = (struct element){ key, data };
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct element *)a)->key, ((const struct element *)b)->key);
}

/* Sorted; of several with the same key the first stays. */
static void elements_settle(struct elements *elements)
{
	size_t kept = 0;

	if (elements->n)
		qsort(elements->items, elements->n, sizeof(*elements->items), by_key);
	for (size_t i = 0; i < elements->n; i++) {
		if (kept && strcmp(elements->items[kept - 1].key, elements->items[i].key) == 0) {
			free(elements->items[i].key);
			free(elements->items[i].data);
		} else {
			elements->items[kept++] = elements->items[i];
		}
	}
	elements->n = kept;
}

static enum set of_family(enum set set, bool v6)
{
	return (enum set)((int)set + v6);
}

static void add_port(struct elements tables[SET_COUNT], const struct filter_port *port)
{
	const char *protocol = port->udp ? "udp" : "tcp";
	bool v6 = filter_is_ip6(port->ip);
	char *data = xasprintf("%s . %u", port->ip, port->port);

	if (port->host_ip)
		elements_add(&tables[of_family(SET_PORTS_AT, v6)],
			     xasprintf("%s . %s . %u", port->host_ip, protocol, port->host_port),
			     data);
	else
		elements_add(&tables[of_family(SET_PORTS, v6)],
			     xasprintf("%s . %u", protocol, port->host_port), data);
}

static void add_allow(struct elements tables[SET_COUNT], const char *bridge,
		      const struct filter_allow *allow)
{
	char first[IP_TEXT_BYTES], last[IP_TEXT_BYTES];
	AUTO_FREE char *range = NULL, *ports = NULL;
	bool v6 = !ip_is_v4(&allow->first);

	ip_format(&allow->first, first);
	range = ip_compare(&allow->first, &allow->last) == 0
			? xstrdup(first)
			: xasprintf("%s-%s", first, ip_format(&allow->last, last));
	if (allow->what == ALLOW_ALL) {
		elements_add(&tables[of_family(SET_ALLOWED, v6)],
			     xasprintf("\"%s\" . %s", bridge, range), NULL);
		return;
	}
	ports = allow->first_port == allow->last_port
			? xasprintf("%u", allow->first_port)
			: xasprintf("%u-%u", allow->first_port, allow->last_port);
	elements_add(&tables[of_family(SET_ALLOWED_PORTS, v6)],
		     xasprintf("\"%s\" . %s . %s . %s", bridge, range,
			       allow->what == ALLOW_UDP ? "udp" : "tcp", ports),
		     NULL);
}

static void add_policy(struct elements tables[SET_COUNT], const struct filter_space *space)
{
	if (!space->denies)
		return;
	elements_add(&tables[SET_DENY], xasprintf("\"%s\"", space->bridge), NULL);
	elements_add(&tables[SET_DROPPED], xasprintf("\"%s\"", space->bridge), NULL);
	for (size_t i = 0; i < space->n_allow; i++)
		add_allow(tables, space->bridge, &space->allow[i]);
}

static void add_space_elements(struct elements tables[SET_COUNT], const struct filter_space *space)
{
	const char *bridge = space->bridge;

	elements_add(&tables[SET_BRIDGES], xasprintf("\"%s\"", bridge), NULL);
	elements_add(&tables[SET_INSIDE], xasprintf("\"%s\" . \"%s\"", bridge, bridge), NULL);
	elements_add(&tables[SET_RANGES], xasprintf("\"%s\" . %s", bridge, space->subnet), NULL);
	if (space->subnet6)
		elements_add(&tables[SET_RANGES6], xasprintf("\"%s\" . %s", bridge, space->subnet6),
			     NULL);
	add_policy(tables, space);
}

static void add_guest(struct elements tables[SET_COUNT], const struct filter_guest *guest)
{
	enum set set = of_family(SET_GUESTS, filter_is_ip6(guest->ip));

	if (!conflist_is_link_name(guest->bridge))
		return; /* of a space that is left out */
	elements_add(&tables[set], xasprintf("\"%s\" . %s", guest->bridge, guest->ip), NULL);
	elements_add(&tables[SET_DROPPED], xasprintf("\"%s\"", guest->bridge), NULL);
}

static void elements_of(const struct filter_wish *wish, struct elements tables[SET_COUNT])
{
	for (size_t i = 0; i < wish->n_spaces; i++)
		if (!wish->spaces[i].problem)
			add_space_elements(tables, &wish->spaces[i]);
	for (size_t i = 0; i < wish->n_guests; i++)
		add_guest(tables, &wish->guests[i]);
	for (size_t i = 0; i < wish->n_ports; i++)
		if (!wish->ports[i].taken)
			add_port(tables, &wish->ports[i]);
	for (int set = 0; set < SET_COUNT; set++)
		elements_settle(&tables[set]);
}

static void all_fini(struct elements tables[SET_COUNT])
{
	for (int set = 0; set < SET_COUNT; set++)
		elements_fini(&tables[set]);
}

static void print_element(const struct element *element, bool first, struct buf *out)
{
	buf_printf(out, "%s%s%s%s", first ? "" : ", ", element->key, element->data ? " : " : "",
		   element->data ? element->data : "");
}

/* ---- the whole ---- */

static void print_set(enum set set, const struct elements *elements, struct buf *out)
{
	buf_printf(out, "	%s", sets[set].declaration);
	if (elements->n)
		buf_add_str(out, " elements = { ");
	for (size_t i = 0; i < elements->n; i++)
		print_element(&elements->items[i], i == 0, out);
	buf_add_str(out, elements->n ? " }; }\n" : " }\n");
}

char *filter_text_whole(const char *name, const struct filter_wish *wish)
{
	AUTO_BUF struct buf out = { 0 };
	struct elements tables[SET_COUNT] = { 0 };

	buf_printf(&out, "add table inet %s\ndelete table inet %s\n", name, name);
	if (wish->n_spaces) {
		elements_of(wish, tables);
		buf_printf(&out, "table inet %s {\n", name);
		for (int set = 0; set < SET_COUNT; set++)
			print_set(set, &tables[set], &out);
		buf_add_str(&out, rules);
		buf_add_str(&out, "}\n");
		all_fini(tables);
	}
	return buf_take(&out);
}

/* ---- the difference ---- */

static bool has(const struct elements *elements, const struct element *element)
{
	const struct element *found = elements->n ? bsearch(element, elements->items, elements->n,
							    sizeof(*elements->items), by_key)
						  : NULL;

	return found && str_equal(found->data, element->data);
}

/* "<verb> element inet <name> <set> { ... }" with those of @of that @other has not. */
static void print_missing(const char *verb, const char *name, enum set set,
			  const struct elements *of, const struct elements *other, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < of->n; i++) {
		if (has(other, &of->items[i]))
			continue;
		if (first)
			buf_printf(out, "%s element inet %s %s { ", verb, name, sets[set].name);
		print_element(&of->items[i], first, out);
		first = false;
	}
	if (!first)
		buf_add_str(out, " }\n");
}

static bool same_space(const struct filter_space *a, const struct filter_space *b)
{
	return strcmp(a->bridge, b->bridge) == 0 && strcmp(a->subnet, b->subnet) == 0 &&
	       str_equal(a->subnet6, b->subnet6) && a->denies == b->denies &&
	       a->n_allow == b->n_allow &&
	       (!a->n_allow || memcmp(a->allow, b->allow, a->n_allow * sizeof(*a->allow)) == 0) &&
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
	struct elements old[SET_COUNT] = { 0 }, new[SET_COUNT] = { 0 };
	struct filter_wish old_part, new_part;
	AUTO_BUF struct buf out = { 0 };

	if (!from->n_spaces && !to->n_spaces)
		return xstrdup("");
	if (!from->n_spaces || !to->n_spaces)
		return filter_text_whole(name, to);
	leave_out_same(from, to, &old_part, &new_part);
	elements_of(&old_part, old);
	elements_of(&new_part, new);
	free(old_part.spaces);
	free(new_part.spaces);
	for (int set = 0; set < SET_COUNT; set++) {
		print_missing("delete", name, set, &old[set], &new[set], &out);
		print_missing("add", name, set, &new[set], &old[set], &out);
	}
	all_fini(old);
	all_fini(new);
	return buf_take(&out);
}
