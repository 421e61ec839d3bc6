/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log files of containers: <logDir>/<key of the cell>/<container>/<run>.log and what was
 * rotated (core/logs/log_names.h). kukeon-log makes and writes them; we take them away with the
 * cell. Nothing else below the directory is ever removed: the user names it.
 *
 * Everything here blocks, perhaps for ever, on a path that others named: for threads of its own,
 * and only after somebody else has come back from there (core/aside/paths.h).
 */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"

/* Of a container. Free with free(). */
char *log_files_dir(const char *log_dir, const char *cell_key, const char *container);

/* Those of a container, @container NULL: of all of the cell, and the directories that are empty
 * then. Gone already: 0. */
int log_files_remove(const char *log_dir, const char *cell_key, const char *container,
		     struct error *err);

/*
 * The keys of all cells that have any. The first daemon that asks makes the directory its own, by
 * @instance in a file of it: for others there is nothing of theirs, so that none takes away what is
 * another's.
 */
int log_files_list(const char *log_dir, const char *instance, struct strv *ret_keys,
		   struct error *err);
