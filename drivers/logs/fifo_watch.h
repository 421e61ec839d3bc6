/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when something is in any FIFO of the spool. Kernels differ in whether writes to a FIFO are
 * events of its directory; that it can be read is known to all of them, to whoever has it open.
 */
#pragma once

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/str.h"

struct fifo_watch {
	int epoll_fd; /* readable: something is in one of them */
	struct watched_fifo *items;
	size_t n;
};

/* -errno: there can be none. */
int fifo_watch_open(struct fifo_watch *watch);
void fifo_watch_close(struct fifo_watch *watch);

/* Blocks, on files of ours. Has the FIFOs of all runs that are on open, and no others. */
void fifo_watch_scan(struct fifo_watch *watch, const char *spool);
