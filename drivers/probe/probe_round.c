/* SPDX-License-Identifier: Apache-2.0 */
/* probe: packets of ours through the kernel, space by space, and where they end. */
#include "drivers/probe/probe_round.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "drivers/nft/nft.h"
#include "drivers/nft/nft_run.h"
#include "drivers/probe/inject.h"
#include "drivers/probe/probe_why.h"

enum {
	LOST_MS = 100, /* where it was seen last: it comes through in a fraction of one */
	UNSEEN_MS =
		1000, /* it waits until the kernel has the time, on a machine at work for long */
	PORT_WORLD = 443,
	PORT_HOST = 53,
	SWITCH_MAX_BYTES = 16,
	PORTS_FIRST = 40000, /* of the sender: */
	PORTS_MASK = 0x3fff,
};

struct probe_op {
	struct op op;
	struct traffic *traffic; /* the caller's */
	char *table;
};

/* What a round has open. */
struct round {
	struct traffic *traffic;
	struct probes probes;
	struct uplinks uplinks;
	struct nl_sock *trace;
	struct nft_ctx *nft; /* holds the table */
	int program;
	bool bridged; /* others have rules for what stays within a bridge */
	bool missed;  /* some of what the kernel told */
};

static void round_fini(struct round *round)
{
	if (round->nft)
		nft_close(round->nft);
	nl_socket_free(round->trace);
	if (round->program >= 0)
		close(round->program);
	uplinks_fini(&round->uplinks);
	probes_fini(&round->probes);
}

/* ---- which ---- */

static struct probe *add(struct round *round, size_t space, enum probe_flow flow)
{
	struct probes *probes = &round->probes;
	struct probe *probe;

	probes->items = xrealloc(probes->items, (probes->n + 1) * sizeof(*probes->items));
	probe = &probes->items[probes->n];
	*probe = (struct probe){ .flow = flow, .space = space };
	probe->packet.sequence = probes->first + (uint32_t)probes->n++;
	probe->packet.acknowledged = probes->known_by;
	probe->packet.from_port = (uint16_t)(PORTS_FIRST + (probe->packet.sequence & PORTS_MASK));
	return probe;
}

/* From a cell, by its interface; the link's MAC is that of the bridge. */
static void add_from_cell(struct round *round, size_t i, enum probe_flow flow, const struct ip *to,
			  uint16_t port)
{
	const struct traffic_space *space = &round->traffic->spaces[i];
	const char *from = ip_is_v4(to) ? space->ip : space->ip6;
	struct packet packet = { .to = *to, .to_port = port };
	int link = (int)if_nametoindex(space->link);
	struct probe *probe;

	if (str_empty(from) || !link || !ip_parse(from, &packet.from) ||
	    !uplinks_mac_of(space->bridge, packet.to_mac))
		return;
	probe = add(round, i, flow);
	probe->link = link;
	probe->from_link = (int)if_nametoindex(space->bridge);
	memcpy(probe->packet.to_mac, packet.to_mac, sizeof(packet.to_mac));
	probe->packet.from = packet.from;
	probe->packet.to = *to;
	probe->packet.to_port = port;
}

static void add_from_outside(struct round *round, size_t i, const struct traffic_port *port,
			     const struct uplink *uplink, const char *name)
{
	bool v6 = !ip_is_v4(&uplink->ip);
	unsigned char mac[PACKET_MAC_BYTES];
	struct ip to = uplink->ip, cell;
	struct probe *probe;

	if (port->host_ip && (!ip_parse(port->host_ip, &to) || ip_compare(&to, &uplink->ip) != 0))
		return;
	if (!ip_parse(port->ip, &cell) || !uplinks_mac_of(name, mac))
		return;
	probe = add(round, i, PROBE_IN);
	probe->link = probe->from_link = uplink->ifindex;
	probe->to_link = (int)if_nametoindex(round->traffic->spaces[i].bridge);
	probe->port = probe->packet.to_port = port->number;
	probe->cell = cell;
	probe->packet.from = round->uplinks.world[v6];
	probe->packet.to = to;
	memcpy(probe->packet.to_mac, mac, sizeof(mac));
}

/* From the bridge's own address. */
static void add_to_cell(struct round *round, size_t i, const struct ip *gateway)
{
	const struct traffic_space *space = &round->traffic->spaces[i];
	const char *cell = ip_is_v4(gateway) ? space->ip : space->ip6;
	struct probe *probe;
	struct ip to;

	if (str_empty(cell) || !ip_parse(cell, &to))
		return;
	probe = add(round, i, PROBE_TO);
	probe->hook = BLOCKER_ROUTING;
	probe->from = probe->packet.from = *gateway;
	probe->to = probe->packet.to = to;
	probe->packet.to_port = PORT_WORLD;
}

