/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join and leave: one interface more or less, under processes that may run. A join that is on
 * record is mended with the least disturbance: the reservation is written again; only when the
 * interface is gone, or its address has become another's, DEL and ADD run, under the same name. One
 * that is there and on no record is adopted.
 */
#include <errno.h>

#include "core/base/log.h"
#include "drivers/cni/adopt.h"
#include "drivers/cni/attachment.h"
#include "drivers/cni/cni_private.h"
#include "drivers/cni/drift.h"
#include "drivers/cni/netns.h"

struct join_op {
	struct op op;
	char *cell_key, *space_key, *dir, *netns, *wanted_ip, *wanted_ip6, *boot_id;
	bool recorded; /* the journal has one that can be read: */
	struct attachment attachment;
	uint64_t number;
	bool stale;   /* it tells, perhaps, of another namespace than the cell's */
	bool adopted; /* in place of what is on record: */
	struct attachment found;
	struct adoption adoption;
	bool whole; /* nothing is left to do */
	struct join_fact *ret_fact;
};

static struct join_op *to_join_op(struct op *op)
{
	return container_of(op, struct join_op, op);
}

static void find_attachment(struct op *op)
{
	struct join_op *join = to_join_op(op);
	AUTO_FREE char *prefix = attachment_prefix(join->cell_key);
	const struct journal_record *record = journal_first(cni_of(op)->journal, prefix);

	for (; record && !join->recorded; record = journal_next(record, prefix))
		if (str_equal(attachment_joined_space(record->key), join->space_key))
			join->recorded = attachment_parse(record->value, record->value_len,
							  &join->attachment, NULL) == 0;
	join->number = cni_next_number(cni_of(op));
	call_complete(&op->step, 0, NULL);
}

/* The cell is attached: the pin is that of its processes. */
static bool is_stale(const struct join_op *join)
{
	uint64_t pinned = netns_inode(join->netns);

	return join->attachment.netns_inode && pinned && pinned != join->attachment.netns_inode;
}

static int put_back(struct op *op, struct error *err)
{
	struct join_op *join = to_join_op(op);
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	enum drift drift;
	int r = 0;

	join->stale = join->recorded && is_stale(join);
	if (!join->recorded || join->stale)
		return 0;
	r = hostlinks_read(&links, err);
	if (r < 0)
		return r;
	drift = drift_look(&join->attachment, join->boot_id, &links);
	if (drift == DRIFT_PIN)
		return error_set(err, -EAGAIN, "%s is not pinned: repair comes first",
				 join->attachment.netns);
	r = drift_mend(&join->attachment, &drift, err);
	join->whole = drift == DRIFT_NONE;
	join->stale = r == 0 && !join->whole; /* that number may be another namespace's by now */
	return r;
}

static int adopt_found(struct join_op *join, struct error *err)
{
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	enum drift drift;
	int r = hostlinks_read(&links, err);

	if (r < 0)
		return r;
	drift = drift_look(&join->found, join->boot_id, &links);
	r = drift_mend(&join->found, &drift, err);
	join->adopted = join->whole = r == 0 && drift == DRIFT_NONE;
	return r;
}

static int adopt(struct op *op, struct error *err)
{
	struct join_op *join = to_join_op(op);
	const struct adopt_request request = { .cell_key = join->cell_key,
					       .space_key = join->space_key,
					       .joins = true,
					       .netns = join->netns,
					       .boot_id = join->boot_id,
					       .dir = join->dir,
					       .number = join->number };
	struct error why;
	int r;

	if (join->recorded && !join->stale)
		return 0;
	r = cni_dir_answers(cni_of(op), join->dir, err);
	if (r < 0)
		return r;
	if (adopt_look(&request, &join->found, &why) == 0)
		return adopt_found(join, err);
	log_debug("not adopted key=%s space=%s: %s", join->cell_key, join->space_key, why.msg);
	return 0;
}

static void journal_adopted(struct op *op)
{
	struct join_op *join = to_join_op(op);

	if (!join->adopted) {
		call_complete(&op->step, 0, NULL);
		return;
	}
	join->adoption = (struct adoption){ .op = op,
					    .cell_key = join->cell_key,
					    .space_key = join->space_key,
					    .joins = true,
					    .attachment = &join->found };
	cni_journal_adoption(&join->adoption);
}

static void undo(struct op *op)
{
	struct join_op *join = to_join_op(op);

	if (join->whole)
		call_complete(&op->step, 0, NULL);
	else
		cni_undo_attachment(cni_of(op), join->cell_key, join->space_key, &op->step);
}

/* What core wants, else what it had or was to get. */
static const char *first_of(const char *a, const char *b, const char *c)
{
	return a ? a : b ? b : c;
}

static void attach_again(struct op *op)
{
	struct join_op *join = to_join_op(op);
	const struct attachment *had = &join->attachment; /* empty unless it is on record */
	const char *ip = first_of(join->wanted_ip, had->result.ip, had->wanted_ip);
	const char *ip6 = first_of(join->wanted_ip6, had->result.ip6, had->wanted_ip6);

	if (join->whole)
		call_complete(&op->step, 0, NULL);
	else
		cni_attach_join(cni_of(op),
				&(struct join_request){ .cell_key = join->cell_key,
							.space_key = join->space_key,
							.wanted_ip = ip,
							.wanted_ip6 = ip6 },
				join->recorded ? join->attachment.interface : NULL, join->ret_fact,
				&op->step);
}

static const struct step join_steps[] = {
	{ .name = "find what is on record", .start = find_attachment },
	{ .name = "put back what it lost", .blocking = put_back },
	{ .name = "adopt what is on no record", .blocking = adopt, .apart = true },
	{ .name = "journal what was adopted", .start = journal_adopted },
	{ .name = "undo what is left", .start = undo },
	{ .name = "join the space", .start = attach_again },
	{ 0 },
};

static void on_finish(struct op *op, int status)
{
	struct join_op *join = to_join_op(op);

	if (status == 0 && join->whole)
		drift_fill_join(join->ret_fact, join->space_key,
				join->adopted ? &join->found : &join->attachment, DRIFT_NONE);
	cni_adoption_fini(&join->adoption);
	attachment_fini(&join->found);
	attachment_fini(&join->attachment);
	free(join->cell_key);
	free(join->space_key);
	free(join->dir);
	free(join->netns);
	free(join->wanted_ip);
	free(join->wanted_ip6);
	free(join->boot_id);
	free(join);
}

void cni_join(struct network *network, const struct join_request *request,
	      struct join_fact *ret_fact, struct call *call)
{
	struct cni *cni = container_of(network, struct cni, network);
	struct join_op *join = xnew(struct join_op);

	join->cell_key = xstrdup(request->cell_key);
	join->space_key = xstrdup(request->space_key);
	join->dir = cni_space_dir(cni, request->space_key);
	join->netns = cni_netns_path(cni, request->cell_key);
	join->wanted_ip = xstrdup_maybe(request->wanted_ip);
	join->wanted_ip6 = xstrdup_maybe(request->wanted_ip6);
	join->boot_id = xstrdup(cni->boot_id);
	join->ret_fact = ret_fact;
	op_start(&join->op, &cni->ops, join_steps, on_finish, call);
}

void cni_leave(struct network *network, const char *cell_key, const char *space_key,
	       struct call *call)
{
	cni_undo_attachment(container_of(network, struct cni, network), cell_key, space_key, call);
}
