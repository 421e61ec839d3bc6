/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories that files were found in, and whether a file that is not found any more was
 * removed, or what led to it hides it. Pure.
 *
 * Another directory that a link leads to now is a new generation: what it lacks was removed, and so
 * is what is in a directory that .kukeonignore names. Else a
 * directory that is gone, cannot be read, lies under another mount than before or was replaced by
 * another one says nothing about the files that were in it; neither does a new one without a single
 * manifest, which is what a mount point or a checkout under way looks like.
 */
#pragma once

#include <sys/types.h>

#include "core/base/error.h"
#include "core/base/map.h"

/* Which directory it is. An inode number is soon used again, so the time of birth (0: not known)
 * belongs to it. */
struct manifests_place {
	dev_t dev;
	ino_t ino;
	int64_t born_ns;
	uint64_t mount_id; /* 0: not known */
};

struct manifests_dir {
	struct map_node node; /* key: path */
	char *path;           /* below the manifests directory; "": that itself */
	char *real_path;      /* links followed; NULL: it has not been seen yet */
	struct manifests_place place;
	struct error err; /* code < 0: it is there and cannot be entered */
	bool ignored;     /* it is there, and nothing in it is of interest any more */
	bool used;        /* of those that are kept: a hidden file is in it */
};

/* Which directory @path, seen from @dirfd, is now. Blocks; in manifests_walk.c. 0 or -errno. */
int manifests_place_of(int dirfd, const char *path, struct manifests_place *ret_place);
bool manifests_place_is(const struct manifests_place *a, const struct manifests_place *b);

/* Adds a directory to the map, or gives the one that is there. */
struct manifests_dir *manifests_dirs_get(struct map *dirs, const char *path);
void manifests_dirs_clear(struct map *dirs);

/*
 * Whether the file @path, which was there when the directories were as in @old, and is not among
 * @found, where they are as in @new, is hidden. @ret_why: what hides it; -ENOENT: a directory that
 * was taken away, or replaced, as a whole.
 */
bool manifests_is_hidden(const struct map *old, const struct map *new, const struct map *found,
			 const char *path, struct error *ret_why);

/*
 * The directories of hidden files are kept as they were when the files were seen. A comparison
 * first says that none is used, then uses those of each hidden file (copied from @dirs where they
 * are not kept yet; a directory that was not seen stays without real_path), and drops the others.
 */
void manifests_kept_unuse(struct map *kept);
void manifests_kept_use(struct map *kept, const struct map *dirs, const char *path);
void manifests_kept_drop(struct map *kept);

/* Puts @new in the place of @dirs, and empties it. What cannot be entered is left out. */
void manifests_dirs_replace(struct map *dirs, struct map *new);
