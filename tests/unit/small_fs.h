/* SPDX-License-Identifier: Apache-2.0 */
/* A small filesystem of a test's own, to be filled. Include after cmocka.h; needs root, else the
 * test is skipped. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "core/base/str.h"

static bool small_fs_allowed;

/* Before there are threads: they take part in it. */
static void small_fs_init(void)
{
	small_fs_allowed =
		unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void small_fs_mount(const char *dir)
{
	if (!small_fs_allowed || mount("tmpfs", dir, "tmpfs", 0, "size=2m,nr_inodes=64") < 0) {
		print_message("needs root\n");
		skip();
	}
}

static void small_fs_unmount(const char *dir)
{
	umount2(dir, MNT_DETACH);
}

/* To the last byte. */
static void small_fs_fill(const char *path)
{
	static const char block[4096] = "x";
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (size_t bytes = sizeof(block); bytes; bytes /= 2)
		while (write(fd, block, bytes) > 0)
			;
	assert_int_equal(errno, ENOSPC);
}

/* "inode<n>" in the directory. */
static inline void small_fs_use_up_inodes(const char *dir)
{
	int fd;

	for (int i = 0;; i++) {
		AUTO_FREE char *path = xasprintf("%s/inode%d", dir, i);

		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			break;
		close(fd);
	}
	assert_int_equal(errno, ENOSPC);
}
