/* SPDX-License-Identifier: Apache-2.0 */
#include "watchers/path/path_resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "watchers/path/path_owner.h"

enum {
	LINKS_MAX = 40, /* as many as the kernel follows */
	GENERATION_MAX =
		64, /* directories kept open in a pass; further ones are opened for each link */
};

struct generation_dir {
	dev_t dev; /* the directory that holds the link */
	ino_t ino;
	char *path; /* the directory part of the link */
	int fd;
	struct error way; /* to it */
};

/* The text of a link; @name "" for the link that @dirfd itself is open on. NULL with errno set. */
static char *read_link(int dirfd, const char *name)
{
	char text[PATH_MAX];
	ssize_t len = readlinkat(dirfd, name, text, sizeof(text));

	if (len < 0)
		return NULL;
	if (len == 0 || (size_t)len == sizeof(text)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return xstrndup(text, (size_t)len);
}

/* ---- who can change the way ---- */

/* What is in a directory and root's can be moved by those only who can write the directory; where
 * that has the sticky bit, like /tmp, by root alone. */
static void judge_dir(int dirfd, struct error *way)
{
	char link[32], real[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (way->code < 0 || fstat(dirfd, &st) < 0 || (st.st_uid == 0 && (st.st_mode & S_ISVTX)))
		return;
	if (path_check_owner(&st, "", NULL) == 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	len = readlink(link, real, sizeof(real) - 1);
	real[len < 0 ? 0 : len] = '\0';
	path_check_owner(&st, len < 0 ? "a directory on the way to it" : real, way);
}

/* A link has no mode, and the text that it had when it was made. */
static void judge_link(const struct stat *st, const char *name, struct error *way)
{
	if (way->code < 0 || st->st_uid == 0)
		return;
	error_set(way, -EPERM,
		  "the symbolic link %s belongs to user %u, who could run anything as root through "
		  "it: chown -h root it",
		  name, st->st_uid);
}

/* ---- directories ---- */

/* One step of a path. Returns the descriptor of the directory or -errno. */
static int step(struct path_watches *watches, int dirfd, const char *name, int *links_left,
		struct error *way)
{
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *text = NULL;
	struct stat st;

	if (strcmp(name, "..") != 0) {
		path_watches_add_name(watches, dirfd, name, false);
		judge_dir(dirfd, way);
	}
	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return take_fd(&fd);
	if (!S_ISLNK(st.st_mode))
		return -ENOTDIR;
	if (--*links_left < 0)
		return -ELOOP;
	judge_link(&st, name, way);
	text = read_link(fd, "");
	return text ? path_resolve_dir(watches, dirfd, text, links_left, way) : -errno;
}

int path_resolve_dir(struct path_watches *watches, int dirfd, const char *path, int *links_left,
		     struct error *way)
{
	AUTO_CLOSE int fd =
		openat(dirfd, path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (*path) {
		size_t len = strcspn(path, "/");
		AUTO_FREE char *name = xstrndup(path, len);
		int next;

		path += len;
		path += strspn(path, "/");
		if (len == 0 || strcmp(name, ".") == 0)
			continue;
		next = step(watches, fd, name, links_left, way);
		if (next < 0)
			return next;
		close(fd);
		fd = next;
	}
	return take_fd(&fd);
}

/* ---- generations ---- */

void path_generation_fini(struct path_generation *generation)
{
	for (size_t i = 0; i < generation->n; i++) {
		close(generation->dirs[i].fd);
		free(generation->dirs[i].path);
	}
	free(generation->dirs);
	*generation = (struct path_generation){ 0 };
}

/* The directory @path seen from the target's, as the pass saw it first. *ret_own as in struct
 * path_target. */
static int generation_open(struct path_watches *watches, struct path_generation *generation,
			   struct path_target *target, const char *path, int *ret_own)
{
	int links_left = LINKS_MAX, dirfd = target->dirfd, fd;
	struct error way = { 0 };
	struct generation_dir *dir;
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < generation->n; i++) {
		dir = &generation->dirs[i];
		if (dir->dev != st.st_dev || dir->ino != st.st_ino || strcmp(dir->path, path) != 0)
			continue;
		if (!target->way.code)
			target->way = dir->way;
		return dir->fd;
	}
	fd = path_resolve_dir(watches, dirfd, path, &links_left, &way);
	if (fd < 0)
		return fd;
	if (!target->way.code)
		target->way = way;
	if (generation->n == GENERATION_MAX) {
		*ret_own = fd;
		return fd;
	}
	generation->dirs = xrealloc(generation->dirs, (generation->n + 1) * sizeof(*dir));
	generation->dirs[generation->n++] = (struct generation_dir){
		.dev = st.st_dev, .ino = st.st_ino, .path = xstrdup(path), .fd = fd, .way = way
	};
	return fd;
}

/* ---- entries ---- */

void path_target_fini(struct path_target *target)
{
	if (target->own >= 0)
		close(target->own);
	free(target->name);
	*target = (struct path_target){ .dirfd = -1, .own = -1 };
}

/* Splits "a/b/c" into "a/b" and "c". What ends in no name ("a/", "..") is a directory as a whole,
 * entry ".". */
static void split_link(const char *text, char **ret_dir, char **ret_name)
{
	const char *slash = strrchr(text, '/');
	const char *name = slash ? slash + 1 : text;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		*ret_dir = xstrdup(text);
		*ret_name = xstrdup(".");
		return;
	}
	*ret_dir = xstrndup(text, (size_t)(name - text));
	*ret_name = xstrdup(name);
}

/* Replaces the target, a link, by what the link says. */
static int follow(struct path_watches *watches, struct path_generation *generation,
		  struct path_target *target)
{
	AUTO_FREE char *text = read_link(target->dirfd, target->name);
	AUTO_FREE char *dir = NULL;
	char *name;
	int own = -1, fd = target->dirfd;

	if (!text)
		return errno == EINVAL ? -ENOENT : -errno; /* no link any more: as if it had gone */
	split_link(text, &dir, &name);
	free(target->name);
	target->name = name;
	if (*dir) {
		fd = generation_open(watches, generation, target, dir, &own);
		if (fd < 0)
			return fd;
		if (target->own >= 0)
			close(target->own);
		target->own = own;
		target->dirfd = fd;
	}
	if (strcmp(name, ".") != 0)
		path_watches_add_name(watches, fd, name, true);
	return 0;
}

int path_resolve_entry(struct path_watches *watches, struct path_generation *generation, int dirfd,
		       const char *name, struct path_target *ret_target)
{
	AUTO(path_target_fini)
	struct path_target target = { .dirfd = dirfd, .own = -1, .name = xstrdup(name) };

	for (int links = 0; links <= LINKS_MAX; links++) {
		int r;

		if (fstatat(target.dirfd, target.name, &target.st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (target.dirfd != dirfd) /* that one is the caller's */
			judge_dir(target.dirfd, &target.way);
		if (!S_ISLNK(target.st.st_mode)) {
			*ret_target = target;
			target = (struct path_target){ .own = -1 };
			return 0;
		}
		judge_link(&target.st, target.name, &target.way);
		r = follow(watches, generation, &target);
		if (r < 0)
			return r;
	}
	return -ELOOP;
}
