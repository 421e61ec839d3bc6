/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files. Everything here blocks: call it at start-up or on a worker thread (core/loop/loop.h),
 * except where the target is known to be a small file of a kernel filesystem. @dirfd is as in
 * openat(2): AT_FDCWD for paths.
 */
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include "core/base/buf.h"
#include "core/base/error.h"

/* Appends what @fd still gives, up to its end. -EFBIG as soon as that is more than @max_bytes, with
 * some of what is too much. */
int fs_read_rest(int fd, size_t max_bytes, struct buf *ret);

/* Appends the whole file to @ret. -EFBIG when it has more than @max_bytes, -EISDIR/-EINVAL when it
 * is no regular file. */
int fs_read_file(int dirfd, const char *path, size_t max_bytes, struct buf *ret, struct error *err);

/*
 * Replaces the file in one step: a temporary file in the same directory, fsync, rename, fsync of
 * the directory. Readers see the old or the new content, also after a power cut.
 */
int fs_write_file_atomic(const char *path, const void *data, size_t len, mode_t mode,
			 struct error *err);

/* The same in two steps, for many files at once: all are written beside what is there, the
 * filesystem is synced once, and they take its place, or are dropped. Without that sync, either may
 * be gone after a power cut, or the file empty. */
int fs_write_beside(const char *path, const void *data, size_t len, mode_t mode, struct error *err);
int fs_take_beside(const char *path, struct error *err);
void fs_drop_beside(const char *path);

/* Everything that was written to the filesystem of the directory outlives a power cut. */
int fs_sync_all(const char *dir, struct error *err);

/* What is in the directory of the file, also after a power cut. */
int fs_sync_parent(const char *path, struct error *err);

/* The filesystem has no room, or takes no change at all: nothing but a person can help. */
bool fs_is_full(int code);

/* Sets "<what> <path>: <why>", and what to do about a full filesystem. Returns @code. */
int fs_error(struct error *err, int code, const char *what, const char *path);

/* Writes into an existing (kernel) file with one write(2). */
int fs_write_existing(int dirfd, const char *path, const char *data, struct error *err);

/*
 * Makes the file hold @data without replacing it: who has it open or mounted sees the new content.
 * A file that holds it already is not written; no reader finds it empty, or an old line's tail
 * behind the new ones. @mode: the file has it, and is made when it is missing; 0: the mode stays,
 * and a missing file is -ENOENT.
 */
int fs_update_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		   struct error *err);

/*
 * Where whoever started us passed no standard descriptor, the first file or socket would get its
 * number: something of /dev/null stands there, with which reading and writing fail as before.
 */
void fs_open_standard(void);

/*
 * At the top of a program's main file: does so before the libraries begin, some of which open
 * descriptors then, and would stand where the standard ones are looked for. A sanitizer has to
 * begin first: there main() calls it.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FS_OPEN_STANDARD_FIRST
#else
#define FS_OPEN_STANDARD_FIRST                                                                     \
	__attribute__((section(".preinit_array"), used)) static void (*const open_standard)(       \
		void) = fs_open_standard;
#endif

/* mkdir -p; directories that exist are left alone, those that are made have @mode whatever the
 * umask is. */
int fs_make_dirs(const char *path, mode_t mode, struct error *err);

/* rm -r of a directory below @dirfd that never follows a symbolic link or leaves the filesystem.
 * Gone already: 0. */
int fs_remove_tree(int dirfd, const char *path, struct error *err);

/* A stream over the directory behind @fd with a position of its own; @fd stays open. Errno is set
 * when it is NULL. */
DIR *fs_list_fd(int fd);

/*
 * The next entry, "." and ".." left out. 1: there is one, its d_type is known on every filesystem;
 * 0: that were all; -errno: the rest cannot be read. Whoever takes things away because they are not
 * listed must not take that for the end.
 */
int fs_next_entry(DIR *dir, struct dirent **ret_entry);
