/* SPDX-License-Identifier: Apache-2.0 */
/* The conflists of a directory, ours and others'. Blocks: worker threads only. */
#pragma once

#include "drivers/conf/conflist.h"

enum { CONFDIR_MAX_FILES = 4096 };

struct confdir_file {
	char *path;
	struct conflist list;
};

/* A zeroed struct is empty. */
struct confdir {
	struct confdir_file *items;
	size_t n;
};

void confdir_fini(struct confdir *confdir);

/* Adds a directory's files; one that does not exist has none. What cannot be read as a conflist is
 * left out. */
int confdir_read(struct confdir *confdir, const char *dir, struct error *err);
