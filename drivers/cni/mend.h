/* SPDX-License-Identifier: Apache-2.0 */
/* What putting an attachment right has in common, of a cell in its own space or in one that it has
 * joined: in ops_adopt.c. */
#pragma once

#include "drivers/attachments/attachment.h"
#include "drivers/cni/cni_private.h"

/* What was found and is on no record (drivers/attachments/adopt.h). */
struct adoption {
	struct op *op;
	const char *cell_key, *space_key;
	bool joins;
	const struct attachment *attachment;
	struct strv stale; /* keys of records in whose place it comes */
	char *key;
	struct call next;
};

struct mend_op {
	struct op op;
	char *cell_key, *space_key, *dir, *netns, *wanted_ip, *wanted_ip6, *boot_id;
	bool joins;    /* the space is not the cell's own */
	bool recorded; /* the journal has one that can be read: */
	struct attachment attachment;
	uint64_t number; /* for the container id of what is adopted */
	bool adopts;     /* the record tells nothing, or perhaps of another namespace */
	bool adopted;    /* in place of what is on record: */
	struct attachment found;
	struct adoption adoption;
	bool whole; /* nothing is left to do */
};

static inline struct mend_op *to_mend_op(struct op *op)
{
	return container_of(op, struct mend_op, op);
}

/* @mend is zeroed; takes @space_key. */
void mend_init(struct mend_op *mend, struct cni *cni, const char *cell_key, char *space_key);
void mend_fini(struct mend_op *mend);

/* Steps: adopts what is there, on a thread of its own; journals that in place of what is on record;
 * undoes what is left, or ends the op when nothing is to be done. */
int mend_adopt(struct op *op, struct error *err);
int mend_journal(struct op *op);
int mend_undo(struct op *op);

/* What core wants, which may not know of it yet after a crash; else what the journal says it had,
 * or was to get. NULL: any. */
const char *mend_ip(const struct mend_op *mend);
const char *mend_ip6(const struct mend_op *mend);
