/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach, to the cell's own space or to one that it joins. The intent is on the
 * disk before the first plugin runs, with all that DEL will need, so that a crash anywhere behind
 * that leaves a record that detach() can work off. The result needs no waiting for the disk: it is
 * worth nothing after a reboot, and DEL works without it.
 */
#include <errno.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/model/names.h"
#include "drivers/attachments/adopt.h"
#include "drivers/attachments/attachment.h"
#include "drivers/attachments/drift.h"
#include "drivers/cni/cni_private.h"
#include "drivers/hostnet/hostipv6.h"
#include "drivers/netns/netns.h"
#include "drivers/nft/bridgelock.h"
#include "drivers/plugins/chain.h"

struct attach_op {
	struct op op;
	char *cell_key, *space_key, *dir, *record_key, *mac;
	bool joins; /* the space is not the cell's own */
	struct attachment attachment;
	struct call sequence_put, first_add;
	struct error first_err; /* of first_add, in a plugin's own words; code 0: none */
	bool refused;           /* the wanted address: it is another's, or out of range */
	struct attachment_fact *ret_fact;
	struct join_fact *ret_join;
};

static struct attach_op *to_attach_op(struct op *op)
{
	return container_of(op, struct attach_op, op);
}

/* The cell's record of the space; NULL when there is none. */
static const struct journal_record *find_record(const struct attach_op *attach)
{
	AUTO_FREE char *prefix = attachment_prefix(attach->cell_key);
	const struct journal *journal = cni_of(&attach->op)->journal;
	const struct journal_record *record = journal_first(journal, prefix);

	for (; record; record = journal_next(record, prefix)) {
		AUTO_FREE char *space_key = attachment_space_key(record->key);

		if (str_equal(space_key, attach->space_key))
			return record;
	}
	return NULL;
}

static int check_journal(struct op *op)
{
	struct attach_op *attach = to_attach_op(op);
	int r = 0;

	if (find_record(attach))
		r = error_set(&op->err, -EBUSY,
			      "an earlier attachment of cell %s to space %s is still there: "
			      "detach first",
			      attach->cell_key, attach->space_key);
	call_complete(&op->step, r, &op->err);
	return OP_WAIT;
}

/* The way out is that of the cell's own space: others give an address and no more. */
static void take_config(struct attach_op *attach, struct buf *text)
{
	struct attachment *attachment = &attach->attachment;

	if (!attach->joins) {
		attachment->config = buf_take(text);
		return;
	}
	conflist_drop_routes(&attachment->list);
	attachment->config = conflist_text(&attachment->list);
}

/* The range may have become another since it had the address. */
static void ask_only_for_inside(char **wanted_ip, const char *range)
{
	struct subnet subnet, one;
	struct ip ip;

	if (*wanted_ip && range && ip_parse(*wanted_ip, &ip) && subnet_parse(range, &subnet)) {
		one = subnet_make(&ip, IP_BITS);
		if (subnet_overlaps(&subnet, &one))
			return;
	}
	free(take_ptr(*wanted_ip));
}

static int read_network(struct op *op, struct error *err)
{
	struct attach_op *attach = to_attach_op(op);
	struct attachment *attachment = &attach->attachment;
	AUTO_BUF struct buf text = { 0 };
	int r;

	switch (netns_inspect(attachment->netns)) {
	case NETNS_LIVE:
		break;
	case NETNS_OWN:
		return error_set(err, -EPERM,
				 "%s is the daemon's own network namespace: unmount it",
				 attachment->netns);
	case NETNS_STALE:
	case NETNS_NONE:
		return error_set(err, -ENOENT, "%s is not a network namespace: create it first",
				 attachment->netns);
	}
	attachment->netns_inode = netns_inode(attachment->netns);
	r = cni_dir_answers(cni_of(op), attach->dir, err);
	if (r < 0)
		return r;
	r = space_read(attach->dir, attach->space_key, &attachment->list, &text, err);
	if (r < 0)
		return r;
	ask_only_for_inside(&attachment->wanted_ip, conflist_subnet(&attachment->list));
	ask_only_for_inside(&attachment->wanted_ip6, conflist_subnet6(&attachment->list));
	adopt_release(&attachment->list, attachment->wanted_ip, attach->cell_key);
	adopt_release(&attachment->list, attachment->wanted_ip6, attach->cell_key);
	if (conflist_subnet6(&attachment->list) && attachment->list.bridge)
		r = hostipv6_make_bridge(attachment->list.bridge, err);
	if (r == 0)
		take_config(attach, &text);
	return r;
}

