/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks after paths that somebody else named, without ever hanging with what they lead to
 * (core/aside/aside.h). Blocks for ASIDE_LIMIT_MS at most: for a thread that nobody waits for.
 */
#pragma once

#include <sys/stat.h>

#include "core/base/error.h"

struct path_fact {
	int code; /* 0, or -errno: what stat() says */
	mode_t mode;
	dev_t rdev;
	uid_t uid;
	gid_t gid;
};

enum paths_depth {
	PATHS_STAT, /* what it is, links followed */
	PATHS_READ, /* and read: a byte of a file, a directory and a byte of each file in it */
};

/*
 * @n paths, each absolute. 0: @ret_facts has one for each. -ASIDE_HANGS: the path of *ret_number
 * does not answer, and @err says since when; the facts are not to be used.
 * Other -errno: it could not be asked. @ret_number may be NULL.
 */
int paths_look(const char *const *paths, size_t n, enum paths_depth depth,
	       struct path_fact *ret_facts, size_t *ret_number, struct error *err);

/* Whether all of @n paths answer, whatever they say: 0 or -errno as above. */
int paths_answer(const char *const *paths, size_t n, enum paths_depth depth, struct error *err);