/* What stays within a bridge passes no rule, but where others have some for it, or have those of IP
 * asked. */
static bool has_rules_inside(const struct round *round, bool v6)
{
	AUTO_BUF struct buf text = { 0 };

	if (round->bridged)
		return true;
	return fs_read_file(AT_FDCWD,
			    v6 ? "/proc/sys/net/bridge/bridge-nf-call-ip6tables"
			       : "/proc/sys/net/bridge/bridge-nf-call-iptables",
			    SWITCH_MAX_BYTES, &text, NULL) == 0 &&
	       text.data && text.data[0] == '1';
}

/* To a MAC that nobody has: the bridge leads it to all ports, and all of that is dropped. */
static void add_inside(struct round *round, size_t i, const char *peer)
{
	static const unsigned char nobodys[PACKET_MAC_BYTES] = { 0x02, 'k', 'u', 'k', 'e', 0x02 };
	size_t n = round->probes.n;
	struct ip to;

	if (str_empty(peer) || !ip_parse(peer, &to) || !has_rules_inside(round, !ip_is_v4(&to)))
		return;
	add_from_cell(round, i, PROBE_INSIDE, &to, PORT_WORLD);
	if (round->probes.n > n)
		memcpy(round->probes.items[n].packet.to_mac, nobodys, sizeof(nobodys));
}

static void add_of_family(struct round *round, size_t i, bool v6)
{
	const struct traffic_space *space = &round->traffic->spaces[i];
	const struct traffic_port *port = v6 ? &space->port6 : &space->port;
	const struct uplinks *uplinks = &round->uplinks;
	int bridge = (int)if_nametoindex(space->bridge);
	struct ip gateway;

	if (!space->denies && uplinks->reached[v6])
		add_from_cell(round, i, PROBE_OUT, &uplinks->world[v6], PORT_WORLD);
	if (uplinks_address_of(uplinks, bridge, v6, &gateway)) {
		add_to_cell(round, i, &gateway);
		if (!space->denies)
			add_from_cell(round, i, PROBE_HOST, &gateway, PORT_HOST);
	}
	add_inside(round, i, v6 ? space->peer6 : space->peer);
	for (size_t k = 0; port->number && k < uplinks->n_links[v6]; k++) {
		char name[IF_NAMESIZE];

		if (if_indextoname((unsigned)uplinks->links[v6][k].ifindex, name))
			add_from_outside(round, i, port, &uplinks->links[v6][k], name);
	}
}

static void add_all(struct round *round)
{
	for (size_t i = 0; i < round->traffic->n_spaces; i++) {
		add_of_family(round, i, false);
		add_of_family(round, i, true);
	}
}

static bool any_v6(const struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->n_spaces; i++)
		if (!str_empty(traffic->spaces[i].ip6))
			return true;
	return false;
}

/* ---- the way ---- */

/* The table of a kernel or library that does not know of owners would stay behind a crash: there
 * nothing is asked. */
static int open_table(struct round *round, struct error *err)
{
	AUTO_FREE char *text = probes_table(&round->probes, round->bridged);
	const char *words;

	round->nft = nft_open();
	if (!round->nft)
		return error_set(err, -ENOMEM, "libnftables cannot be used");
	if (nft_run(round->nft, text) == 0)
		return 0;
	words = nft_ctx_get_error_buffer(round->nft);
	return error_set(err, -EOPNOTSUPP, "the packet filter takes no table with an owner: %.*s",
			 (int)strcspn(words, "\n"), words);
}

static int send_all(struct round *round, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < round->probes.n; i++) {
		const struct probe *probe = &round->probes.items[i];
		unsigned char frame[PACKET_MAX_BYTES];
		size_t len = packet_print(&probe->packet, frame);

		if (probe->flow == PROBE_TO)
			inject_as_host(!ip_is_v4(&probe->packet.to), &probe->packet.to,
				       frame + PACKET_LINK_BYTES, len - PACKET_LINK_BYTES);
		else
			r = inject(round->program, probe->link, frame, len, err);
		if (r == -ENODEV) /* it went meanwhile, or is not up: it is lost and told so */
			r = 0;
	}
	return r;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool all_have_ended(const struct probes *probes)
{
	for (size_t i = 0; i < probes->n; i++)
		if (!probe_has_ended(&probes->items[i]))
			return false;
	return true;
}

