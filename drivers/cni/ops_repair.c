/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair: the network of a cell that runs, with the least disturbance. What can be put back is: the
 * pin from the namespace of the root's process, the reservation and what is inside from the
 * journal. Only when the
 * interface is gone (its two ends go together) or the address has become another's, DEL and ADD
 * run again into the same namespace, under processes that notice no more than a pause.
 */
#include <errno.h>

#include "drivers/cni/attachment.h"
#include "drivers/cni/drift.h"
#include "drivers/cni/netns.h"
#include "drivers/cni/op.h"

struct repair_op {
	struct op op;
	char *cell_key, *netns, *wanted_ip, *wanted_ip6, *cgroup_path, *boot_id;
	uint32_t pid;
	bool recorded; /* the journal has one attachment, and it can be read: */
	struct attachment attachment;
	bool whole; /* nothing is left to do */
	struct attachment_fact *ret_fact;
};

static struct repair_op *to_repair_op(struct op *op)
{
	return container_of(op, struct repair_op, op);
}

/* More than one, or one that cannot be read, is undone and made anew. Joins are mended by
 * themselves. */
static void find_attachment(struct op *op)
{
	struct repair_op *repair = to_repair_op(op);
	AUTO_FREE char *prefix = attachment_prefix(repair->cell_key);
	const struct journal_record *record = journal_first(op->cni->journal, prefix), *own = NULL;
	unsigned n = 0;

	for (; record; record = journal_next(record, prefix)) {
		if (attachment_joined_space(record->key))
			continue;
		own = record;
		n++;
	}
	if (n == 1)
		repair->recorded = attachment_parse(own->value, own->value_len, &repair->attachment,
						    NULL) == 0;
	call_complete(&op->step, 0, NULL);
}

static int put_back(struct op *op, struct error *err)
{
	struct repair_op *repair = to_repair_op(op);
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	uint64_t inode = repair->recorded ? repair->attachment.netns_inode : 0;
	enum drift drift = DRIFT_UNKNOWN;
	int r = netns_pin_process(repair->netns, repair->pid, repair->cgroup_path, inode, err);

	if (r == 0)
		r = hostlinks_read(&links, err);
	if (r < 0)
		return r;
	if (repair->recorded)
		drift = drift_look(&repair->attachment, repair->boot_id, &links);
	r = drift_mend(&repair->attachment, &drift, err);
	repair->whole = drift == DRIFT_NONE;
	return r;
}

static void undo(struct op *op)
{
	struct repair_op *repair = to_repair_op(op);
	AUTO_FREE char *space_key = attachment_own_space(repair->cell_key);

	if (repair->whole)
		call_complete(&op->step, 0, NULL);
	else
		cni_undo_attachment(op->cni, repair->cell_key, space_key, &op->step);
}

/* What core wants, which may not know of it yet after a crash; else what the journal says it had,
 * or was to get. */
static const char *first_of(const char *a, const char *b, const char *c)
{
	return a ? a : b ? b : c;
}

static void attach_again(struct op *op)
{
	struct repair_op *repair = to_repair_op(op);
	const struct attachment *had = &repair->attachment; /* empty unless it is on record */
	const char *ip = first_of(repair->wanted_ip, had->result.ip, had->wanted_ip);
	const char *ip6 = first_of(repair->wanted_ip6, had->result.ip6, had->wanted_ip6);

	if (repair->whole)
		call_complete(&op->step, 0, NULL);
	else
		cni_attach(&op->cni->network,
			   &(struct attach_request){ .cell_key = repair->cell_key,
						     .wanted_ip = ip,
						     .wanted_ip6 = ip6 },
			   repair->ret_fact, &op->step);
}

static const struct step repair_steps[] = {
	{ .name = "find its attachment", .start = find_attachment },
	{ .name = "put back what its network lost", .blocking = put_back },
	{ .name = "detach from what is left", .start = undo },
	{ .name = "attach again", .start = attach_again },
	{ 0 },
};

static void on_finish(struct op *op, int status)
{
	struct repair_op *repair = to_repair_op(op);

	if (status == 0 && repair->whole) {
		*repair->ret_fact = (struct attachment_fact){ .cell_key = xstrdup(repair->cell_key),
							      .pinned = true };
		drift_fill_fact(repair->ret_fact, &repair->attachment, DRIFT_NONE);
	}
	attachment_fini(&repair->attachment);
	free(repair->cell_key);
	free(repair->netns);
	free(repair->wanted_ip);
	free(repair->wanted_ip6);
	free(repair->cgroup_path);
	free(repair->boot_id);
	free(repair);
}

void cni_repair(struct network *network, const struct repair_request *request,
		struct attachment_fact *ret_fact, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct repair_op *repair = xnew(struct repair_op);

	repair->cell_key = xstrdup(request->cell_key);
	repair->netns = cni_netns_path(cni, request->cell_key);
	repair->wanted_ip = xstrdup_maybe(request->wanted_ip);
	repair->wanted_ip6 = xstrdup_maybe(request->wanted_ip6);
	repair->cgroup_path = xstrdup(request->cgroup_path);
	repair->boot_id = xstrdup(cni->boot_id);
	repair->pid = request->pid;
	repair->ret_fact = ret_fact;
	op_start(&repair->op, cni, repair_steps, on_finish, call);
}
