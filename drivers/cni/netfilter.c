/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cni/netfilter.h"

#include <errno.h>
#include <nftables/libnftables.h>

#include "drivers/cni/filter_text.h"
#include "drivers/cni/nft.h"
#include "drivers/cni/op.h"

static const char DEFAULT_RUNTIME_DIR[] = "/run/kukeon/.";

enum { INSTANCE_DIGITS = 8 };

struct apply_op {
	struct op op;
	char *table;
	struct filter_wish wish;
	char *change;      /* from what the kernel has; NULL: nobody knows what that is */
	uint32_t believed; /* the generation at which it had that; 0: changes are watched */
	uint32_t from, to; /* generations around the transaction */
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
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	int r;

	if (!nft)
		return error_set(err, -ENOMEM, "libnftables cannot be used");
	nft_ctx_buffer_output(nft);
	nft_ctx_buffer_error(nft);
	r = nft_run_cmd_from_buffer(nft, text);
	if (r != 0)
		r = refused(nft_ctx_get_error_buffer(nft), err);
	nft_ctx_free(nft);
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

/* The difference may not fit what another hand has left there: then the whole does. */
static int change(const struct apply_op *apply, struct error *err)
{
	AUTO_FREE char *whole = filter_text_whole(apply->table, &apply->wish);
	bool untouched = !apply->believed || apply->believed == apply->from;

	if (apply->change && untouched && (!*apply->change || !run_commands(apply->change, err)))
		return 0;
	return run_commands(whole, err);
}

static int run_apply(struct op *op, struct error *err)
{
	struct apply_op *apply = to_apply_op(op);
	int r = filter_text_check(&apply->wish, err);

	if (r < 0)
		return r;
	if (!apply->wish.n_spaces && !apply->change)
		return remove_table(apply->table, err);
	r = nft_generation(&apply->from, err); /* libnftables ends the process without netlink */
	if (r == 0)
		r = change(apply, err);
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

static void on_finish(struct op *op, int status)
{
	struct apply_op *apply = to_apply_op(op);
	struct netfilter *netfilter = &op->cni->netfilter;

	netfilter->busy = false;
	netfilter->known = status == 0;
	netfilter->generation = apply->to;
	filter_wish_fini(&netfilter->applied);
	netfilter->applied = apply->wish;
	if (netfilter->events && !op->cni->closing &&
	    nft_events_release(netfilter->events, apply->from, apply->to))
		on_changed(netfilter);
	free(apply->change);
	free(apply->table);
	free(apply);
}

static const struct step apply_steps[] = {
	{ .name = "set up the packet filter", .blocking = run_apply },
	{ 0 },
};

void cni_filter_apply(struct network *network, const struct filter_wish *wish, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct netfilter *netfilter = &cni->netfilter;
	struct apply_op *apply = xnew(struct apply_op);

	check(!netfilter->busy);
	netfilter->busy = true;
	if (netfilter->events)
		nft_events_hold(netfilter->events); /* may find that it is known no more */
	apply->table = xstrdup(netfilter->table);
	filter_wish_copy(wish, &apply->wish);
	if (netfilter->known)
		apply->change = filter_text_change(netfilter->table, &netfilter->applied, wish);
	apply->believed = netfilter->events ? 0 : netfilter->generation;
	op_start(&apply->op, cni, apply_steps, on_finish, call);
}

int cni_watch_filter(struct network *network, const struct filter_listener *listener,
		     struct error *err)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct netfilter *netfilter = &cni->netfilter;

	netfilter->listener = *listener;
	return nft_events_open(&netfilter->events, cni->loop, netfilter->table, on_changed,
			       netfilter, err);
}

/* ---- life ---- */

void netfilter_init(struct netfilter *netfilter, const char *runtime_dir)
{
	char digest[SHA256_HEX_BYTES];

	if (str_equal(runtime_dir, DEFAULT_RUNTIME_DIR)) {
		netfilter->table = xstrdup(NFT_TABLE);
		return;
	}
	sha256_hex(runtime_dir, strlen(runtime_dir), digest);
	netfilter->table = xasprintf(NFT_TABLE "-%.*s", INSTANCE_DIGITS, digest);
}

void netfilter_fini(struct netfilter *netfilter)
{
	free(netfilter->table);
	filter_wish_fini(&netfilter->applied);
}
