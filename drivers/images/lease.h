/* SPDX-License-Identifier: Apache-2.0 */
/* Leases of ours: they keep from containerd's garbage collection what nothing refers to yet. */
#pragma once

#include "drivers/ctd/ctd_op.h"

/* After that containerd takes it, and what it keeps: longer than any pull, and as long as content
 * without a lease may lie there unfinished. */
enum { LEASE_SECONDS = 24 * 60 * 60 };

/* No two ever share it, of this process or of another. Free with free(). */
char *lease_new_id(const char *prefix);

/* For steps. @image: what it is for, as a label; NULL: not said. */
int lease_create(struct op *op, const char *id, const char *image);
int lease_delete(struct op *op, const char *id);
