/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"

enum { RESERVE_MIN_BYTES = 4096 };

void journal_file_init(struct journal_file *file, const char *path)
{
	*file = (struct journal_file){
		.path = xstrdup(path),
		.spare = xasprintf("%s" JOURNAL_SPARE, path),
		.fd = -1,
	};
}

void journal_file_fini(struct journal_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	free(file->spare);
}

static int write_at(int fd, const char *data, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

int journal_file_open(struct journal_file *file, off_t end, struct error *err)
{
	struct stat st;

	file->fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file->fd < 0)
		return fs_error(err, -errno, "cannot open the journal", file->path);
	/* Only when it is longer: a cut takes the blocks behind the end too. */
	if (fstat(file->fd, &st) < 0 || (st.st_size > end && ftruncate(file->fd, end) < 0))
		return fs_error(err, -errno, "cannot cut off the end of the journal", file->path);
	file->end = file->reserved_end = end;
	return 0;
}

int journal_file_append(struct journal_file *file, const void *data, size_t len, struct error *err)
{
	int r = write_at(file->fd, data, len, file->end);

	if (r == 0) {
		file->end += (off_t)len;
		return 0;
	}
	if (ftruncate(file->fd, file->end) < 0)
		log_debug("journal: cannot cut off what was half written error=\"%m\"");
	file->reserved_end = file->end;
	return fs_error(err, r, "cannot write to the journal", file->path);
}

/* Into the blocks that are in reserve; they are kept when it fails. */
static int write_spare(struct journal_file *file, int fd, const void *data, size_t len)
{
	struct stat st;
	int r = write_at(fd, data, len, 0);

	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0 && st.st_size > (off_t)len && ftruncate(fd, (off_t)len) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(file->spare, file->path) < 0)
		r = -errno;
	return r;
}

int journal_file_replace(struct journal_file *file, const void *data, size_t len, struct error *err)
{
	AUTO_CLOSE int fd = open(file->spare, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : write_spare(file, fd, data, len);

	if (r < 0)
		return fs_error(err, r, "cannot write the journal anew as", file->spare);
	if (file->fd >= 0)
		close(file->fd);
	file->fd = take_fd(&fd);
	file->end = (off_t)len;
	file->reserved_end = file->spare_bytes > file->end ? file->spare_bytes : file->end;
	file->spare_bytes = 0;
	return fs_sync_parent(file->path, err);
}

/* As much of it as there is room for, in halves. Returns how much. */
static off_t reserve(int fd, off_t from, off_t bytes)
{
	for (; bytes >= RESERVE_MIN_BYTES; bytes /= 2)
		if (fallocate(fd, FALLOC_FL_KEEP_SIZE, from, bytes) == 0)
			return bytes;
	log_debug("journal: nothing can be kept in reserve error=\"%m\"");
	return 0;
}

static void raise_to(off_t *known, off_t value)
{
	if (*known < value)
		*known = value;
}

static void reserve_spare(struct journal_file *file, off_t bytes)
{
	AUTO_CLOSE int fd = open(file->spare, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		raise_to(&file->spare_bytes, reserve(fd, 0, bytes));
	else
		log_debug("journal: no spare file error=\"%m\"");
}

void journal_file_reserve(struct journal_file *file, size_t live_bytes)
{
	if (file->reserved_end - file->end < JOURNAL_RESERVE_BYTES / 2)
		raise_to(&file->reserved_end,
			 file->end + reserve(file->fd, file->end, JOURNAL_RESERVE_BYTES));
	/* Half of what is asked for is kept free for what lives next. */
	if (file->spare_bytes < (off_t)live_bytes + JOURNAL_RESERVE_BYTES / 2)
		reserve_spare(file, (off_t)live_bytes + JOURNAL_RESERVE_BYTES);
}