static void on_sequence_put(struct call *call)
{
	struct attach_op *attach = container_of(call, struct attach_op, sequence_put);
	struct attachment *attachment = &attach->attachment;
	AUTO_FREE char *value = NULL;

	if (call->status < 0) {
		call_complete(&attach->op.step, call->status, &call->err);
		return;
	}
	value = attachment_format(attachment);
	journal_put(cni_of(&attach->op)->journal, attach->record_key, value, strlen(value), true,
		    &attach->op.step);
}

/* The number stands before the intent in the file: an intent on the disk never has a number that
 * can come again. */
static int journal_intent(struct op *op)
{
	struct attach_op *attach = to_attach_op(op);
	AUTO_FREE char *cell_id = name_cell_id(attach->cell_key);
	uint64_t n = cni_next_number(cni_of(op));
	AUTO_FREE char *value = xasprintf("%llu", (unsigned long long)n);

	if (!attach->attachment.interface)
		attach->attachment.interface = cni_choose_interface(cni_of(op), attach->cell_key);
	attach->record_key =
		attachment_key(attach->cell_key, n, attach->joins ? attach->space_key : NULL);
	attach->attachment.container_id = xasprintf("%s.%llu", cell_id, (unsigned long long)n);
	call_init(&attach->sequence_put, cni_of(op)->loop, on_sequence_put);
	journal_put(cni_of(op)->journal, SEQUENCE_KEY, value, strlen(value), false,
		    &attach->sequence_put);
	return OP_WAIT;
}

static bool wants_address(const struct attach_op *attach)
{
	return attach->attachment.wanted_ip || attach->attachment.wanted_ip6;
}

/* @wanted: with the addresses that it had. */
static void run_chain(struct attach_op *attach, enum chain_command command, bool wanted,
		      struct call *call)
{
	struct attachment *attachment = &attach->attachment;
	struct cni *cni = cni_of(&attach->op);

	chain_run(cni->pool, cni->loop,
		  &(struct chain_request){ .command = command,
					   .list = &attachment->list,
					   .bin_dirs = cni->bin_dirs,
					   .container_id = attachment->container_id,
					   .interface = attachment->interface,
					   .netns = attachment->netns,
					   .wish = { wanted ? attachment->wanted_ip : NULL,
						     wanted ? attachment->wanted_ip6 : NULL,
						     attach->mac } },
		  &attachment->result, call);
}

/* A plugin's own words (-EIO) may be about the address, or about anything else. */
static void on_first_add(struct call *call)
{
	struct attach_op *attach = container_of(call, struct attach_op, first_add);

	if (call->status == -EIO)
		attach->first_err = call->err;
	call_complete(&attach->op.step, call->status == -EIO ? 0 : call->status, &call->err);
}

/* host-local's ways to say that an address cannot be had. */
static bool is_about_address(const char *words)
{
	static const char *const parts[] = {
		"is not available in range set",
		"is subnet's gateway",
		"failed to allocate all requested IPs",
		"requested IP address",
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(words, parts[i]))
			return true;
	return false;
}

/* Others know the cell by its address: a plugin that failed for once is no reason to take another,
 * then the whole attachment has failed and is tried again. */
static int judge_first_add(struct op *op, struct error *err)
{
	struct attach_op *attach = to_attach_op(op);

	if (!attach->first_err.code)
		return 0;
	attach->refused =
		is_about_address(attach->first_err.msg) || drift_wish_is_taken(&attach->attachment);
	if (attach->refused)
		return 0;
	*err = attach->first_err;
	return attach->first_err.code;
}

static int add_with_wanted_ip(struct op *op)
{
	struct attach_op *attach = to_attach_op(op);

	if (!wants_address(attach)) {
		call_complete(&op->step, 0, NULL);
		return OP_WAIT;
	}
	call_init(&attach->first_add, cni_of(op)->loop, on_first_add);
	run_chain(attach, CHAIN_ADD, true, &attach->first_add);
	return OP_WAIT;
}

/* The bridge plugin leaves its interface behind when the address is refused. */
static int undo_refused(struct op *op)
{
	struct attach_op *attach = to_attach_op(op);

	if (attach->refused)
		run_chain(attach, CHAIN_DEL, true, &op->step);
	else
		call_complete(&op->step, 0, NULL);
	return OP_WAIT;
}

