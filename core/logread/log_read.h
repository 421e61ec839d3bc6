/* SPDX-License-Identifier: Apache-2.0 */
/* What several containers wrote, in the order of time, and what they write. Blocks: for a process
 * of its own, as the directory of the logs may not answer. */
#pragma once

#include "core/logread/log_source.h"

struct log_reading {
	struct log_query query;
	const char *const *dirs; /* one of each container */
	size_t n_dirs;
	int peer_fd; /* it ends when nobody has the other end of this pipe open; -1: none */
	/* An entry of @dirs[number]. False: enough. */
	bool (*on_entry)(void *ctx, size_t number, const struct log_entry *entry);
	bool (*on_idle)(void *ctx); /* nothing follows for now, or at all. False: enough */
	void *ctx;
};

/* Until there is nothing more, or enough. 0 or -errno. */
int log_read(const struct log_reading *reading, struct error *err);
