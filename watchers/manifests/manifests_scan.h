/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scan of the manifests directory: walk, read, compare. Blocks; runs on a worker thread, which
 * owns the struct until it is done.
 */
#pragma once

#include "watchers/manifests/manifests_known.h"
#include "watchers/path/path_watches.h"

struct manifests_scan {
	/* set by the owner */
	char *directory;
	bool only_root_writes;
	bool only_if_moved; /* look only when a directory is another one, or at another place */

	struct strv hung;         /* what in it does not answer, and is not touched: paths */
	struct error hung_reason; /* says it of the last of them */
	char *at; /* where to write down what is touched next, PATH_MAX bytes; NULL: nowhere */

	/* carried from scan to scan */
	struct manifests_known known;

	/* results */
	struct path_watches watches; /* .user is set by the owner before the scan */
	struct manifests_changes changes;
	struct error problem; /* of the directory; code 0: it was read completely */
	bool retry; /* look again soon: a file is being written, or the directory was never still */
	bool skipped; /* only_if_moved, and none was: the other results are as before */
	bool remote;  /* others may change it without an event */
};

void manifests_scan_run(struct manifests_scan *scan);

/*
 * The same where some filesystem of the host may not answer: tries it in another process first, so
 * that this one never waits in there. What hangs below the directory is left out, and nothing is
 * gone then; when the directory itself hangs, only @problem is set, and the result is false.
 */
bool manifests_scan_safely(struct manifests_scan *scan);
