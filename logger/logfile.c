/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is never written behind what the cursor says: a kill in the middle of a write leaves bytes
 * that the next one cuts off. A new file is in the cursor before it holds a byte. Rotation renames
 * the old ones from the first number that is free downwards, so that one which was cut short loses
 * none when it is done again.
 */
#include "logger/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/str.h"

enum { DIR_MODE = 0750, FILE_MODE = 0640, TAIL_BYTES = 64 * 1024 };

/* ---- directories ---- */

static int make_dir(const char *path, gid_t gid)
{
	if (mkdir(path, DIR_MODE) < 0)
		return errno == EEXIST ? 0 : -errno;
	(void)!chown(path, (uid_t)-1, gid);
	return chmod(path, DIR_MODE) < 0 ? -errno : 0;
}

static int make_dirs(const char *dir, gid_t gid)
{
	AUTO_FREE char *path = xstrdup(dir);
	int r = 0;

	for (char *c = path + 1; *c != '\0' && r == 0; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		r = make_dir(path, gid);
		*c = '/';
	}
	return r < 0 ? r : make_dir(path, gid);
}

/* ---- runs before the last one ---- */

/* Calls @each for every log file of another, earlier run. */
static void for_earlier_runs(const struct log_conf *conf,
			     void (*each)(int dirfd, const char *name, uint64_t run, uint64_t *arg),
			     uint64_t *arg)
{
	AUTO_CLOSE int fd = open(conf->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fs_list_fd(fd) : NULL;
	struct dirent *item;
	unsigned int old;
	uint64_t run;
	bool zst;

	if (dir == NULL)
		return;
	while (fs_next_entry(dir, &item) > 0) {
		if (log_file_parse(item->d_name, &run, &old, &zst) && run < conf->run)
			each(fd, item->d_name, run, arg);
	}
	closedir(dir);
}

static void note_run(int dirfd UNUSED, const char *name UNUSED, uint64_t run, uint64_t *last)
{
	if (run > *last)
		*last = run;
}

static void unlink_before(int dirfd, const char *name, uint64_t run, uint64_t *last)
{
	if (run < *last)
		unlinkat(dirfd, name, 0);
}

static void drop_earlier_runs(const struct log_conf *conf)
{
	uint64_t last = 0;

	for_earlier_runs(conf, note_run, &last);
	for_earlier_runs(conf, unlink_before, &last);
}

/* ---- open ---- */

/* Of a file whose length nobody knows: up to its last line break. */
static uint64_t whole_lines(int fd, uint64_t size)
{
	size_t len = size < TAIL_BYTES ? size : TAIL_BYTES;
	AUTO_FREE char *tail = xcalloc(1, len + 1);
	ssize_t n = pread(fd, tail, len, (off_t)(size - len));
	const char *end = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;

	return size - len + (end != NULL ? (size_t)(end - tail) + 1 : 0);
}

/* Takes up where the cursor is in this file, or at the end of one that it does not know. */
static int take_up(struct entry *entry, int fd)
{
	struct cursor *cursor = &entry->state.cursor;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (cursor->file_ino != st.st_ino) {
		cursor->file_bytes = whole_lines(fd, (uint64_t)st.st_size);
		cursor->file_ino = st.st_ino;
	}
	if (cursor->file_bytes > (uint64_t)st.st_size)
		cursor->file_bytes = (uint64_t)st.st_size;
	state_save_cursor(&entry->state, cursor);
	if (cursor->file_bytes < (uint64_t)st.st_size &&
	    ftruncate(fd, (off_t)cursor->file_bytes) < 0)
		return -errno;
	return 0;
}

static int open_or_make(const char *path, gid_t gid)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
		      FILE_MODE);

	if (fd < 0)
		return -errno;
	(void)!fchown(fd, (uid_t)-1, gid);
	(void)!fchmod(fd, FILE_MODE);
	return fd;
}

int logfile_open(struct logger *logger, struct entry *entry)
{
	AUTO_CLOSE int fd = -1;
	int r;

	if (entry->log_fd >= 0)
		return 0;
	AUTO_FREE char *path = log_file_path(entry->conf.dir, entry->conf.run, 0, false);
	r = make_dirs(entry->conf.dir, logger->gid);
	if (r < 0)
		return r;
	fd = open_or_make(path, logger->gid);
	if (fd < 0)
		return fd;
	r = take_up(entry, fd);
	if (r < 0)
		return r;
	drop_earlier_runs(&entry->conf);
	entry->log_fd = take_fd(&fd);
	return 0;
}

