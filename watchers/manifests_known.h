/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was delivered of the manifests directory, what a scan found, and the difference. Pure.
 */
#pragma once

#include <sys/types.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/str.h"

/* A file with the same identity has the same content, unless it was read so soon after a write that
 * the clock of the filesystem may not tell a second write from the first. */
struct manifests_identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	int64_t mtime_ns, ctime_ns;
};

/* A file as it was delivered. */
struct manifests_file {
	struct map_node node; /* key: path */
	char *path;
	struct manifests_identity identity;
	bool trusted; /* identity proves that the content is the same */
	char hash[SHA256_HEX_BYTES];
	char *error;            /* delivered instead of content; NULL */
	bool delivered;         /* the listener knows of it */
	uint64_t held_since_ms; /* open for writing since; 0: is not */
};

/* Which directory it is. An inode number is soon used again, so the time of birth (0: not known)
 * belongs to it. */
struct manifests_root {
	dev_t dev;
	ino_t ino;
	int64_t born_ns;
};

struct manifests_known {
	struct map files;           /* struct manifests_file.node */
	bool scanned;               /* at least once, completely */
	struct manifests_root root; /* the directory of the last complete scan */
};

void manifests_known_fini(struct manifests_known *known);
const struct manifests_file *manifests_known_find(const struct manifests_known *known,
						  const char *path);

enum manifests_outcome {
	MANIFESTS_CONTENT,   /* was read */
	MANIFESTS_UNCHANGED, /* identity says: as delivered */
	MANIFESTS_HELD,      /* somebody has it open for writing */
	MANIFESTS_ERROR,     /* is there and cannot be used */
};

/* A file as one pass over the directory found it. */
struct manifests_found {
	struct map_node node; /* key: path */
	char *path;
	enum manifests_outcome outcome;
	struct manifests_identity identity;
	bool trusted;
	struct buf content; /* MANIFESTS_CONTENT */
	char hash[SHA256_HEX_BYTES];
	struct error err; /* MANIFESTS_ERROR */
};

struct manifests_found *manifests_found_new(struct map *found, const char *path);
void manifests_found_clear(struct map *found);

enum manifests_change_kind { MANIFESTS_CHANGE_FILE, MANIFESTS_CHANGE_ERROR, MANIFESTS_CHANGE_GONE };

struct manifests_change {
	enum manifests_change_kind kind;
	char *path;
	struct buf content;
	struct error err;
};

struct manifests_changes {
	struct manifests_change *items;
	size_t n, capacity;
};

void manifests_changes_fini(struct manifests_changes *changes);

/*
 * Whether a directory that is now empty was emptied by accident: several files, or another
 * directory than before. One file that goes from the same directory is an ordinary removal.
 */
bool manifests_emptied_at_once(const struct manifests_known *known,
			       const struct manifests_root *root);

/*
 * Brings @known up to what was found and adds what changed, in byte order of path. With
 * @keep_missing files that were not found stay known (the pass did not see everything).
 */
void manifests_diff(struct manifests_known *known, struct map *found, bool keep_missing,
		    uint64_t now_ms, struct manifests_changes *changes);
