/* SPDX-License-Identifier: Apache-2.0 */
#include "logger/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/logs/log_names.h"

enum {
	STATE_MAGIC = 0x676f6c6b, /* "klog" */
	STATE_VERSION = 1,
	GAPS_AT_BYTES = 256, /* all is in one page */
	GAP_BYTES = 128,
};
_Static_assert(sizeof(struct cursor) <= GAPS_AT_BYTES && sizeof(struct gap) <= GAP_BYTES, "places");

static const char *const suffixes[] = { "out", "err", "pos" };

static void file_name(const char *entry, const char *suffix, char ret[LOG_NAME_MAX_BYTES])
{
	snprintf(ret, LOG_NAME_MAX_BYTES, "%s.%s", entry, suffix);
}

static int open_file(int dirfd, const char *entry, const char *suffix, struct error *err)
{
	char name[LOG_NAME_MAX_BYTES];
	int fd;

	file_name(entry, suffix, name);
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0 ? fd : fs_error(err, -errno, "open", name);
}

static int gap_at(int stream)
{
	return GAPS_AT_BYTES + stream * GAP_BYTES;
}

static void read_gap(struct state *state, int i)
{
	if (pread(state->fd, &state->gaps[i], sizeof(state->gaps[i]), gap_at(i)) !=
	    sizeof(state->gaps[i]))
		memset(&state->gaps[i], 0, sizeof(state->gaps[i]));
}

int state_open(int dirfd, const char *entry, struct state *ret, struct error *err)
{
	struct cursor *cursor = &ret->cursor;
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	ret->fd = open_file(dirfd, entry, "pos", err);
	if (ret->fd < 0)
		return ret->fd;
	n = pread(ret->fd, cursor, sizeof(*cursor), 0);
	ret->is_new = n != sizeof(*cursor) || cursor->magic != STATE_MAGIC ||
		      cursor->version != STATE_VERSION;
	for (int i = 0; i < N_STREAMS; i++)
		read_gap(ret, i);
	if (!ret->is_new)
		return 0;
	memset(&ret->gaps, 0, sizeof(ret->gaps));
	*cursor = (struct cursor){ .magic = STATE_MAGIC, .version = STATE_VERSION };
	return ftruncate(ret->fd, 0) < 0 ? fs_error(err, -errno, "empty", entry) : 0;
}

void state_close(struct state *state)
{
	if (state->fd >= 0)
		close(state->fd);
	state->fd = -1;
}

static int save(int fd, const void *data, size_t len, int at)
{
	ssize_t n = pwrite(fd, data, len, at);

	return n < 0 ? -errno : (size_t)n == len ? 0 : -ENOSPC;
}

int state_save_cursor(const struct state *state, const struct cursor *cursor)
{
	return save(state->fd, cursor, sizeof(*cursor), 0);
}

int state_save_gap(const struct state *state, int stream, const struct gap *gap)
{
	return save(state->fd, gap, sizeof(*gap), gap_at(stream));
}

int state_open_spill(int dirfd, const char *entry, int stream, bool is_new, uint64_t *ret_len,
		     struct error *err)
{
	AUTO_CLOSE int fd = open_file(dirfd, entry, suffixes[stream], err);
	struct stat st;

	if (fd < 0)
		return fd;
	if ((is_new && ftruncate(fd, 0) < 0) || fstat(fd, &st) < 0)
		return fs_error(err, -errno, "open the spill of", entry);
	*ret_len = (uint64_t)st.st_size;
	return take_fd(&fd);
}

void state_remove(int dirfd, const char *entry)
{
	char name[LOG_NAME_MAX_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		file_name(entry, suffixes[i], name);
		unlinkat(dirfd, name, 0);
	}
}

static void sweep_one(int dirfd, const char *name, bool (*is_wanted)(const char *, void *),
		      void *arg)
{
	char entry[LOG_NAME_MAX_BYTES], *dot;

	if (!str_copy(entry, sizeof(entry), name))
		return;
	dot = strrchr(entry, '.');
	if (dot == NULL)
		return;
	*dot = '\0';
	if (!is_wanted(entry, arg))
		unlinkat(dirfd, name, 0);
}

void state_sweep(int dirfd, bool (*is_wanted)(const char *entry, void *arg), void *arg)
{
	DIR *dir = fs_list_fd(dirfd);
	struct dirent *item;

	if (dir == NULL)
		return;
	while (fs_next_entry(dir, &item) > 0)
		sweep_one(dirfd, item->d_name, is_wanted, arg);
	closedir(dir);
}