static void close_file(struct entry *entry)
{
	if (entry->log_fd >= 0)
		close(entry->log_fd);
	entry->log_fd = -1;
}

/* ---- rotation ---- */

static bool old_exists(const struct log_conf *conf, unsigned int old)
{
	AUTO_FREE char *plain = log_file_path(conf->dir, conf->run, old, false);
	AUTO_FREE char *compressed = log_file_path(conf->dir, conf->run, old, true);

	return access(plain, F_OK) == 0 || access(compressed, F_OK) == 0;
}

static int move_one(const struct log_conf *conf, unsigned int old, bool compressed)
{
	AUTO_FREE char *from = log_file_path(conf->dir, conf->run, old, compressed);
	AUTO_FREE char *to = log_file_path(conf->dir, conf->run, old + 1, compressed);

	return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

static void unlink_old(const struct log_conf *conf, unsigned int old)
{
	for (int compressed = 0; compressed < 2; compressed++) {
		AUTO_FREE char *path = log_file_path(conf->dir, conf->run, old, compressed);

		unlink(path);
	}
}

/* The first number that is free; of @n_old, the last one is made so. */
static unsigned int make_room(const struct log_conf *conf, unsigned int n_old)
{
	unsigned int free_one = 1;

	while (free_one < n_old && old_exists(conf, free_one))
		free_one++;
	unlink_old(conf, free_one);
	/* max_files may have become less meanwhile. */
	for (unsigned int old = n_old + 1; old_exists(conf, old); old++)
		unlink_old(conf, old);
	return free_one;
}

static int rotate(struct logger *logger, struct entry *entry, const struct log_conf *conf)
{
	int r = 0;

	if (conf->max_files < 2) { /* there are no old ones */
		entry->state.cursor.file_bytes = 0;
		state_save_cursor(&entry->state, &entry->state.cursor);
		return ftruncate(entry->log_fd, 0) < 0 ? -errno : 0;
	}
	for (unsigned int old = make_room(conf, conf->max_files - 1) - 1; r == 0 && old > 0;
	     old--) {
		r = move_one(conf, old, false);
		if (r == 0)
			r = move_one(conf, old, true);
	}
	if (r == 0)
		r = move_one(conf, 0, false);
	close_file(entry);
	return r < 0 ? r : logfile_open(logger, entry);
}

/* ---- write ---- */

/* Numbers of the settings may change while we write; texts do not. */
static struct log_conf settings(struct logger *logger, const struct entry *entry)
{
	struct log_conf conf;

	pthread_mutex_lock(&logger->lock);
	conf = entry->conf;
	pthread_mutex_unlock(&logger->lock);
	return conf;
}

static int write_all(int fd, const char *data, size_t len, uint64_t at)
{
	ssize_t n;

	for (; len > 0; data += n, at += (uint64_t)n, len -= (size_t)n) {
		n = pwrite(fd, data, len, (off_t)at);
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
	}
	return 0;
}

/* Somebody else may have taken the file away, or emptied it. */
static int look_again(struct logger *logger, struct entry *entry)
{
	struct cursor *cursor = &entry->state.cursor;
	struct stat st;

	if (fstat(entry->log_fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0) {
		close_file(entry);
		return logfile_open(logger, entry);
	}
	if ((uint64_t)st.st_size < cursor->file_bytes)
		cursor->file_bytes = (uint64_t)st.st_size;
	return 0;
}

int logfile_add(struct logger *logger, struct entry *entry, const char *data, size_t len)
{
	struct cursor *cursor = &entry->state.cursor;
	struct log_conf conf = settings(logger, entry);
	int r = look_again(logger, entry);

	if (r == 0 && cursor->file_bytes > 0 && cursor->file_bytes + len > (uint64_t)conf.max_bytes)
		r = rotate(logger, entry, &conf);
	if (r < 0)
		return r;
	r = write_all(entry->log_fd, data, len, cursor->file_bytes);
	if (r < 0) /* no reader is to find half of a line */
		(void)!ftruncate(entry->log_fd, (off_t)cursor->file_bytes);
	else
		cursor->file_bytes += len;
	return r;
}
