/* SPDX-License-Identifier: Apache-2.0 */
/* The floor's network: the conflist that a space gets, its plugins run with posix_spawn. A failure
 * ends the bench. */
#pragma once

#include "drivers/conf/conflist.h"

struct plugin_run {
	const struct conflist *list;
	const char *bin_dirs; /* colon list */
	const char *container_id;
	const char *netns;
};

void plugin_add(const struct plugin_run *run);
void plugin_del(const struct plugin_run *run);
