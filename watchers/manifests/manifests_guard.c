/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of manifests may lie on a filesystem that does not answer, or lead into one by a
 * link or a mount. Where the host has such filesystems at all, every scan is tried first in another
 * process (core/aside/aside.h), from the same knowledge and by the same code. What that one hangs
 * at is left out in the next try, until one comes back.
 */
#include <limits.h>

#include "core/aside/aside.h"
#include "core/aside/mountinfo.h"
#include "core/base/buf.h"
#include "watchers/manifests/manifests_scan.h"

enum { HUNG_MAX = 16 }; /* places in one directory; with more it counts as hung as a whole */

/* In the other process: what it finds is thrown away with it. */
static void run_aside(struct aside_page *page, void *result UNUSED, const void *ctx)
{
	struct manifests_scan scan = *(const struct manifests_scan *)ctx;

	scan.watches = (struct path_watches){ 0 };
	scan.at = page->at;
	manifests_scan_run(&scan);
}

/* For each set of places that are left out there is a try of its own. */
static char *try_name(const struct manifests_scan *scan)
{
	struct buf name = { 0 };

	buf_printf(&name, "manifests directory %s", scan->directory);
	for (size_t i = 0; i < scan->hung.n; i++)
		buf_printf(&name, " without %s", scan->hung.items[i]);
	return buf_take(&name);
}

static int try_scan(const struct manifests_scan *scan, struct aside_hang *ret_hang,
		    struct error *err)
{
	AUTO_FREE char *name = try_name(scan);
	const struct aside aside = {
		.name = name, .run = run_aside, .ctx = scan, .allocates = true
	};

	return aside_run(&aside, NULL, ret_hang, err);
}

/* False: it is the directory itself, or too much. */
static bool leave_out(struct manifests_scan *scan, const char *where)
{
	size_t len = strlen(scan->directory);

	if (strncmp(where, scan->directory, len) != 0 || where[len] != '/' || !where[len + 1] ||
	    strv_has(&scan->hung, where + len + 1) || scan->hung.n == HUNG_MAX)
		return false;
	strv_add(&scan->hung, where + len + 1);
	return true;
}

bool manifests_scan_safely(struct manifests_scan *scan)
{
	struct aside_hang hang;
	struct error err = { 0 };
	int r = 0;

	strv_fini(&scan->hung);
	if (mountinfo_may_hang())
		while ((r = try_scan(scan, &hang, &err)) == -ASIDE_HANGS) {
			error_wrap(&err, r, "in the manifests directory %s, nothing is deleted",
				   scan->directory);
			scan->hung_reason = err;
			if (!leave_out(scan, hang.where))
				break;
		}
	if (r < 0) {
		scan->problem = err;
		scan->retry = true;
		return false;
	}
	manifests_scan_run(scan);
	scan->retry |= scan->hung.n > 0;
	return true;
}
