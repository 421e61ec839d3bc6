/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/prune_guard.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/str.h"

enum { SHARE_MAX_PERCENT = 100, NUMBER_MAX = 1000000 };

int prune_guard_parse(const char *text, struct prune_guard *ret_guard, struct error *err)
{
	struct prune_guard guard = { 0 };
	int end = 0;

	guard.off = str_equal(text, "off");
	if (!guard.off &&
	    (sscanf(text, "%3u%%,%7u%n", &guard.share_percent, &guard.number, &end) != 2 ||
	     text[end] || guard.share_percent > SHARE_MAX_PERCENT || !guard.number ||
	     guard.number > NUMBER_MAX))
		return error_set(err, -EINVAL,
				 "pruneGuard \"%.40s\": expected a share of 0 to 100 percent and a "
				 "number of cells from 1, as in \"50%%,3\", or \"off\"",
				 text);
	*ret_guard = guard;
	return 0;
}
