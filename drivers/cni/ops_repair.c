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
#include "drivers/cni/adopt.h"
#include "drivers/cni/attachment.h"
#include "drivers/cni/cni_private.h"
#include "drivers/cni/drift.h"
#include "drivers/cni/netns.h"

struct repair_op {
	struct op op;
	char *cell_key, *space_key, *dir, *netns, *wanted_ip, *wanted_ip6, *cgroup_path, *boot_id;
	uint32_t pid;
	bool recorded; /* the journal has one attachment, and it can be read: */
	struct attachment attachment;
	bool several; /* it has more */
	uint64_t number;
	bool adopted; /* in place of what is on record: */
	struct attachment found;
	struct adoption adoption;
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
	repair->number = cni_next_number(cni_of(op));
	if (n == 1)
		repair->recorded = attachment_parse(own->value, own->value_len, &repair->attachment,
						    NULL) == 0;
	call_complete(&op->step, 0, NULL);
}

/*
 * The pin is that of the root's own namespace, and the process is in the cell: what is in there was
 * attached by us, whatever the journal says of an earlier one.
 */
static bool pin_is_the_tasks(const struct repair_op *repair)
{
	uint64_t pinned = netns_inode(repair->netns);

	return pinned && netns_pin_process(repair->netns, repair->pid, repair->cgroup_path, pinned,
					   NULL) == 0;
}

static int put_back(struct op *op, struct error *err)
{
	struct repair_op *repair = to_repair_op(op);
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	uint64_t inode = repair->recorded ? repair->attachment.netns_inode : 0;
	enum drift drift = DRIFT_UNKNOWN;
	int r = netns_pin_process(repair->netns, repair->pid, repair->cgroup_path, inode, err);

	if (r == -ESTALE && inode && pin_is_the_tasks(repair)) {
		repair->recorded = false;
		return 0;
	}
	if (r == 0)
		r = hostlinks_read(&links, err);
	if (r < 0)
		return r;
	if (repair->recorded)
		drift = drift_look(&repair->attachment, repair->boot_id, &links);
	r = drift_mend(&repair->attachment, &drift, err);
	repair->whole = drift == DRIFT_NONE;
	/* The number of a namespace is given away again: the record may be of an earlier one. */
	if (r == 0 && !repair->whole && pin_is_the_tasks(repair))
		repair->recorded = false;
	return r;
}

/* Taken over as it is, or mended as if it had been on record. */
static int adopt_found(struct repair_op *repair, struct error *err)
{
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	enum drift drift;
	int r = hostlinks_read(&links, err);

	if (r < 0)
		return r;
	drift = drift_look(&repair->found, repair->boot_id, &links);
	r = drift_mend(&repair->found, &drift, err);
	repair->adopted = repair->whole = r == 0 && drift == DRIFT_NONE;
	return r;
}

static int adopt(struct op *op, struct error *err)
{
	struct repair_op *repair = to_repair_op(op);
	const struct adopt_request request = { .cell_key = repair->cell_key,
					       .space_key = repair->space_key,
					       .netns = repair->netns,
					       .boot_id = repair->boot_id,
					       .dir = repair->dir,
					       .number = repair->number };
	struct error why;
	int r;

	if (repair->recorded || repair->several)
		return 0;
	r = cni_dir_answers(cni_of(op), repair->dir, err);
	if (r < 0)
		return r;
	if (adopt_look(&request, &repair->found, &why) == 0)
		return adopt_found(repair, err);
	log_debug("not adopted key=%s: %s", repair->cell_key, why.msg);
	return 0;
}

static void journal_adopted(struct op *op)
{
	struct repair_op *repair = to_repair_op(op);

	if (!repair->adopted) {
		call_complete(&op->step, 0, NULL);
		return;
	}
	repair->adoption = (struct adoption){ .op = op,
					      .cell_key = repair->cell_key,
					      .space_key = repair->space_key,
					      .attachment = &repair->found };
	cni_journal_adoption(&repair->adoption);
}

static void undo(struct op *op)
{
	struct repair_op *repair = to_repair_op(op);

	if (repair->whole)
		call_complete(&op->step, 0, NULL);
	else
		cni_undo_attachment(cni_of(op), repair->cell_key, repair->space_key, &op->step);
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
		cni_attach(&cni_of(op)->network,
			   &(struct attach_request){ .cell_key = repair->cell_key,
						     .wanted_ip = ip,
						     .wanted_ip6 = ip6 },
			   repair->ret_fact, &op->step);
}

static const struct step repair_steps[] = {
	{ .name = "find its attachment", .start = find_attachment },
	{ .name = "put back what its network lost", .blocking = put_back },
	{ .name = "adopt what is on no record", .blocking = adopt, .apart = true },
	{ .name = "journal what was adopted", .start = journal_adopted },
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
		drift_fill_fact(repair->ret_fact,
				repair->adopted ? &repair->found : &repair->attachment, DRIFT_NONE);
	}
	cni_adoption_fini(&repair->adoption);
	attachment_fini(&repair->found);
	attachment_fini(&repair->attachment);
	free(repair->cell_key);
	free(repair->space_key);
	free(repair->dir);
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
	repair->space_key = attachment_own_space(request->cell_key);
	repair->dir = cni_space_dir(cni, repair->space_key);
	repair->netns = cni_netns_path(cni, request->cell_key);
	repair->wanted_ip = xstrdup_maybe(request->wanted_ip);
	repair->wanted_ip6 = xstrdup_maybe(request->wanted_ip6);
	repair->cgroup_path = xstrdup(request->cgroup_path);
	repair->boot_id = xstrdup(cni->boot_id);
	repair->pid = request->pid;
	repair->ret_fact = ret_fact;
	op_start(&repair->op, &cni->ops, repair_steps, on_finish, call);
}
