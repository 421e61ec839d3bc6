/* SPDX-License-Identifier: Apache-2.0 */
/* The default hierarchy, and the system realm with the cell that stands for the daemon. */
#pragma once

#include "cli/args/args_target.h"
#include "cli/client/client.h"
#include "cli/show/results.h"

/* realm/space/default and kukeon-system/kukeon/kukeon/kukeond; what exists stays as it is. */
int host_create_hierarchy(struct client *client, const char *realm, const char *space,
			  struct results *ret_results, struct error *err);
