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
#include "watchers/manifests/manifests_dirs.h"

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
	bool hidden;            /* the listener was told that it is hidden */
	uint64_t held_since_ms; /* open for writing since; 0: is not */
};

struct manifests_known {
	struct map files; /* struct manifests_file.node */
	struct map dirs;  /* struct manifests_dir.node: of the last complete scan */
	struct map kept;  /* struct manifests_dir.node: as they were before files were hidden */
	bool scanned;     /* at least once, completely */
};

/* A file that was there in an earlier life of the daemon: that it is gone is told like that of one
 * that was delivered. */
void manifests_known_expect(struct manifests_known *known, const char *path);

/* Whether files were found in the directory, or are expected there. */
bool manifests_known_has_below(const struct manifests_known *known, const char *dir);

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

enum manifests_change_kind {
	MANIFESTS_CHANGE_FILE,
	MANIFESTS_CHANGE_ERROR,
	MANIFESTS_CHANGE_PENDING, /* it is there, and is being written */
	MANIFESTS_CHANGE_GONE,    /* removed */
	MANIFESTS_CHANGE_HIDDEN,  /* gone, by what led to it: err */
};

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
 * Brings @known up to what was found and adds what changed, in byte order of path. @dirs: the
 * directories of the pass; emptied. With @keep_missing files that were not found stay known (the
 * pass did not see everything).
 */
void manifests_diff(struct manifests_known *known, struct map *found, struct map *dirs,
		    bool keep_missing, uint64_t now_ms, struct manifests_changes *changes);
