/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child follows each path one name at a time, so that what it hangs at is known by a name
 * without links; then the mount that it lies on is known too, and nobody else needs to hang there
 * to find out. What a path is, stat() says: that is never guessed from the walk.
 */
#include "core/aside/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "core/aside/aside.h"
#include "core/base/buf.h"
#include "core/base/str.h"

enum { LINKS_MAX = 40, ENTRIES_BYTES = 16 * 1024, REST_BYTES = 2 * PATH_MAX };

struct question {
	const char *const *paths;
	size_t n;
	enum paths_depth depth;
};

/* ---- the walk ---- */

struct walk {
	struct aside_page *page; /* page->at: where it is, from the root on, without links */
	int fd;
	int links_left;
	char rest[REST_BYTES];
};

/* Takes the first name off the rest; false: there is none. */
static bool next_name(struct walk *walk, char ret[NAME_MAX + 1])
{
	size_t slashes = strspn(walk->rest, "/");
	size_t len = strcspn(walk->rest + slashes, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(ret, walk->rest + slashes, len);
	ret[len] = '\0';
	memmove(walk->rest, walk->rest + slashes + len, strlen(walk->rest + slashes + len) + 1);
	return true;
}

static void step_to(struct walk *walk, int fd)
{
	close(walk->fd);
	walk->fd = fd;
}

static void climb(struct walk *walk)
{
	char *slash = strrchr(walk->page->at, '/');

	if (slash)
		*slash = '\0';
}

/* False: it leads nowhere, or too far. */
static bool follow(struct walk *walk, const char *target, size_t len)
{
	size_t rest = strlen(walk->rest);

	if (walk->links_left-- == 0 || len + 1 + rest >= REST_BYTES)
		return false;
	memmove(walk->rest + len + 1, walk->rest, rest + 1);
	memcpy(walk->rest, target, len);
	walk->rest[len] = '/';
	climb(walk);
	if (target[0] != '/')
		return true;
	walk->page->at[0] = '\0';
	step_to(walk, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return walk->fd >= 0;
}

/* False: the walk is over. */
static bool step(struct walk *walk, const char *name)
{
	char *at = walk->page->at, target[PATH_MAX];
	size_t len = strlen(at);
	ssize_t n;
	int fd;

	if (str_equal(name, ".."))
		climb(walk);
	else if (len + 1 + strlen(name) >= PATH_MAX)
		return false;
	else
		stpcpy(stpcpy(at + len, "/"), name);
	if (aside_is_hung(walk->page, at))
		return false;
	fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0) {
		step_to(walk, fd);
		return true;
	}
	close(fd);
	return follow(walk, target, (size_t)n);
}

static void walk_path(struct aside_page *page, const char *path)
{
	struct walk walk = { .page = page, .links_left = LINKS_MAX };
	char name[NAME_MAX + 1];

	page->at[0] = '\0';
	if (path[0] != '/' || !str_copy(walk.rest, sizeof(walk.rest), path))
		return;
	walk.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (walk.fd >= 0 && next_name(&walk, name))
		if (!str_equal(name, ".") && !step(&walk, name))
			break;
	if (walk.fd >= 0)
		close(walk.fd);
}

/* ---- reading ---- */

static void read_byte(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char byte;

	if (fd < 0)
		return;
	(void)!read(fd, &byte, 1);
	close(fd);
}

/* A device or a fifo is not opened: that does things. */
static void read_file(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, 0) == 0 && S_ISREG(st.st_mode))
		read_byte(dirfd, name);
}

static void read_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct dirent64) char entries[ENTRIES_BYTES];
	long n;

	while (fd >= 0 && (n = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
		for (char *p = entries; p < entries + n;) {
			const struct dirent64 *entry = (const struct dirent64 *)p;

			read_file(fd, entry->d_name);
			p += entry->d_reclen;
		}
	if (fd >= 0)
		close(fd);
}

/* ---- the question ---- */

static void look_at(const struct question *question, const char *path, struct path_fact *fact)
{
	struct stat st = { 0 };

	fact->code = stat(path, &st) < 0 ? -errno : 0;
	fact->mode = st.st_mode;
	fact->rdev = st.st_rdev;
	fact->uid = st.st_uid;
	fact->gid = st.st_gid;
	if (fact->code < 0 || question->depth == PATHS_STAT)
		return;
	if (S_ISDIR(st.st_mode))
		read_directory(path);
	else
		read_file(AT_FDCWD, path);
}

static void run(struct aside_page *page, void *result, const void *ctx)
{
	const struct question *question = ctx;
	struct path_fact *facts = result;

	for (size_t i = 0; i < question->n; i++) {
		page->number = i;
		walk_path(page, question->paths[i]);
		if (*page->hung)
			return;
		look_at(question, question->paths[i], &facts[i]);
	}
}

int paths_look(const char *const *paths, size_t n, enum paths_depth depth,
	       struct path_fact *ret_facts, size_t *ret_number, struct error *err)
{
	const struct question question = { paths, n, depth };
	AUTO_BUF struct buf name = { 0 };
	struct aside aside = {
		.run = run,
		.ctx = &question,
		.result_bytes = n * sizeof(*ret_facts),
		.resolved = true,
	};
	AUTO_FREE void *facts = NULL;
	struct aside_hang hang;
	int r;

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		buf_printf(&name, "%s%s", i ? " " : "", paths[i]);
	aside.name = name.data;
	r = aside_run(&aside, &facts, &hang, err);
	if (ret_number)
		*ret_number = hang.number;
	if (r == 0)
		memcpy(ret_facts, facts, n * sizeof(*ret_facts));
	return r;
}

int paths_answer(const char *const *paths, size_t n, enum paths_depth depth, struct error *err)
{
	AUTO_FREE struct path_fact *facts = xcalloc(n + 1, sizeof(*facts));

	return paths_look(paths, n, depth, facts, NULL, err);
}
