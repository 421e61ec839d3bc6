/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path is walked one component at a time through each layer, the topmost first, with descriptors
 * of directories that never follow a link. What a component is decides how it goes on:
 *   nothing            the layer does not know the path: the next one below may;
 *   a whiteout         a character device 0:0: deleted, whatever lies below;
 *   a directory        further down; one marked opaque hides the layers below;
 *   a symbolic link    the path is put together anew, from the root of the topmost layer;
 *   a file             found at the end of the path, the end of the search before it.
 */
#include "drivers/oci/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "core/base/fs.h"

/* The kernel's own limits: links in one path, and layers of an overlay. */
enum { LINKS_MAX = 40, LAYERS_MAX = 512 };

/* ---- which layers there are ---- */

static bool add_layer(struct strv *layers, const char *path, size_t len)
{
	AUTO_FREE char *copy = xstrndup(path, len);

	if (layers->n == LAYERS_MAX || copy[0] != '/')
		return false;
	strv_add(layers, copy);
	return true;
}

static bool add_lower_layers(struct strv *layers, const char *list)
{
	for (;;) {
		size_t len = strcspn(list, ":");

		if (!add_layer(layers, list, len))
			return false;
		list += len;
		if (!*list++)
			return true;
	}
}

/* The upper directory of a snapshot is the topmost layer, wherever it stands among the options. */
static bool read_overlay(const Ctd__Mount *mount, struct strv *layers)
{
	static const char upper[] = "upperdir=", lower[] = "lowerdir=";

	for (size_t i = 0; i < mount->n_options; i++)
		if (str_starts_with(mount->options[i], upper) &&
		    !add_layer(layers, mount->options[i] + strlen(upper), SIZE_MAX))
			return false;
	for (size_t i = 0; i < mount->n_options; i++)
		if (str_starts_with(mount->options[i], lower) &&
		    !add_lower_layers(layers, mount->options[i] + strlen(lower)))
			return false;
	return layers->n > 0;
}

int layers_find(Ctd__Mount *const *mounts, size_t n_mounts, struct strv *ret_layers,
		struct error *err)
{
	struct strv layers = { 0 };
	const char *type = n_mounts == 1 && mounts[0]->type ? mounts[0]->type : "";
	const char *source = n_mounts == 1 && mounts[0]->source ? mounts[0]->source : "";
	bool found = false;

	if (str_equal(type, "overlay"))
		found = read_overlay(mounts[0], &layers);
	else if (str_equal(type, "bind"))
		found = add_layer(&layers, source, SIZE_MAX);
	if (!found) {
		strv_fini(&layers);
		return error_set(err, -EOPNOTSUPP,
				 "files of the image cannot be read from a snapshot of type "
				 "\"%.40s\"; only overlayfs and native are known",
				 type);
	}
	*ret_layers = layers;
	return 0;
}

/* ---- one layer ---- */

enum found {
	FOUND_NOTHING, /* the layers below may have it */
	FOUND_HIDDEN,  /* deleted here, or hidden from here on */
	FOUND_LINK,    /* the walk's path is a new one */
	FOUND_FILE,    /* or the directory, where one is wanted */
};

struct walk {
	char path[PATH_MAX]; /* components joined by single slashes, none in front */
	unsigned links;
	int fd; /* FOUND_FILE */
	bool wants_directory;
};

bool layers_is_opaque(int dir_fd)
{
	char self[32], value = '\0';

	snprintf(self, sizeof(self), "/proc/self/fd/%d", dir_fd);
	return (getxattr(self, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y') ||
	       (getxattr(self, "user.overlay.opaque", &value, 1) == 1 && value == 'y');
}

bool layers_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* The path anew: @target from the root or from the first @parent_len bytes of the old one, then
 * @rest. */
static int replace_link(struct walk *walk, size_t parent_len, const char *target, const char *rest)
{
	char path[PATH_MAX];
	int len = target[0] == '/' ? snprintf(path, sizeof(path), "%s/%s", target, rest)
				   : snprintf(path, sizeof(path), "%.*s/%s/%s", (int)parent_len,
					      walk->path, target, rest);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	memcpy(walk->path, path, (size_t)len + 1);
	return FOUND_LINK;
}

static int follow_link(struct walk *walk, int dir_fd, const char *name, size_t parent_len,
		       const char *rest)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(dir_fd, name, target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	target[len] = '\0';
	return replace_link(walk, parent_len, target, rest);
}

/* ".." after what proved to be directories: the last of them goes too. At the root it stays there.
 */
static int climb(struct walk *walk, size_t parent_len, const char *rest)
{
	bool dot;

	do {
		size_t end;

		while (parent_len && walk->path[parent_len - 1] == '/')
			parent_len--;
		end = parent_len;
		while (parent_len && walk->path[parent_len - 1] != '/')
			parent_len--;
		dot = end - parent_len == 1 && walk->path[parent_len] == '.';
	} while (dot);
	return replace_link(walk, parent_len, "", rest);
}

static int open_file(struct walk *walk, int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	walk->fd = fd;
	return FOUND_FILE;
}

/* What the path ends with is there. */
static int take_last(struct walk *walk, int dir_fd, const char *name, mode_t mode)
{
	if (walk->wants_directory)
		return S_ISDIR(mode) ? FOUND_FILE : -ENOTDIR;
	return S_ISREG(mode) ? open_file(walk, dir_fd, name) : -EINVAL;
}

struct step {
	char name[NAME_MAX + 1];
	size_t parent_len; /* of the path in front of it */
	const char *rest;  /* what follows it; "" at the end */
};

/* The next component from @at on that is not ".". -EISDIR at the end of the path. */
static int next_step(const struct walk *walk, const char *at, struct step *ret_step)
{
	size_t len;

	for (;; at += len) {
		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 0)
			return -EISDIR;
		if (len != 1 || *at != '.')
			break;
	}
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_step->name, at, len);
	ret_step->name[len] = '\0';
	ret_step->parent_len = (size_t)(at - walk->path);
	ret_step->rest = at + len + strspn(at + len, "/");
	return 0;
}

