/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows paths one name at a time, and watches every directory in which a name on the way could
 * change its meaning. Blocks; worker threads only.
 */
#pragma once

#include <sys/stat.h>

#include "watchers/path/path_watches.h"

/*
 * Opens (O_PATH) the directory @path, relative to @dirfd unless absolute. *links_left bounds the
 * symbolic links that are followed, -ELOOP. Returns the descriptor or -errno; what exists of the
 * path is watched also when the rest does not. @way: who else than root can lead the path to
 * another place, in words; it is left alone when nobody can, or when it has words already.
 */
int path_resolve_dir(struct path_watches *watches, int dirfd, const char *path, int *links_left,
		     struct error *way);

/*
 * Directories that links led through in one pass, so that all links through one directory see the
 * same one, however often the name is moved on meanwhile. Zeroed is empty.
 */
struct path_generation {
	struct generation_dir *dirs;
	size_t n;
};

void path_generation_fini(struct path_generation *generation);

/* What an entry of a directory finally is: no symbolic link. */
struct path_target {
	int dirfd; /* valid until the generation is finished or @own is closed */
	int own;   /* -1, or to be closed by path_target_fini() */
	char *name;
	struct stat st;
	struct error way; /* of the links to it, as for path_resolve_dir(); code 0: only root
			   */
};

void path_target_fini(struct path_target *target);

/* Follows the entry @name of @dirfd to what it is. -ENOENT: it, or what it leads to, is not there.
 */
int path_resolve_entry(struct path_watches *watches, struct path_generation *generation, int dirfd,
		       const char *name, struct path_target *ret_target);
