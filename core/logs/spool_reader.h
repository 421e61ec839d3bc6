/* SPDX-License-Identifier: Apache-2.0 */
/* Who reads a spool: kukeon-log, while it holds the lock there. */
#pragma once

#include <sys/types.h>

/* Its pid, 1: that is not said yet, 0: nobody does. Blocks, on files of our own. */
pid_t spool_reader(const char *dir);
