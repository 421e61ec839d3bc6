/* SPDX-License-Identifier: Apache-2.0 */
/* Logs in an inventory, and what becomes of those that are nobody's. */
#pragma once

#include "core/driver/inventory.h"
#include "drivers/containerd/driver.h"

/* What was found of logs on the host. */
struct log_finds {
	struct strv entries; /* of the spool */
	struct strv cells;   /* keys of those with log files */
	struct strv stdouts; /* of all tasks: the FIFOs that are written to */
};

void log_finds_fini(struct log_finds *finds);

/* Blocks: the spool, and the directory of log files, which the user names. One that does not answer
 * hides log files, and nothing else. */
int log_finds_read(const struct containerd *driver, struct log_finds *finds, struct error *err);

/* Adds them to what an inventory has found already, on the loop. FIFOs are whose their container is
 * while its task writes to them, log files are their cell's. */
void log_finds_add(const struct containerd *driver, const struct log_finds *finds,
		   struct host_things *things);

/* Blocks. Takes away what is nobody's: @name is the thing's. */
int log_fifos_discard(const struct log_place *place, const char *name, struct error *err);
int log_files_discard(const struct log_place *place, const char *name, struct error *err);