static int add_with_any_ip(struct op *op)
{
	struct attach_op *attach = to_attach_op(op);

	if (attach->attachment.result.root)
		call_complete(&op->step, 0, NULL);
	else
		run_chain(attach, CHAIN_ADD, false, &op->step);
	return OP_WAIT;
}

/* The plugin made the bridge, unless it was there. Nothing runs behind it yet: the filter is in
 * force before the first cell of a space is attached. */
static int lock_bridge(struct op *op, struct error *err UNUSED)
{
	bridgelock_set_one(to_attach_op(op)->attachment.list.bridge);
	return 0;
}

static int journal_result(struct op *op)
{
	struct attach_op *attach = to_attach_op(op);
	AUTO_FREE char *value = attachment_format(&attach->attachment);

	journal_put(cni_of(op)->journal, attach->record_key, value, strlen(value), false,
		    &op->step);
	return OP_WAIT;
}

static const struct step attach_steps[] = {
	{ .name = "begin a new attachment", .start = check_journal },
	{ .name = "read the network's configuration", .blocking = read_network, .apart = true },
	{ .name = "journal the attachment", .start = journal_intent },
	{ .name = "attach with the address it had", .start = add_with_wanted_ip },
	{ .name = "attach with the address it had", .blocking = judge_first_add },
	{ .name = "undo the refused attachment", .start = undo_refused },
	{ .name = "attach", .start = add_with_any_ip },
	{ .name = "lock the bridge", .blocking = lock_bridge },
	{ .name = "journal the result", .start = journal_result },
	{ 0 },
};

static void fill_facts(const struct attach_op *attach)
{
	if (attach->ret_join) {
		drift_fill_join(attach->ret_join, attach->space_key, &attach->attachment,
				DRIFT_NONE);
		return;
	}
	*attach->ret_fact =
		(struct attachment_fact){ .cell_key = xstrdup(attach->cell_key), .pinned = true };
	drift_fill_fact(attach->ret_fact, &attach->attachment, DRIFT_NONE);
}

static void on_attach_finish(struct op *op, int status)
{
	struct attach_op *attach = to_attach_op(op);

	if (status == 0)
		fill_facts(attach);
	attachment_fini(&attach->attachment);
	free(attach->mac);
	free(attach->cell_key);
	free(attach->space_key);
	free(attach->dir);
	free(attach->record_key);
	free(attach);
}

/* @space_key is handed over. */
static struct attach_op *attach_op_new(struct cni *cni, const char *cell_key, char *space_key,
				       bool joins, const char *wanted_ip, const char *wanted_ip6)
{
	struct attach_op *attach = xnew(struct attach_op);

	check(key_kind(cell_key) == KIND_CELL);
	attach->cell_key = xstrdup(cell_key);
	attach->space_key = space_key;
	attach->joins = joins;
	attach->mac = attachment_mac(cell_key, joins ? space_key : NULL);
	attach->dir = cni_space_dir(cni, space_key);
	attach->attachment.netns = cni_netns_path(cni, cell_key);
	attach->attachment.boot_id = xstrdup(cni->boot_id);
	attach->attachment.conf_path = space_conflist_path(attach->dir, space_key);
	attach->attachment.wanted_ip = xstrdup_maybe(wanted_ip);
	attach->attachment.wanted_ip6 = xstrdup_maybe(wanted_ip6);
	return attach;
}

void cni_attach(struct network *network, const struct attach_request *request,
		struct attachment_fact *ret_fact, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct attach_op *attach =
		attach_op_new(cni, request->cell_key, attachment_own_space(request->cell_key),
			      false, request->wanted_ip, request->wanted_ip6);

	attach->attachment.interface = xstrdup(ATTACHMENT_OWN_INTERFACE);
	attach->ret_fact = ret_fact;
	op_start(&attach->op, &cni->ops, attach_steps, on_attach_finish, call);
}

void cni_attach_join(struct cni *cni, const struct join_request *request, const char *interface,
		     struct join_fact *ret_fact, struct call *call)
{
	struct attach_op *attach =
		attach_op_new(cni, request->cell_key, xstrdup(request->space_key), true,
			      request->wanted_ip, request->wanted_ip6);

	if (interface)
		attach->attachment.interface = xstrdup(interface);
	attach->ret_join = ret_fact;
	op_start(&attach->op, &cni->ops, attach_steps, on_attach_finish, call);
}
