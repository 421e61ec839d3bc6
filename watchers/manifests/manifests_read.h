/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one manifest file, whole or not at all. Blocks; worker threads only. */
#pragma once

#include <sys/stat.h>

#include "watchers/manifests/manifests_known.h"

struct manifests_read_options {
	const char *shown;                  /* the file's path in messages */
	bool only_root_writes;              /* refuse what others than root can write */
	const struct manifests_file *known; /* as delivered before; NULL */
};

/*
 * Reads @name, which is no symbolic link, in @dirfd into @found. -ENOENT: it is not there (any
 * more). Everything else is an outcome, and success.
 */
int manifests_read(int dirfd, const char *name, const struct manifests_read_options *options,
		   struct manifests_found *found);
