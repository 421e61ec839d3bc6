/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers are laid on top of each other, the lowest first: what a layer has replaces what is
 * there, a whiteout removes it, and a directory that is opaque, or was made anew above the one
 * that is wanted, begins with nothing.
 */
#include "drivers/oci/layers_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "drivers/oci/layers.h"

enum {
	DEPTH_MAX = 60, /* of it fs_remove_tree() can take back all */
	ENTRIES_MAX = 1000 * 1000,
	CHUNK_BYTES = 16 * 1024 * 1024, /* between two looks at the flag */
	XATTR_NAMES_MAX_BYTES = 64 * 1024,
	XATTR_MAX_BYTES = 64 * 1024, /* the kernel's own bounds */
};

struct copy {
	const atomic_bool *stop;
	size_t entries;
	struct error *err;
	char names[XATTR_NAMES_MAX_BYTES], value[XATTR_MAX_BYTES];
};

static int fail(const struct copy *copy, const char *name)
{
	return fs_error(copy->err, -errno, "cannot copy from the image", name);
}

/* ---- attributes ---- */

/* How overlayfs keeps its own notes. */
static bool is_of_overlay(const char *name)
{
	return str_starts_with(name, "trusted.overlay.") || str_starts_with(name, "user.overlay.");
}

static int copy_xattr(struct copy *copy, int from, int to, const char *name)
{
	ssize_t n = fgetxattr(from, name, copy->value, sizeof(copy->value));

	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	return fsetxattr(to, name, copy->value, (size_t)n, 0) < 0 && errno != ENOTSUP ? -errno : 0;
}

static int copy_xattrs(struct copy *copy, int from, int to)
{
	ssize_t n = flistxattr(from, copy->names, sizeof(copy->names));
	int r = 0;

	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = copy->names; r == 0 && name < copy->names + n;
	     name += strlen(name) + 1)
		if (!is_of_overlay(name))
			r = copy_xattr(copy, from, to, name);
	return r;
}

/* The owner first: a change of it takes set-user-ID and capabilities away. */
static int copy_attributes(struct copy *copy, int from, int to, const char *name)
{
	struct stat st;
	int r;

	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to, st.st_mode & ALLPERMS) < 0)
		return fail(copy, name);
	r = copy_xattrs(copy, from, to);
	if (r == 0 && futimens(to, (const struct timespec[]){ st.st_atim, st.st_mtim }) < 0)
		r = -errno;
	errno = -r;
	return r < 0 ? fail(copy, name) : 0;
}

/* ---- what is in a file ---- */

static bool is_canceled(const struct copy *copy)
{
	return atomic_load_explicit(copy->stop, memory_order_relaxed);
}

static int cancel(const struct copy *copy)
{
	return error_set(copy->err, -ECANCELED, "shutting down");
}

/* Where the filesystem can, the file shares its blocks with the image's. */
static ssize_t copy_chunk(int from, int to, off_t *at, size_t len)
{
	off_t out = *at;
	ssize_t n = copy_file_range(from, at, to, &out, len, 0);

	if (n >= 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP))
		return n;
	return lseek(to, *at, SEEK_SET) < 0 ? -1 : sendfile(to, from, at, len);
}

static int copy_range(struct copy *copy, int from, int to, off_t at, off_t end, const char *name)
{
	while (at < end) {
		size_t len = end - at < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;
		ssize_t n = is_canceled(copy) ? 0 : copy_chunk(from, to, &at, len);

		if (is_canceled(copy))
			return cancel(copy);
		if (n == 0)
			errno = EIO; /* a file of an image does not change */
		if (n <= 0)
			return fail(copy, name);
	}
	return 0;
}

/* Data only, not the holes between. */
static int copy_data(struct copy *copy, int from, int to, off_t size, const char *name)
{
	off_t data, hole = 0;
	int r = ftruncate(to, size) < 0 ? fail(copy, name) : 0;

	while (r == 0 && hole < size) {
		data = lseek(from, hole, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0)
			return fail(copy, name);
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return fail(copy, name);
		r = copy_range(copy, from, to, data, hole, name);
	}
	return r;
}

/* ---- entries ---- */

