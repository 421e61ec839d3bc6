/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/logs/log_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/aside/mountinfo.h"
#include "core/aside/paths.h"
#include "core/base/fs.h"

enum {
	KEY_DEPTH = 4, /* realm, space, stack, cell */
	INSTANCE_MAX_BYTES = 4096,
};

#define INSTANCE_NAME ".kukeon"

char *log_files_dir(const char *log_dir, const char *cell_key, const char *container)
{
	return xasprintf("%s/%s/%s", log_dir, cell_key, container);
}

static int open_dir(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Nobody waits for a filesystem that does not answer; where none can hang nobody is asked. */
static int open_log_dir(const char *log_dir, int *ret_fd, struct error *err)
{
	int r = mountinfo_may_hang() ? paths_answer(&log_dir, 1, PATHS_STAT, err) : 0;

	if (r < 0)
		return r;
	*ret_fd = open(log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	return errno == ENOENT ? -ENOENT : fs_error(err, -errno, "cannot open", log_dir);
}

/* "1700000000000.log", and whatever stands behind that. */
static bool is_log_file(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	return digits && str_starts_with(name + digits, ".log");
}

/* ---- taking away ---- */

static int remove_files(int dir, struct error *err)
{
	DIR *stream = fs_list_fd(dir);
	struct dirent *item;
	int r = stream ? 0 : -errno;

	while (stream && (r = fs_next_entry(stream, &item)) > 0)
		if (is_log_file(item->d_name) && unlinkat(dir, item->d_name, 0) < 0 &&
		    errno != ENOENT) {
			r = -errno;
			break;
		}
	if (stream)
		closedir(stream);
	return r < 0 ? fs_error(err, r, "cannot remove", "a log file") : 0;
}

static int remove_container(int cell, const char *name, struct error *err)
{
	AUTO_CLOSE int dir = open_dir(cell, name);
	int r;

	if (dir < 0)
		return dir == -ENOENT || dir == -ENOTDIR ? 0
							 : fs_error(err, dir, "cannot open", name);
	r = remove_files(dir, err);
	if (r == 0)
		unlinkat(cell, name, AT_REMOVEDIR); /* others may keep something there */
	return r;
}

static int remove_containers(int cell, struct error *err)
{
	DIR *stream = fs_list_fd(cell);
	struct dirent *item;
	int r = stream ? 0 : -errno, removed = 0;

	while (stream && removed == 0 && (r = fs_next_entry(stream, &item)) > 0)
		if (item->d_type == DT_DIR)
			removed = remove_container(cell, item->d_name, err);
	if (stream)
		closedir(stream);
	return r < 0 ? fs_error(err, r, "cannot list", "the logs of a cell") : removed;
}

/* From the directory of the cell up, those that are empty; a new file may be about to come. */
static void remove_parents(int log_dir, const char *cell_key)
{
	AUTO_FREE char *path = xstrdup(cell_key);

	while (unlinkat(log_dir, path, AT_REMOVEDIR) == 0 && strchr(path, '/'))
		*strrchr(path, '/') = '\0';
}

/* Each step by itself: a link in between leads nowhere. */
static int open_cell(int log_dir, const char *cell_key)
{
	AUTO_FREE char *key = xstrdup(cell_key);
	AUTO_CLOSE int fd = -1;
	char *rest = key, *name;

	while ((name = strsep(&rest, "/"))) {
		int next = open_dir(fd < 0 ? log_dir : fd, name);

		if (next < 0)
			return next;
		cleanup_close(&fd);
		fd = next;
	}
	return take_fd(&fd);
}

int log_files_remove(const char *log_dir, const char *cell_key, const char *container,
		     struct error *err)
{
	AUTO_CLOSE int top = -1;
	AUTO_CLOSE int cell = -1;
	int r = open_log_dir(log_dir, &top, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	cell = open_cell(top, cell_key);
	if (cell == -ENOENT)
		return 0;
	if (cell < 0)
		return fs_error(err, cell, "cannot open the logs of", cell_key);
	r = container ? remove_container(cell, container, err) : remove_containers(cell, err);
	if (r == 0)
		remove_parents(top, cell_key);
	return r;
}

/* ---- whose there are ---- */

/* Whether it is ours, or was nobody's until now. */
static bool is_own(int top, const char *instance)
{
	AUTO_CLOSE int fd = openat(top, INSTANCE_NAME,
				   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	AUTO_BUF struct buf text = { 0 };
	size_t len = strlen(instance);

	if (fd >= 0)
		return write(fd, instance, len) == (ssize_t)len;
	return errno == EEXIST &&
	       fs_read_file(top, INSTANCE_NAME, INSTANCE_MAX_BYTES, &text, NULL) == 0 &&
	       text.len == len && memcmp(text.data, instance, len) == 0;
}

static int list_level(int dir, const char *path, unsigned depth, struct strv *ret_keys)
{
	DIR *stream = fs_list_fd(dir);
	struct dirent *item;
	int r = stream ? 0 : -errno;

	while (stream && (r = fs_next_entry(stream, &item)) > 0) {
		AUTO_FREE char *key = xasprintf("%s%s%s", path, *path ? "/" : "", item->d_name);
		AUTO_CLOSE int below = -1;

		if (item->d_type != DT_DIR)
			continue;
		if (depth == KEY_DEPTH) {
			strv_add(ret_keys, key);
			continue;
		}
		below = open_dir(dir, item->d_name);
		if (below >= 0)
			list_level(below, key, depth + 1, ret_keys);
	}
	if (stream)
		closedir(stream);
	return r;
}

int log_files_list(const char *log_dir, const char *instance, struct strv *ret_keys,
		   struct error *err)
{
	AUTO_CLOSE int top = -1;
	int r = open_log_dir(log_dir, &top, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!is_own(top, instance))
		return 0;
	r = list_level(top, "", 1, ret_keys);
	return r < 0 ? fs_error(err, r, "cannot list", log_dir) : 0;
}
