/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches a directory tree of manifests and delivers the content of its files.
 *
 * The content of the directory is the truth; inotify only says when to look. After a hint, and a
 * short quiet time, the whole tree is read again on a worker thread and compared with what was
 * delivered before; differences are delivered on the loop's thread. One scan at a time; a hint
 * during a scan causes one more.
 *
 * Which files: *.yaml, *.yml and *.json in the directory and below it; dotfiles and what editors
 * leave lying around are ignored (core/manifest/file_name.h). Symbolic links are followed, and all
 * links that lead through one directory (a ConfigMap's "..data") are read through one descriptor of
 * it, so that a scan never mixes two generations. What vanishes while it is read restarts the scan.
 *
 * A file that somebody has open for writing is not read: what was delivered before stands until it
 * is closed.
 *
 * A file that is not found any more was removed, or is hidden by what led to it: see
 * watchers/manifests/manifests_dirs.h. Mounts come and go without an inotify event: after a change of the
 * mount table it is looked whether the directories are still the same ones.
 *
 * Bounds: 16 levels, 1 000 directories, 10 000 files, 1 MiB a file, 64 MiB together. Run as root,
 * files that others than root can write, or whose directory they can write, or that links or
 * directories of theirs lead to, are refused: who writes a manifest runs programs as root.
 */
#pragma once

#include "core/base/error.h"
#include "core/base/str.h"
#include "core/loop/loop.h"

struct manifests_options {
	const char *directory;
	uint64_t quiet_ms;     /* 5: no hint for so long before a scan */
	uint64_t quiet_max_ms; /* 100: but no later than this after the first hint */
	uint64_t poll_ms; /* 2000: time between scans where inotify cannot be had or does not see
			     everything */
	bool no_inotify;  /* poll only */
	/* Files that were there in an earlier life of the daemon: that they are gone is told. NULL:
	 * none. */
	const struct strv *expected;
};

/*
 * Called on the loop's thread, never from inside a function of ours. A scan delivers its
 * differences in byte order of path, then on_scan_done, also when nothing changed. Strings and data
 * are valid during the call only.
 */
struct manifests_listener {
	void *ctx;

	/* New or changed content. @path is relative to the directory. @len may be 0. */
	void (*on_file)(void *ctx, const char *path, const char *data, size_t len);

	/*
	 * The file is there and cannot be used: unreadable, too large, a directory, a dangling
	 * link, writable by others, open for writing for long. Once per text. The content delivered
	 * before is not withdrawn.
	 */
	void (*on_file_error)(void *ctx, const char *path, const struct error *err);

	/* A new file is there and open for writing: its content follows, or an error. */
	void (*on_file_pending)(void *ctx, const char *path);

	/* A file that was told of, or expected, is not there any more. @hidden: what led to it is
	 * gone or hides it, -ENOENT: is gone as a whole; it may follow a second time, with NULL,
	 * when it is found to be removed. NULL: it was removed. */
	void (*on_file_gone)(void *ctx, const char *path, const struct error *hidden);

	/*
	 * The scan is over. NULL: the directory was read completely. Otherwise what is wrong with
	 * the directory (missing, unreadable, not a directory, over a bound, never still); then on_file_gone was not called for anything, and a further scan follows
	 * when the directory changes.
	 */
	void (*on_scan_done)(void *ctx, const struct error *directory_problem);
};

struct manifests_watcher;

/* Starts with a first scan. The strings are copied. Fails only on options that make no sense. */
int manifests_open(struct manifests_watcher **ret_watcher, struct loop *loop,
		   const struct manifests_options *options,
		   const struct manifests_listener *listener, struct error *err);

/* No method of the listener runs any more. The watcher's memory lives until @closed, which never
 * runs from inside. */
void manifests_close(struct manifests_watcher *watcher, void (*closed)(void *ctx), void *ctx);

/* Reads everything again now (or once more after the scan that is under way): the number of that
 * scan. */
unsigned manifests_rescan(struct manifests_watcher *watcher);

/* The number of the last scan whose end was told. */
unsigned manifests_last_scan(const struct manifests_watcher *watcher);

/* "inotify", or "polling" where hints cannot be relied on. */
const char *manifests_watch_kind(const struct manifests_watcher *watcher);
