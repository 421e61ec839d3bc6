/* SPDX-License-Identifier: Apache-2.0 */
/* Who a container runs as: "user" or "user:group" by the image's passwd and group files. Pure; the
 * files come from strangers. */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"

/* Honest ones have a few KiB; as many groups as anybody is in. */
enum { USER_FILE_MAX_BYTES = 1024 * 1024, USER_GROUPS_MAX = 1024 };

/* What became of reading the files. A file that could not be read says why; it matters only when a
 * name must be found in it. */
struct user_files {
	const char *passwd, *group; /* NULL: could not be read */
	const struct error *passwd_why, *group_why;
};

struct user {
	uint32_t uid, gid;
	uint32_t *groups; /* supplementary ones, without gid */
	size_t n_groups;
	char *home; /* NULL: not known */
};

void user_fini(struct user *user);

/*
 * @spec "" is root. Without a group, the user's own and those that list the user are taken from the
 * files; with one it stands alone. A number needs no entry. @origin begins messages: "user", "the
 * image's user". -EINVAL: no such name, or no user at all.
 */
int user_find(const char *spec, const char *origin, const struct user_files *files,
	      struct user *ret_user, struct error *err);