static int copy_file(struct copy *copy, int from_dir, int to_dir, const char *name)
{
	AUTO_CLOSE int from =
		openat(from_dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	AUTO_CLOSE int to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return fail(copy, name);
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(copy, name);
	r = copy_data(copy, from, to, st.st_size, name);
	return r < 0 ? r : copy_attributes(copy, from, to, name);
}

static int make_link(int from_dir, int to_dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return symlinkat(target, to_dir, name);
}

/* A link, a pipe, a socket or a device: what is known of it without opening it. */
static int copy_special(struct copy *copy, int from_dir, int to_dir, const char *name,
			const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	bool link = S_ISLNK(st->st_mode);
	int r = link ? make_link(from_dir, to_dir, name)
		     : mknodat(to_dir, name, st->st_mode & ~(mode_t)ALLPERMS, st->st_rdev);

	if (r < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!link && fchmodat(to_dir, name, st->st_mode & ALLPERMS, 0) < 0) ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(copy, name);
	return 0;
}

static int clear(struct copy *copy, int fd)
{
	DIR *dir = fs_list_fd(fd);
	struct dirent *entry;
	int r = 0, more = 0;

	if (!dir)
		return fail(copy, "a directory");
	while (r == 0 && (more = fs_next_entry(dir, &entry)) > 0)
		r = fs_remove_tree(fd, entry->d_name, copy->err);
	closedir(dir);
	errno = -more;
	return r == 0 && more < 0 ? fail(copy, "a directory") : r;
}

/* Goes on in the one that a lower layer has left, if it is one. */
static int make_directory(struct copy *copy, int to_dir, const char *name)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	int fd = openat(to_dir, name, FLAGS);
	int r;

	if (fd >= 0)
		return fd;
	r = fs_remove_tree(to_dir, name, copy->err);
	if (r < 0)
		return r;
	if (mkdirat(to_dir, name, 0700) < 0)
		return fail(copy, name);
	fd = openat(to_dir, name, FLAGS);
	return fd < 0 ? fail(copy, name) : fd;
}

static int copy_entries(struct copy *copy, int from, int to, int depth);

static int copy_directory(struct copy *copy, int from_dir, int to_dir, const char *name, int depth)
{
	AUTO_CLOSE int from =
		openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int to = -1;
	int r;

	if (from < 0)
		return fail(copy, name);
	if (depth == DEPTH_MAX)
		return error_set(copy->err, -ELOOP, "directories nested deeper than %d", DEPTH_MAX);
	to = make_directory(copy, to_dir, name);
	if (to < 0)
		return to;
	r = layers_is_opaque(from) ? clear(copy, to) : 0;
	if (r == 0)
		r = copy_entries(copy, from, to, depth + 1);
	return r < 0 ? r : copy_attributes(copy, from, to, name);
}

static int copy_entry(struct copy *copy, int from, int to, const char *name, int depth)
{
	struct stat st;
	int r;

	if (is_canceled(copy))
		return cancel(copy);
	if (++copy->entries > ENTRIES_MAX)
		return error_set(copy->err, -E2BIG, "it has more than %d entries", ENTRIES_MAX);
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(copy, name);
	if (S_ISDIR(st.st_mode))
		return copy_directory(copy, from, to, name, depth);
	r = fs_remove_tree(to, name, copy->err);
	if (r < 0 || layers_is_whiteout(&st))
		return r;
	return S_ISREG(st.st_mode) ? copy_file(copy, from, to, name)
				   : copy_special(copy, from, to, name, &st);
}

static int copy_entries(struct copy *copy, int from, int to, int depth)
{
	DIR *dir = fs_list_fd(from);
	struct dirent *entry;
	int r = 0, more = 0;

	if (!dir)
		return fail(copy, "a directory");
	while (r == 0 && (more = fs_next_entry(dir, &entry)) > 0)
		r = copy_entry(copy, from, to, entry->d_name, depth);
	closedir(dir);
	errno = -more;
	return r == 0 && more < 0 ? fail(copy, "a directory") : r;
}

/* ---- a layer ---- */

/* The directory in this layer, in *@fd that begins as the layer's root; -ENOENT: it has none.
 * @ret_hides: nothing of the layers below is seen there. */
static int descend(const char *path, int *fd, bool *ret_hides)
{
	AUTO_FREE char *copy = xstrdup(path);
	char *rest = copy, *name;
	struct stat st;

	*ret_hides = false;
	while ((name = strsep(&rest, "/"))) {
		int next;

		if (!*name || str_equal(name, "."))
			continue;
		if (fstatat(*fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		*ret_hides |= !S_ISDIR(st.st_mode);
		if (!S_ISDIR(st.st_mode))
			return -ENOENT;
		next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		close(*fd);
		*fd = next;
		*ret_hides |= layers_is_opaque(next);
	}
	return 0;
}

static int copy_layer(struct copy *copy, const char *layer, const char *path, int to)
{
	AUTO_CLOSE int from = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool hides;
	int found, r;

	if (from < 0)
		return fail(copy, path);
	found = descend(path, &from, &hides);
	errno = -found;
	if (found < 0 && found != -ENOENT)
		return fail(copy, path);
	r = hides ? clear(copy, to) : 0;
	if (r < 0 || found == -ENOENT)
		return r;
	r = copy_entries(copy, from, to, 0);
	return r < 0 ? r : copy_attributes(copy, from, to, path);
}

int layers_copy(const struct strv *layers, const char *path, int fd, const atomic_bool *stop,
		struct error *err)
{
	AUTO_FREE struct copy *copy = xnew(struct copy);
	AUTO_FREE char *found = NULL;
	int r = layers_find_directory(layers, path, &found, err);

	if (r < 0)
		return r;
	if (!found[strspn(found, "/.")])
		return error_set(err, -EINVAL, "%s of the image leads to its root", path);
	copy->stop = stop;
	copy->err = err;
	for (size_t i = layers->n; i > 0 && r == 0; i--)
		r = copy_layer(copy, layers->items[i - 1], found, fd);
	return r;
}
