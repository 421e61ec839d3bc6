/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
	READ_CHUNK_BYTES = 16384,
	TREE_DEPTH_MAX = 64,
	TAIL_MAX_BYTES = 4 * 1024 * 1024, /* more is nothing that was written here */
};

int fs_read_rest(int fd, size_t max_bytes, struct buf *ret)
{
	size_t start = ret->len;

	for (;;) {
		char *end = buf_reserve(ret, READ_CHUNK_BYTES);
		ssize_t n = read(fd, end, READ_CHUNK_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (ret->len - start > max_bytes)
			return -EFBIG;
		if (n == 0)
			return 0;
	}
}

int fs_read_file(int dirfd, const char *path, size_t max_bytes, struct buf *ret, struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", path);
	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, "cannot stat %s: %m", path);
	if (S_ISDIR(st.st_mode))
		return error_set(err, -EISDIR, "%s is a directory, expected a file", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s is not a regular file", path);
	if ((uint64_t)st.st_size > max_bytes)
		return error_set(err, -EFBIG, "%s has %lld bytes, at most %zu are allowed", path,
				 (long long)st.st_size, max_bytes);
	r = fs_read_rest(fd, max_bytes, ret);
	if (r == -EFBIG)
		return error_set(err, r, "%s is larger than %zu bytes", path, max_bytes);
	return r < 0 ? error_set(err, r, "cannot read %s: %s", path, strerror(-r)) : 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

bool fs_is_full(int code)
{
	return code == -ENOSPC || code == -EDQUOT || code == -EROFS;
}

static const char *remedy(int code)
{
	switch (-code) {
	case ENOSPC:
	case EDQUOT:
		return "; free space or inodes there";
	case EROFS:
		return "; mount it writable";
	default:
		return "";
	}
}

int fs_error(struct error *err, int code, const char *what, const char *path)
{
	return error_set(err, code, "%s %s: %s%s", what, path, strerror(-code), remedy(code));
}

int fs_sync_parent(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return fs_error(err, -errno, "cannot sync the directory of", path);
	return 0;
}

static char *path_beside(const char *path)
{
	return xasprintf("%s.tmp", path);
}

static int write_beside(const char *path, const void *data, size_t len, mode_t mode, bool sync,
			struct error *err)
{
	AUTO_FREE char *temp = path_beside(path);
	AUTO_CLOSE int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return fs_error(err, -errno, "cannot create", temp);
	r = fchmod(fd, mode) < 0 ? -errno : write_all(fd, data, len);
	if (r == 0 && sync && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlink(temp);
	return fs_error(err, r, "cannot write", path);
}

int fs_write_beside(const char *path, const void *data, size_t len, mode_t mode, struct error *err)
{
	return write_beside(path, data, len, mode, false, err);
}

int fs_take_beside(const char *path, struct error *err)
{
	AUTO_FREE char *temp = path_beside(path);
	int r;

	if (rename(temp, path) == 0)
		return 0;
	r = -errno;
	unlink(temp);
	return fs_error(err, r, "cannot write", path);
}

void fs_drop_beside(const char *path)
{
	AUTO_FREE char *temp = path_beside(path);

	unlink(temp);
}

int fs_sync_all(const char *dir, struct error *err)
{
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || syncfs(fd) < 0
		       ? fs_error(err, -errno, "cannot sync the filesystem of", dir)
		       : 0;
}

int fs_write_file_atomic(const char *path, const void *data, size_t len, mode_t mode,
			 struct error *err)
{
	int r = write_beside(path, data, len, mode, true, err);

	if (r == 0)
		r = fs_take_beside(path, err);
	return r < 0 ? r : fs_sync_parent(path, err);
}

int fs_write_existing(int dirfd, const char *path, const char *data, struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(data);

	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %m", path);
	if (write(fd, data, len) != (ssize_t)len)
		return error_set(err, -errno, "cannot write \"%s\" to %s: %m", data, path);
	return 0;
}

/* ---- files that stay while their content changes ---- */

static bool holds(int fd, const char *data, size_t len)
{
	char chunk[READ_CHUNK_BYTES];

	while (len) {
		ssize_t n = read(fd, chunk, len < sizeof(chunk) ? len : sizeof(chunk));

		if (n <= 0 || memcmp(chunk, data, (size_t)n) != 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Of a write that found no room in the middle: no line is left that is not whole. */
static void cut_after_line(int fd, const char *content, size_t written)
{
	while (written && content[written - 1] != '\n')
		written--;
	if (written && ftruncate(fd, (off_t)written) < 0)
		return; /* the error is told already */
}

/* One write over everything that was there, with empty lines over what is too long: between it and
 * the cut a reader sees nothing else. */
static int overwrite(int fd, const char *data, size_t len, size_t old_len)
{
	size_t tail = old_len > len && old_len - len <= TAIL_MAX_BYTES ? old_len - len : 0;
	AUTO_FREE char *content = xcalloc(len + tail + 1, 1);
	ssize_t n;

	memcpy(content, data, len);
	memset(content + len, '\n', tail);
	n = pwrite(fd, content, len + tail, 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < len + tail) {
		cut_after_line(fd, content, (size_t)n);
		return -ENOSPC;
	}
	return old_len > len && ftruncate(fd, (off_t)len) < 0 ? -errno : 0;
}

/* Only read: who opens it to write tells everybody who watches it, also when nothing is written. */
static bool is_as_wanted(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (!mode || (st.st_mode & ALLPERMS) == mode) && (size_t)st.st_size == len &&
	       holds(fd, data, len);
}

int fs_update_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		   struct error *err)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (mode ? O_CREAT : 0), r;
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (is_as_wanted(dirfd, name, data, len, mode))
		return 0;
	fd = openat(dirfd, name, flags, mode);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fs_error(err, -errno, "cannot open", name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s is not a regular file", name);
	if (mode && (st.st_mode & ALLPERMS) != mode && fchmod(fd, mode) < 0)
		return fs_error(err, -errno, "cannot set the mode of", name);
	r = overwrite(fd, data, len, (size_t)st.st_size);
	return r < 0 ? fs_error(err, r, "cannot write", name) : 0;
}

void fs_open_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}

/* The mode is what was asked for, whatever the umask: one that is there keeps its own. */
static int make_dir(const char *path, mode_t mode)
{
	AUTO_CLOSE int fd = -1;

	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || fchmod(fd, mode) < 0 ? -errno : 0;
}

int fs_make_dirs(const char *path, mode_t mode, struct error *err)
{
	AUTO_FREE char *copy = xstrdup(path);
	int r;

	if (make_dir(path, mode) == 0)
		return 0;
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		r = make_dir(copy, mode);
		if (r < 0)
			return fs_error(err, r, "cannot create directory", copy);
		*p = '/';
	}
	r = make_dir(copy, mode);
	return r < 0 ? fs_error(err, r, "cannot create directory", copy) : 0;
}

static int remove_entries(int fd, dev_t device, int depth, struct error *err);

static int remove_entry(int dirfd, const char *name, dev_t device, int depth, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_set(err, -errno, "cannot remove %s: %m", name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, "cannot open %s: %m", name);
	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, "cannot stat %s: %m", name);
	if (depth && st.st_dev != device)
		return error_set(err, -EXDEV, "%s is on another filesystem, not removed", name);
	r = remove_entries(fd, st.st_dev, depth + 1, err);
	if (r < 0)
		return r;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_set(err, -errno, "cannot remove directory %s: %m", name);
	return 0;
}

/* Opened anew: a dup() would share its position. */
DIR *fs_list_fd(int fd)
{
	AUTO_CLOSE int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (dir)
		take_fd(&copy); /* the stream's now */
	return dir;
}

/* Some filesystems do not tell the type in a listing. */
static int know_type(DIR *dir, struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return 0;
	if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	entry->d_type = (unsigned char)IFTODT(st.st_mode);
	return 0;
}

int fs_next_entry(DIR *dir, struct dirent **ret_entry)
{
	for (;;) {
		struct dirent *entry;
		int r;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = know_type(dir, entry);
		if (r == -ENOENT)
			continue; /* it has just gone */
		if (r < 0)
			return r;
		*ret_entry = entry;
		return 1;
	}
}

static int remove_entries(int fd, dev_t device, int depth, struct error *err)
{
	DIR *dir = fs_list_fd(fd);
	struct dirent *entry;
	int r = 0, more = 0;

	if (!dir)
		return error_set(err, -errno, "cannot list directory: %m");
	if (depth > TREE_DEPTH_MAX)
		r = error_set(err, -ELOOP, "directories nested deeper than %d", TREE_DEPTH_MAX);
	while (r == 0 && (more = fs_next_entry(dir, &entry)) > 0)
		r = remove_entry(fd, entry->d_name, device, depth, err);
	if (r == 0 && more < 0)
		r = error_set(err, more, "cannot list directory: %s", strerror(-more));
	closedir(dir);
	return r;
}

int fs_remove_tree(int dirfd, const char *path, struct error *err)
{
	return remove_entry(dirfd, path, 0, 0, err);
}
