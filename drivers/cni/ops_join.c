/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join and leave: one interface more or less, under processes that may run. A join that is on
 * record is mended with the least disturbance: the reservation is written again; only when the
 * interface is gone, or its address has become another's, DEL and ADD run, under the same name. One
 * that is there and on no record is adopted.
 */
#include <errno.h>

#include "core/base/log.h"
#include "drivers/attachments/adopt.h"
#include "drivers/attachments/attachment.h"
#include "drivers/attachments/drift.h"
#include "drivers/cni/mend.h"
#include "drivers/netns/netns.h"

struct join_op {
	struct mend_op mend;
	struct join_fact *ret_fact;
};

static struct join_op *to_join_op(struct op *op)
{
	return container_of(op, struct join_op, mend.op);
}

static int find_attachment(struct op *op)
{
	struct mend_op *mend = to_mend_op(op);
	AUTO_FREE char *prefix = attachment_prefix(mend->cell_key);
	const struct journal_record *record = journal_first(cni_of(op)->journal, prefix);

	for (; record && !mend->recorded; record = journal_next(record, prefix))
		if (str_equal(attachment_joined_space(record->key), mend->space_key))
			mend->recorded = attachment_parse(record->value, record->value_len,
							  &mend->attachment, NULL) == 0;
	mend->number = cni_next_number(cni_of(op));
	return OP_NEXT;
}

/* The cell is attached: the pin is that of its processes. */
static bool is_stale(const struct mend_op *mend)
{
	uint64_t pinned = netns_inode(mend->netns);

	return mend->attachment.netns_inode && pinned && pinned != mend->attachment.netns_inode;
}

static int put_back(struct op *op, struct error *err)
{
	struct mend_op *mend = to_mend_op(op);
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	enum drift drift;
	int r = 0;

	mend->adopts = !mend->recorded || is_stale(mend);
	if (mend->adopts)
		return 0;
	r = hostlinks_read(&links, err);
	if (r < 0)
		return r;
	drift = drift_look(&mend->attachment, mend->boot_id, &links);
	if (drift == DRIFT_PIN)
		return error_set(err, -EAGAIN, "%s is not pinned: repair comes first",
				 mend->attachment.netns);
	r = drift_mend(&mend->attachment, &drift, err);
	mend->whole = drift == DRIFT_NONE;
	mend->adopts = r == 0 && !mend->whole; /* that number may be another namespace's by now */
	return r;
}

static int attach_again(struct op *op)
{
	const struct mend_op *mend = to_mend_op(op);

	cni_attach_join(cni_of(op),
			&(struct join_request){ .cell_key = mend->cell_key,
						.space_key = mend->space_key,
						.wanted_ip = mend_ip(mend),
						.wanted_ip6 = mend_ip6(mend) },
			mend->recorded ? mend->attachment.interface : NULL,
			to_join_op(op)->ret_fact, &op->step);
	return OP_WAIT;
}

static const struct step join_steps[] = {
	{ .name = "find what is on record", .start = find_attachment },
	{ .name = "put back what it lost", .blocking = put_back },
	{ .name = "adopt what is on no record", .blocking = mend_adopt, .apart = true },
	{ .name = "journal what was adopted", .start = mend_journal },
	{ .name = "undo what is left", .start = mend_undo },
	{ .name = "join the space", .start = attach_again },
	{ 0 },
};

static void on_finish(struct op *op, int status)
{
	struct join_op *join = to_join_op(op);
	const struct mend_op *mend = &join->mend;

	if (status == 0 && mend->whole)
		drift_fill_join(join->ret_fact, mend->space_key,
				mend->adopted ? &mend->found : &mend->attachment, DRIFT_NONE);
	mend_fini(&join->mend);
	free(join);
}

void cni_join(struct network *network, const struct join_request *request,
	      struct join_fact *ret_fact, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct join_op *join = xnew(struct join_op);

	mend_init(&join->mend, cni, request->cell_key, xstrdup(request->space_key));
	join->mend.joins = true;
	join->mend.wanted_ip = xstrdup_maybe(request->wanted_ip);
	join->mend.wanted_ip6 = xstrdup_maybe(request->wanted_ip6);
	join->ret_fact = ret_fact;
	op_start(&join->mend.op, &cni->ops, join_steps, on_finish, call);
}

void cni_leave(struct network *network, const char *cell_key, const char *space_key,
	       struct call *call)
{
	cni_undo_attachment(container_of(network, struct cni, network), cell_key, space_key, call);
}
