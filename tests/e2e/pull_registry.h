/* SPDX-License-Identifier: Apache-2.0 */
/* A registry in memory, in place of drivers/registry: what it has, how it fails, what it was asked
 * for. */
#pragma once

#include "core/base/buf.h"
#include "drivers/registry/registry.h"

struct thing {
	char *digest, *media_type;
	char *data;
	size_t len;
	int64_t stop_at;        /* after so many bytes nothing comes any more; 0: all comes */
	enum image_fault fault; /* in place of an answer */
	uint64_t served;        /* bytes */
	unsigned asked;         /* how often */
};

enum { THINGS_MAX = 1024 };

struct memory_registry {
	struct thing things[THINGS_MAX];
	size_t n;
	const char *tag;        /* digest that every tag stands for */
	const char *only_realm; /* others are told that nothing is there; NULL: all may */
	unsigned heads, blobs_now, blobs_most;
	uint64_t served;
};

extern struct memory_registry memory_registry;

/* Takes @data. */
struct thing *memory_add(const char *media_type, char *data, size_t len);
struct thing *memory_find(const char *digest);
void memory_forget_counts(void);
void memory_clear(void);
