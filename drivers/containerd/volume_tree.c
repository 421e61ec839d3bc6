/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies deep is moved to the top of the tree, whose directory is listed again until nothing is
 * in it: so the way down is never longer than DEPTH_MAX.
 */
#include "drivers/containerd/volume_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/util.h"

enum { DEPTH_MAX = 32, NAME_BYTES = 32 };

struct removal {
	const atomic_bool *stop;
	struct error *err;
	int top;
	dev_t device;
	unsigned long moved; /* directories; each has its number as its name */
};

static int fail(const struct removal *removal, const char *name)
{
	return fs_error(removal->err, -errno, "cannot remove", name);
}

/* A number that the container has used as a name is passed over. */
static int move_up(struct removal *removal, int parent, const char *name)
{
	char to[NAME_BYTES];
	int r;

	do {
		snprintf(to, sizeof(to), "%lu", removal->moved++);
		r = renameat2(parent, name, removal->top, to, RENAME_NOREPLACE);
	} while (r < 0 && errno == EEXIST);
	return r < 0 ? fail(removal, name) : 0;
}

static int empty(struct removal *removal, int fd, int depth);

static int remove_directory(struct removal *removal, int parent, const char *name, int depth)
{
	AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(removal, name);
	if (st.st_dev != removal->device)
		return error_set(removal->err, -EXDEV,
				 "%s is on another filesystem, not removed: unmount it", name);
	if (depth == DEPTH_MAX)
		return move_up(removal, parent, name);
	r = empty(removal, fd, depth + 1);
	if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		return fail(removal, name);
	return r;
}

static int remove_entry(struct removal *removal, int parent, const struct dirent *entry, int depth)
{
	if (atomic_load_explicit(removal->stop, memory_order_relaxed))
		return error_set(removal->err, -ECANCELED, "shutting down");
	if (entry->d_type == DT_DIR)
		return remove_directory(removal, parent, entry->d_name, depth);
	if (unlinkat(parent, entry->d_name, 0) < 0 && errno != ENOENT)
		return fail(removal, entry->d_name);
	return 0;
}

static int empty(struct removal *removal, int fd, int depth)
{
	DIR *dir = fs_list_fd(fd);
	struct dirent *entry;
	int r = 0, more = 0;

	if (!dir)
		return fail(removal, "a directory");
	while (r == 0 && (more = fs_next_entry(dir, &entry)) > 0)
		r = remove_entry(removal, fd, entry, depth);
	closedir(dir);
	errno = -more;
	return r == 0 && more < 0 ? fail(removal, "a directory") : r;
}

int volume_tree_remove(const char *path, const atomic_bool *stop, struct error *err)
{
	AUTO_CLOSE int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct removal removal = { .stop = stop, .err = err, .top = top };
	struct stat st;
	int r;

	if (top < 0 && errno == ENOENT)
		return 0;
	if (top < 0 || fstat(top, &st) < 0)
		return fail(&removal, path);
	removal.device = st.st_dev;
	do {
		unsigned long before = removal.moved;

		r = empty(&removal, top, 0);
		if (r < 0)
			return error_wrap(err, r, "%s", path);
		if (removal.moved == before && rmdir(path) < 0 && errno != ENOENT)
			return fail(&removal, path);
		if (removal.moved == before)
			return 0;
	} while (true);
}
