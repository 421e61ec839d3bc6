/* SPDX-License-Identifier: Apache-2.0 */
/* firewalld and docker behind the seam of core/driver/managers.h. */
#pragma once

#include "core/driver/managers.h"
#include "core/journal/journal.h"

/* The caller closes the journal after it. Close with managers->ops->close(). */
void firewalls_open(struct managers **ret, struct loop *loop, struct journal *journal);
