/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/netfilter.h"

#include <errno.h>
#include <fcntl.h>

#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/nft/bridgelock.h"
#include "drivers/nft/conntrack.h"
#include "drivers/nft/filter_check.h"
#include "drivers/nft/filter_text.h"
#include "drivers/nft/nft.h"
#include "drivers/nft/nft_run.h"

static const char DEFAULT_RUNTIME_DIR[] = "/run/kukeon/.";

enum { INSTANCE_DIGITS = 8, SWITCH_MAX_BYTES = 16 };

struct apply_op {
	struct op op;
	struct netfilter *netfilter;
	char *table;
	struct filter_wish wish, before;
	struct filter_wish *ret_wish; /* of the caller */
	bool known;                   /* the kernel has @before */
	uint32_t believed;            /* the generation at which it had; 0: changes are watched */
	uint32_t from, to;            /* generations around the transaction */
	bool first;                   /* since we started */
	struct held_ports held;
};

static struct apply_op *to_apply_op(struct op *op)
{
	return container_of(op, struct apply_op, op);
}

/* ---- on a worker ---- */

/* libnftables says more than a line. */
static int refused(const char *words, struct error *err)
{
	return error_set(err, -EIO,
			 "%.*s (the kernel needs nf_tables with NAT and fib: see kuke doctor)",
			 (int)strcspn(words, "\n"), words);
}

static int run_commands(const char *text, struct error *err)
{
	struct nft_ctx *nft = nft_open();
	int r;

	if (!nft)
		return error_set(err, -ENOMEM, "libnftables cannot be used");
	r = nft_run(nft, text);
	if (r != 0)
		r = refused(nft_ctx_get_error_buffer(nft), err);
	nft_close(nft);
	return r;
}

/* A kernel that cannot filter has nothing to be removed. */
static int remove_table(const char *table, struct error *err)
{
	AUTO_FREE char *name = xasprintf("inet/%s", table);
	AUTO(strv_fini) struct strv tables = { 0 };
	int r = nft_list_tables(&tables, err);

	for (size_t i = 0; r == 0 && i < tables.n; i++)
		if (str_equal(tables.items[i], name))
			return nft_delete_table(name, err);
	return r;
}

static bool is_on(const char *path)
{
	AUTO_BUF struct buf text = { 0 };

	return fs_read_file(AT_FDCWD, path, SWITCH_MAX_BYTES, &text, NULL) == 0 && text.data &&
	       text.data[0] == '1';
}

/* Answers to 127.0.0.1:port come back over the bridge, which takes such packets only when told to.
 * The filter drops all others. A bridge that is not there yet is told when a cell is attached. What
 * is on is not written: whoever watches the switch would look again. */
static void let_loopback_in(const struct filter_wish *wish)
{
	for (size_t i = 0; i < wish->n_ports; i++) {
		const struct filter_port *port = &wish->ports[i];
		AUTO_FREE char *path =
			xasprintf("/proc/sys/net/ipv4/conf/%s/route_localnet", port->bridge);

		if (!port->taken && name_is_link(port->bridge) &&
		    (!port->host_ip || str_starts_with(port->host_ip, "127.")) && !is_on(path))
			fs_write_existing(AT_FDCWD, path, "1", NULL);
	}
}

/* Whatever locks there are may be of an earlier version; what it let through knew them. */
static void lock_bridges(const struct apply_op *apply)
{
	AUTO(strv_fini) struct strv bridges = { 0 };

	for (size_t i = 0; i < apply->wish.n_spaces; i++)
		if (!apply->wish.spaces[i].problem)
			strv_add(&bridges, apply->wish.spaces[i].bridge);
	bridgelock_set(&bridges, apply->first);
}

static int replace(const struct apply_op *apply, struct error *err)
{
	AUTO_FREE char *text = filter_text_whole(apply->table, &apply->wish);
	int r = run_commands(text, err);

	if (r == 0)
		lock_bridges(apply);
	return r;
}

/* The difference may not fit what another hand has left there: then the whole does. */
static int change(const struct apply_op *apply, struct error *err)
{
	const struct filter_wish *before = apply->known ? &apply->before : NULL;
	AUTO_FREE char *text =
		before ? filter_text_change(apply->table, before, &apply->wish) : NULL;
	int r;

	if (text && !*text)
		return 0;
	r = text ? run_commands(text, err) : -EAGAIN;
	if (r < 0)
		r = replace(apply, err);
	return r < 0 ? r : conntrack_forget(before, &apply->wish, err);
}

