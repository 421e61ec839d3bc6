/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the tree of manifests: what is there now. Blocks; worker threads only. */
#pragma once

#include "watchers/manifests/manifests_scan.h"
#include "watchers/path/path_resolve.h"

enum { MANIFESTS_PASSES_MAX = 5, MANIFESTS_DIRECTORIES_MAX = 1000 };

/* A pass during which something vanished is worthless: look again. */
enum { MANIFESTS_PASS_AGAIN = 1 };

struct visited {
	dev_t dev;
	ino_t ino;
};

struct manifests_pass {
	struct manifests_scan *scan;
	int number;       /* from 1 to MANIFESTS_PASSES_MAX */
	struct map found; /* struct manifests_found.node */
	struct map dirs;  /* struct manifests_dir.node */
	struct path_generation generation;
	struct visited visited[MANIFESTS_DIRECTORIES_MAX];
	size_t n_visited;
	size_t total_bytes;
	uint64_t ignore_steps; /* what the patterns of .kukeonignore have cost so far */
	bool partial; /* the directory itself could not be listed; scan->problem says why */
};

/*
 * Walks the directory open at @fd; @way says who else than root can lead its path elsewhere. 0,
 * MANIFESTS_PASS_AGAIN, or -errno with scan->problem set when no pass would do better.
 */
int manifests_walk(struct manifests_pass *pass, int fd, const struct error *way);

/* What is touched next, relative to the directory: whoever watches knows where it hangs. */
void manifests_scan_touches(const struct manifests_scan *scan, const char *path);
