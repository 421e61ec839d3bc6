/* SPDX-License-Identifier: Apache-2.0 */
/* The default hierarchy, and the system realm with the cell that stands for the daemon. */
#pragma once

#include "cli/client.h"
#include "cli/results.h"
#include "cli/target.h"

/* realm/space/default and kukeon-system/kukeon/kukeon/kukeond; what exists stays as it is. */
int host_create_hierarchy(struct client *client, const char *realm, const char *space,
			  struct results *ret_results, struct error *err);

/* Whether a named object is the cell that stands for the daemon. */
bool host_is_system_cell(const struct target *target);
