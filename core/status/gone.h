/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that were forgotten last, for who comes back and asks what has changed since. */
#pragma once

#include "core/state/engine.h"

enum { GONE_MAX = 1024 };

struct gone {
	uint64_t version; /* engine.version then */
	char *key;
};

/* A ring: the oldest go first. Containers are not in it: struct cell.left. */
struct gone_log {
	struct engine_watcher watcher;
	struct engine *engine;
	uint64_t from; /* it knows of all that went after this version */
	struct gone items[GONE_MAX];
	size_t first, n;
};

/* It knows of what goes from now on. */
void gone_log_open(struct gone_log *log, struct engine *engine);
void gone_log_close(struct gone_log *log);

/* Whether all that has changed since @version can be told. */
bool gone_log_reaches(const struct gone_log *log, uint64_t version);

/* The @i-th, the oldest first; NULL after the last. */
const struct gone *gone_log_at(const struct gone_log *log, size_t i);
