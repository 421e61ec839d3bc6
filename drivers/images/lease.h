/* SPDX-License-Identifier: Apache-2.0 */
/* Leases of ours: they keep from containerd's garbage collection what nothing refers to yet. */
#pragma once

#include "api/containerd.pb-c.h"
#include "drivers/ctd/ctd_op.h"
#include "drivers/images/images.h"

/* Of a pull: the prefix, and what leads from the image's name to it. The next pull of the name, of
 * whatever daemon, finds what the one before has fetched. */
#define PULL_LEASE_PREFIX "kukeon-pull-"
/* Of ingests, in front of the blob's digest. */
#define PULL_REF_PREFIX "kukeon-"

/* After that containerd takes it, and what it keeps: longer than any pull, and as long as content
 * without a lease may lie there unfinished. */
enum { LEASE_SECONDS = 24 * 60 * 60 };

/* No two ever share it, of this process or of another. Free with free(). */
char *lease_new_id(const char *prefix);

/* The lease under which @name, as containerd has it, is pulled. Free with free(). */
char *lease_pull_id(const char *name);

/* Whether something of ours that is under way works under it. */
bool lease_in_use(const struct ctd *ctd, const char *namespace_, const char *id);

/* Whether one is of an unpacking or a pull of ours: by our label, or, of versions that gave none,
 * by its name. */
bool lease_is_ours(const struct ctd *ctd, const Ctd__Lease *lease);

/* For steps. @image: what it is for, as a label; NULL: not said. */
int lease_create(struct op *op, const char *id, const char *image);
int lease_delete(struct op *op, const char *id);
