/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What repair and join share: what is on no record is adopted, if it is whole; else what is left is
 * undone, and the cell attached again.
 *
 * An adopted attachment takes the place of what is on record of the same cell and space. What that
 * told of is gone, or is what was adopted: no DEL may be run for it.
 */
#include "drivers/cni/mend.h"

#include "core/base/log.h"
#include "drivers/attachments/adopt.h"
#include "drivers/attachments/drift.h"

static void find_stale(struct adoption *adoption)
{
	AUTO_FREE char *prefix = attachment_prefix(adoption->cell_key);
	const struct journal *journal = cni_of(adoption->op)->journal;
	const struct journal_record *record = journal_first(journal, prefix);

	for (; record; record = journal_next(record, prefix)) {
		AUTO_FREE char *space_key = attachment_space_key(record->key);

		if (str_equal(space_key, adoption->space_key) &&
		    !str_equal(record->key, adoption->key))
			strv_add(&adoption->stale, record->key);
	}
}

static void remove_stale(struct adoption *adoption);

static void on_removed(struct call *call)
{
	struct adoption *adoption = container_of(call, struct adoption, next);

	if (call->status < 0)
		call_complete(&adoption->op->step, call->status, &call->err);
	else
		remove_stale(adoption);
}

/* After what comes in their place is in the file: records keep their order. */
static void remove_stale(struct adoption *adoption)
{
	AUTO_FREE char *key = NULL;

	if (!adoption->stale.n) {
		call_complete(&adoption->op->step, 0, NULL);
		return;
	}
	key = adoption->stale.items[--adoption->stale.n];
	call_init(&adoption->next, cni_of(adoption->op)->loop, on_removed);
	journal_remove(cni_of(adoption->op)->journal, key, false, &adoption->next);
}

static void on_sequence_put(struct call *call)
{
	struct adoption *adoption = container_of(call, struct adoption, next);
	AUTO_FREE char *value = attachment_format(adoption->attachment);

	if (call->status < 0) {
		call_complete(&adoption->op->step, call->status, &call->err);
		return;
	}
	call_init(&adoption->next, cni_of(adoption->op)->loop, on_removed);
	journal_put(cni_of(adoption->op)->journal, adoption->key, value, strlen(value), true,
		    &adoption->next);
}

/* No number comes again: not that of the adopted one either. */
static void journal_adoption(struct adoption *adoption)
{
	struct cni *cni = cni_of(adoption->op);
	uint64_t n = adopt_number(adoption->attachment->container_id, adoption->cell_key);
	uint64_t next = cni_next_number(cni);
	AUTO_FREE char *value = xasprintf("%llu", (unsigned long long)(n < next ? next - 1 : n));

	adoption->key =
		attachment_key(adoption->cell_key, n, adoption->joins ? adoption->space_key : NULL);
	find_stale(adoption);
	call_init(&adoption->next, cni->loop, on_sequence_put);
	journal_put(cni->journal, SEQUENCE_KEY, value, strlen(value), false, &adoption->next);
}

/* ---- steps ---- */

/* Taken over as it is, or mended as if it had been on record. */
static int adopt_found(struct mend_op *mend, struct error *err)
{
	AUTO(hostlinks_fini) struct hostlinks links = { 0 };
	enum drift drift;
	int r = hostlinks_read(&links, err);

	if (r < 0)
		return r;
	drift = drift_look(&mend->found, mend->boot_id, &links);
	r = drift_mend(&mend->found, &drift, err);
	mend->adopted = mend->whole = r == 0 && drift == DRIFT_NONE;
	return r;
}

int mend_adopt(struct op *op, struct error *err)
{
	struct mend_op *mend = to_mend_op(op);
	const struct adopt_request request = { .cell_key = mend->cell_key,
					       .space_key = mend->space_key,
					       .joins = mend->joins,
					       .netns = mend->netns,
					       .boot_id = mend->boot_id,
					       .dir = mend->dir,
					       .number = mend->number };
	struct error why;
	int r;

	if (!mend->adopts)
		return 0;
	r = cni_dir_answers(cni_of(op), mend->dir, err);
	if (r < 0)
		return r;
	if (adopt_look(&request, &mend->found, &why) == 0)
		return adopt_found(mend, err);
	log_debug("not adopted key=%s space=%s: %s", mend->cell_key, mend->space_key, why.msg);
	return 0;
}

int mend_journal(struct op *op)
{
	struct mend_op *mend = to_mend_op(op);

	if (!mend->adopted)
		return OP_NEXT;
	mend->adoption = (struct adoption){ .op = op,
					    .cell_key = mend->cell_key,
					    .space_key = mend->space_key,
					    .joins = mend->joins,
					    .attachment = &mend->found };
	journal_adoption(&mend->adoption);
	return OP_WAIT;
}

int mend_undo(struct op *op)
{
	const struct mend_op *mend = to_mend_op(op);

	if (mend->whole)
		return OP_END;
	cni_undo_attachment(cni_of(op), mend->cell_key, mend->space_key, &op->step);
	return OP_WAIT;
}

/* ---- life ---- */

void mend_init(struct mend_op *mend, struct cni *cni, const char *cell_key, char *space_key)
{
	mend->cell_key = xstrdup(cell_key);
	mend->space_key = space_key;
	mend->dir = cni_space_dir(cni, space_key);
	mend->netns = cni_netns_path(cni, cell_key);
	mend->boot_id = xstrdup(cni->boot_id);
}

void mend_fini(struct mend_op *mend)
{
	strv_fini(&mend->adoption.stale);
	free(mend->adoption.key);
	attachment_fini(&mend->found);
	attachment_fini(&mend->attachment);
	free(mend->cell_key);
	free(mend->space_key);
	free(mend->dir);
	free(mend->netns);
	free(mend->wanted_ip);
	free(mend->wanted_ip6);
	free(mend->boot_id);
}

static const char *first_of(const char *a, const char *b, const char *c)
{
	return a ? a : b ? b : c;
}

const char *mend_ip(const struct mend_op *mend)
{
	const struct attachment *had = &mend->attachment; /* empty unless it is on record */

	return first_of(mend->wanted_ip, had->result.ip, had->wanted_ip);
}

const char *mend_ip6(const struct mend_op *mend)
{
	const struct attachment *had = &mend->attachment;

	return first_of(mend->wanted_ip6, had->result.ip6, had->wanted_ip6);
}