/* One component below *@dir_fd, which moves on into a directory: then FOUND_NOTHING. */
static int take_step(struct walk *walk, const struct step *step, int *dir_fd, bool *opaque)
{
	struct stat st;
	int fd;

	if (str_equal(step->name, ".."))
		return climb(walk, step->parent_len, step->rest);
	if (fstatat(*dir_fd, step->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow_link(walk, *dir_fd, step->name, step->parent_len, step->rest);
	if (layers_is_whiteout(&st))
		return FOUND_HIDDEN;
	if (!*step->rest)
		return take_last(walk, *dir_fd, step->name, st.st_mode);
	if (!S_ISDIR(st.st_mode))
		return FOUND_HIDDEN;
	fd = openat(*dir_fd, step->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(*dir_fd);
	*dir_fd = fd;
	*opaque |= layers_is_opaque(fd);
	return FOUND_NOTHING;
}

/* enum found, or -errno. */
static int walk_layer(struct walk *walk, const char *layer)
{
	AUTO_CLOSE int dir_fd = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *at = walk->path;
	bool opaque = false;
	struct step step;
	int r;

	if (dir_fd < 0)
		return errno == ENOENT ? -ESTALE : -errno; /* the snapshot went away */
	do {
		r = next_step(walk, at, &step);
		if (r < 0)
			return r == -EISDIR && walk->wants_directory ? FOUND_FILE : r;
		at = step.rest;
		r = take_step(walk, &step, &dir_fd, &opaque);
	} while (r == FOUND_NOTHING);
	if (r == -ENOENT)
		return opaque ? FOUND_HIDDEN : FOUND_NOTHING;
	return r;
}

/* ---- all of them ---- */

static int open_in_layers(const struct strv *layers, struct walk *walk)
{
	for (size_t i = 0; i < layers->n;) {
		int r = walk_layer(walk, layers->items[i]);

		if (r < 0)
			return r;
		if (r == FOUND_FILE)
			return 0;
		if (r == FOUND_HIDDEN)
			return -ENOENT;
		i = r == FOUND_LINK ? 0 : i + 1;
	}
	return -ENOENT;
}

static int explain(int code, const char *path, size_t max_bytes, struct error *err)
{
	switch (code) {
	case -ENOENT:
		return error_set(err, code, "the image has no %s", path);
	case -EINVAL:
	case -EISDIR:
		return error_set(err, -EINVAL, "%s of the image is no regular file", path);
	case -EFBIG:
		return error_set(err, code, "%s of the image has more than %zu bytes", path,
				 max_bytes);
	default:
		errno = -code;
		return error_set(err, code, "%s of the image cannot be read: %m", path);
	}
}

static int read_bounded(int fd, size_t max_bytes, struct buf *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return fs_read_rest(fd, max_bytes, ret);
}

int layers_read_file(const struct strv *layers, const char *path, size_t max_bytes, struct buf *ret,
		     struct error *err)
{
	struct walk walk = { .fd = -1 };
	int r;

	check(str_copy(walk.path, sizeof(walk.path), path));
	r = open_in_layers(layers, &walk);
	if (r == 0) {
		AUTO_CLOSE int fd = walk.fd;

		r = read_bounded(fd, max_bytes, ret);
	}
	return r < 0 ? explain(r, path, max_bytes, err) : 0;
}

int layers_find_directory(const struct strv *layers, const char *path, char **ret_path,
			  struct error *err)
{
	struct walk walk = { .fd = -1, .wants_directory = true };
	int r = str_copy(walk.path, sizeof(walk.path), path) ? 0 : -ENAMETOOLONG;

	if (r == 0)
		r = open_in_layers(layers, &walk);
	if (r == -ENOTDIR)
		return error_set(err, -EINVAL, "%s of the image is no directory", path);
	if (r < 0)
		return explain(r, path, 0, err);
	*ret_path = xstrdup(walk.path);
	return 0;
}
