/* SPDX-License-Identifier: Apache-2.0 */
/* When too many cells lose their declaration at once to be believed: setting pruneGuard. */
#pragma once

#include "core/base/error.h"

struct prune_guard {
	bool off;
	unsigned share_percent; /* more than this share of the cells that manifests declare, */
	unsigned number;        /* and at least so many */
};

/* "50%,3" or "off". */
int prune_guard_parse(const char *text, struct prune_guard *ret_guard, struct error *err);
