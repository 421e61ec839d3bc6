/* SPDX-License-Identifier: Apache-2.0 */
/* An adopted attachment takes the place of what is on record of the same cell and space. What that
 * told of is gone, or is what was adopted: no DEL may be run for it. */
#include "drivers/attachments/adopt.h"
#include "drivers/cni/cni_private.h"

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
void cni_journal_adoption(struct adoption *adoption)
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

void cni_adoption_fini(struct adoption *adoption)
{
	strv_fini(&adoption->stale);
	free(adoption->key);
	*adoption = (struct adoption){ 0 };
}
