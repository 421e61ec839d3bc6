/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair: the network of a cell that runs, with the least disturbance. What can be put back is: the
 * pin from the namespace of the root's process, the reservation and what is inside from the
 * journal. Only when the
 * interface is gone (its two ends go together) or the address has become another's, DEL and ADD
 * run again into the same namespace, under processes that notice no more than a pause. What the
 * journal does not tell of, or tells wrong, is adopted where it can be recognized.
 */
#include <errno.h>

#include "core/base/log.h"
#include "drivers/attachments/adopt.h"
#include "drivers/attachments/attachment.h"
#include "drivers/attachments/drift.h"
#include "drivers/cni/mend.h"
#include "drivers/netns/netns.h"

struct repair_op {
	struct mend_op mend;
	char *cgroup_path;
	uint32_t pid;
	bool several; /* the journal has more than one */
	struct attachment_fact *ret_fact;
};

static struct repair_op *to_repair_op(struct op *op)
{
	return container_of(op, struct repair_op, mend.op);
}

/* More than one, or one that cannot be read, is undone and made anew. Joins are mended by
 * themselves. */
static int find_attachment(struct op *op)
{
	struct repair_op *repair = to_repair_op(op);
	struct mend_op *mend = &repair->mend;
	AUTO_FREE char *prefix = attachment_prefix(mend->cell_key);
	const struct journal_record *record = journal_first(cni_of(op)->journal, prefix),
				    *own = NULL;
	unsigned n = 0;

	for (; record; record = journal_next(record, prefix)) {
		if (attachment_joined_space(record->key))
			continue;
		own = record;
		n++;
	}
	repair->several = n > 1;
	mend->number = cni_next_number(cni_of(op));
	if (n == 1)
		mend->recorded =
			attachment_parse(own->value, own->value_len, &mend->attachment, NULL) == 0;
	return OP_NEXT;
}

/*
 * The pin is that of the root's own namespace, and the process is in the cell: what is in there was
 * attached by us, whatever the journal says of an earlier one.
 */
static bool pin_is_the_tasks(const struct repair_op *repair)
{
	const char *netns = repair->mend.netns;
	uint64_t pinned = netns_inode(netns);

	return pinned &&
	       netns_pin_process(netns, repair->pid, repair->cgroup_path, pinned, NULL) == 0;
}

static int put_back(struct op *op, struct error *err)
{
	struct repair_op *repair = to_repair_op(op);
	struct mend_op *mend = &repair->mend;
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	uint64_t inode = mend->recorded ? mend->attachment.netns_inode : 0;
	enum drift drift = DRIFT_UNKNOWN;
	int r = netns_pin_process(mend->netns, repair->pid, repair->cgroup_path, inode, err);

	mend->adopts = !mend->recorded && !repair->several;
	if (r == -ESTALE && inode && pin_is_the_tasks(repair)) {
		mend->adopts = true;
		return 0;
	}
	if (r == 0)
		r = hostlinks_read(&links, err);
	if (r < 0)
		return r;
	if (mend->recorded)
		drift = drift_look(&mend->attachment, mend->boot_id, &links);
	r = drift_mend(&mend->attachment, &drift, err);
	mend->whole = drift == DRIFT_NONE;
	/* The number of a namespace is given away again: the record may be of an earlier one. */
	if (r == 0 && mend->recorded && !mend->whole && pin_is_the_tasks(repair))
		mend->adopts = true;
	return r;
}

static int attach_again(struct op *op)
{
	const struct mend_op *mend = to_mend_op(op);

	cni_attach(&cni_of(op)->network,
		   &(struct attach_request){ .cell_key = mend->cell_key,
					     .wanted_ip = mend_ip(mend),
					     .wanted_ip6 = mend_ip6(mend) },
		   to_repair_op(op)->ret_fact, &op->step);
	return OP_WAIT;
}

static const struct step repair_steps[] = {
	{ .name = "find its attachment", .start = find_attachment },
	{ .name = "put back what its network lost", .blocking = put_back },
	{ .name = "adopt what is on no record", .blocking = mend_adopt, .apart = true },
	{ .name = "journal what was adopted", .start = mend_journal },
	{ .name = "detach from what is left", .start = mend_undo },
	{ .name = "attach again", .start = attach_again },
	{ 0 },
};

static void on_finish(struct op *op, int status)
{
	struct repair_op *repair = to_repair_op(op);
	const struct mend_op *mend = &repair->mend;

	if (status == 0 && mend->whole) {
		*repair->ret_fact = (struct attachment_fact){ .cell_key = xstrdup(mend->cell_key),
							      .pinned = true };
		drift_fill_fact(repair->ret_fact, mend->adopted ? &mend->found : &mend->attachment,
				DRIFT_NONE);
	}
	mend_fini(&repair->mend);
	free(repair->cgroup_path);
	free(repair);
}

void cni_repair(struct network *network, const struct repair_request *request,
		struct attachment_fact *ret_fact, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct repair_op *repair = xnew(struct repair_op);

	mend_init(&repair->mend, cni, request->cell_key, attachment_own_space(request->cell_key));
	repair->mend.wanted_ip = xstrdup_maybe(request->wanted_ip);
	repair->mend.wanted_ip6 = xstrdup_maybe(request->wanted_ip6);
	repair->cgroup_path = xstrdup(request->cgroup_path);
	repair->pid = request->pid;
	repair->ret_fact = ret_fact;
	op_start(&repair->mend.op, &cni->ops, repair_steps, on_finish, call);
}