/* A table sees all that comes in by a link that is up; what none has seen yet comes late. */
static bool all_have_begun(const struct probes *probes)
{
	for (size_t i = 0; i < probes->n; i++)
		if (!probes->items[i].stage && !probe_has_ended(&probes->items[i]))
			return false;
	return true;
}

static void on_trace(const struct nft_trace *trace, void *ctx)
{
	probes_note(ctx, trace);
}

static int hear_all(struct round *round, struct error *err)
{
	struct probes *probes = &round->probes;
	uint64_t now = now_ms(), until_ms = now + UNSEEN_MS;
	bool begun = false;
	int r = 0;

	while (r == 0 && !all_have_ended(probes) && now < until_ms) {
		r = nft_trace_read(round->trace, LOST_MS, on_trace, probes, &round->missed, err);
		now = now_ms();
		if (!begun && all_have_begun(probes)) {
			begun = true;
			until_ms = now + LOST_MS;
		}
	}
	return r;
}

static int run_round(struct round *round, struct error *err)
{
	int r = nft_trace_open(&round->trace, err);

	if (r == 0)
		r = round->program = inject_open(err);
	if (r >= 0)
		r = open_table(round, err);
	if (r == 0)
		r = send_all(round, err);
	return r < 0 ? r : hear_all(round, err);
}

/* ---- what is said of it ---- */

static void append(char **words, const char *more)
{
	AUTO_FREE char *before = take_ptr(*words);

	if (before && strstr(before, more))
		*words = take_ptr(before);
	else
		*words = before ? xasprintf("%s; %s", before, more) : xstrdup(more);
}

static void tell(const struct round *round, const struct probe *probe)
{
	struct traffic_space *space = &round->traffic->spaces[probe->space];
	AUTO_FREE char *words = NULL, *remedy = NULL;
	bool needed = probe->flow != PROBE_HOST && probe->flow != PROBE_TO;

	if (probe_result(probe) == PROBE_PASSED)
		return;
	probe_why(probe, &round->uplinks, space->bridge, &words, &remedy);
	append(needed ? &space->blocked : &space->shut, words);
	append(needed ? &space->remedy : &space->shut_remedy, remedy);
}

static void tell_all(struct round *round)
{
	nft_close(take_ptr(round->nft));
	for (size_t i = 0; i < round->traffic->n_spaces; i++)
		round->traffic->spaces[i].asked = true;
	for (size_t i = 0; i < round->probes.n; i++)
		tell(round, &round->probes.items[i]);
}

/* What this kernel cannot is said, and is no failure. */
static int impossible(struct traffic *traffic, int r, const struct error *err)
{
	if (r == -EPERM || r == -ENOENT || r == -EOPNOTSUPP || r == -EINVAL || r == -ENOSYS ||
	    r == -EACCES) {
		traffic->impossible = xstrdup(err->msg);
		return 0;
	}
	return r;
}

static int probe(struct op *op, struct error *err)
{
	struct probe_op *probe = container_of(op, struct probe_op, op);
	AUTO(round_fini) struct round round = { .traffic = probe->traffic, .program = -1 };
	uint32_t generation, random[2] = { 0 };
	int r = nft_generation(&generation, err);

	if (r < 0)
		return impossible(probe->traffic, r, err);
	if (getrandom(random, sizeof(random), 0) < 0)
		return error_set(err, -errno, "no random number: %m");
	round.probes.table = probe->table;
	round.probes.first = random[0] >> 1;
	round.probes.known_by = random[1] | 1;
	r = uplinks_find(&round.uplinks, any_v6(probe->traffic), err);
	round.bridged = nft_has_tables(NFPROTO_BRIDGE);
	if (r == 0)
		add_all(&round);
	if (r == 0 && round.probes.n)
		r = run_round(&round, err);
	if (r < 0)
		return impossible(probe->traffic, r, err);
	if (!round.missed)
		tell_all(&round);
	return 0;
}

static const struct step probe_steps[] = {
	{ .name = "lead a packet through the host", .blocking = probe, .apart = true },
	{ 0 },
};

static void on_finish(struct op *op, int status UNUSED)
{
	struct probe_op *probe = container_of(op, struct probe_op, op);

	free(probe->table);
	free(probe);
}

void netfilter_probe(struct netfilter *netfilter, struct traffic *traffic, struct call *call)
{
	struct probe_op *probe = xnew(struct probe_op);

	probe->traffic = traffic;
	probe->table = xasprintf("%s-probe", netfilter->table);
	op_start(&probe->op, netfilter->ops, probe_steps, on_finish, call);
}