static int run_apply(struct op *op, struct error *err)
{
	struct apply_op *apply = to_apply_op(op);
	int r = filter_check(&apply->wish, err);

	if (r < 0)
		return r;
	if (!apply->wish.n_spaces && !apply->known)
		return remove_table(apply->table, err);
	r = nft_generation(&apply->from, err); /* libnftables ends the process without netlink */
	if (r < 0)
		return r;
	apply->known &= !apply->believed || apply->believed == apply->from;
	held_ports_update(&apply->held, &apply->wish);
	r = change(apply, err);
	let_loopback_in(&apply->wish);
	return r < 0 ? r : nft_generation(&apply->to, err);
}

/* ---- on the loop ---- */

static void on_changed(void *ctx)
{
	struct netfilter *netfilter = ctx;

	if (!netfilter->known)
		return; /* told already, or nothing was applied yet */
	netfilter->known = false;
	netfilter->listener.on_filter(netfilter->listener.ctx);
}

static void on_others(void *ctx, const char *bridge)
{
	struct netfilter *netfilter = ctx;

	netfilter->listener.on_rules(netfilter->listener.ctx, bridge);
}

/* What is not in force the caller hears of. */
static void tell_left_out(const struct apply_op *apply)
{
	for (size_t i = 0; i < apply->wish.n_spaces; i++)
		if (apply->wish.spaces[i].problem)
			apply->ret_wish->spaces[i].problem = xstrdup(apply->wish.spaces[i].problem);
	for (size_t i = 0; i < apply->wish.n_ports; i++)
		apply->ret_wish->ports[i].taken = apply->wish.ports[i].taken;
}

static void on_finish(struct op *op, int status)
{
	struct apply_op *apply = to_apply_op(op);
	struct netfilter *netfilter = apply->netfilter;

	if (status == 0)
		tell_left_out(apply);
	netfilter->busy = false;
	netfilter->known = status == 0;
	netfilter->begun |= status == 0;
	netfilter->generation = apply->to;
	netfilter->applied = apply->wish;
	netfilter->held = apply->held;
	if (netfilter->events && !op->ops->closing &&
	    nft_events_release(netfilter->events, apply->from, apply->to))
		on_changed(netfilter);
	filter_wish_fini(&apply->before);
	free(apply->table);
	free(apply);
}

static const struct step apply_steps[] = {
	{ .name = "set up the packet filter", .blocking = run_apply },
	{ 0 },
};

void netfilter_apply(struct netfilter *netfilter, struct filter_wish *wish, struct call *call)
{
	struct apply_op *apply = xnew(struct apply_op);

	check(!netfilter->busy);
	netfilter->busy = true;
	if (netfilter->events)
		nft_events_hold(netfilter->events); /* may find that it is known no more */
	apply->netfilter = netfilter;
	apply->table = xstrdup(netfilter->table);
	filter_wish_copy(wish, &apply->wish);
	apply->ret_wish = wish;
	apply->known = netfilter->known;
	apply->first = !netfilter->begun;
	apply->before = netfilter->applied;
	netfilter->applied = (struct filter_wish){ 0 };
	apply->held = netfilter->held;
	netfilter->held = (struct held_ports){ 0 };
	apply->believed = netfilter->events ? 0 : netfilter->generation;
	op_start(&apply->op, netfilter->ops, apply_steps, on_finish, call);
}

int netfilter_watch(struct netfilter *netfilter, const struct filter_listener *listener,
		    struct error *err)
{
	const struct nft_events_listener events = { netfilter, on_changed, on_others };

	netfilter->listener = *listener;
	return nft_events_open(&netfilter->events, netfilter->ops->loop, netfilter->table, &events,
			       err);
}

/* ---- life ---- */

void netfilter_init(struct netfilter *netfilter, struct ops *ops, const char *runtime_dir)
{
	char digest[SHA256_HEX_BYTES];

	netfilter->ops = ops;
	if (str_equal(runtime_dir, DEFAULT_RUNTIME_DIR)) {
		netfilter->table = xstrdup(NFT_TABLE);
		return;
	}
	sha256_hex(runtime_dir, strlen(runtime_dir), digest);
	netfilter->table = xasprintf(NFT_TABLE "-%.*s", INSTANCE_DIGITS, digest);
}

bool netfilter_is_instance_table(const char *table)
{
	static const char family[] = "inet/" NFT_TABLE;
	const char *rest = table + strlen(family);

	if (!str_starts_with(table, family))
		return false;
	return !*rest || (*rest == '-' && strlen(rest + 1) == INSTANCE_DIGITS &&
			  strspn(rest + 1, "0123456789abcdef") == INSTANCE_DIGITS);
}

void netfilter_fini(struct netfilter *netfilter)
{
	free(netfilter->table);
	filter_wish_fini(&netfilter->applied);
	held_ports_fini(&netfilter->held);
}
