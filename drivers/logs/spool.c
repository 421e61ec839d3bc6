/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/logs/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "core/base/fs.h"
#include "core/base/wall.h"

enum {
	/* What a task can write while nobody reads: a line a millisecond for some seconds. */
	PIPE_BYTES = 256 * 1024,
	CLEAR_LOOK_MS = 5, /* between two looks whether what a reader still has to read is read */
	RUNS_TRIED = 100,  /* numbers that others have taken meanwhile */
};

void spool_run_fini(struct spool_run *run)
{
	cleanup_close(&run->fds[0]);
	cleanup_close(&run->fds[1]);
	free(run->out);
	free(run->err);
	*run = (struct spool_run)SPOOL_RUN_NONE;
}

/* "<dir>/<entry>.<suffix>". Free with free(). */
static char *path_of(const char *dir, const char *entry, enum log_suffix suffix)
{
	char name[LOG_NAME_MAX_BYTES];

	return log_spool_format(entry, suffix, name) ? xasprintf("%s/%s", dir, name) : NULL;
}

static int remove_file(const char *dir, const char *entry, enum log_suffix suffix,
		       struct error *err)
{
	AUTO_FREE char *path = path_of(dir, entry, suffix);

	if (path && unlink(path) < 0 && errno != ENOENT)
		return fs_error(err, -errno, "cannot remove", path);
	return 0;
}

/* A .conf before it takes its place. Free with free(). */
static char *new_conf_path(const char *dir, const char *entry)
{
	return xasprintf("%s/.%s.new", dir, entry);
}

/* One that was cut off; before the FIFOs, for they are what an entry is found by. */
static int remove_new_conf(const char *dir, const char *entry, struct error *err)
{
	AUTO_FREE char *path = new_conf_path(dir, entry);

	if (unlink(path) < 0 && errno != ENOENT)
		return fs_error(err, -errno, "cannot remove", path);
	return 0;
}

/* The .conf first: whoever sees it may open the FIFOs. */
int spool_drop(const char *dir, const char *entry, struct error *err)
{
	static const enum log_suffix order[] = { LOG_SPOOL_CONF, LOG_SPOOL_DONE, LOG_SPOOL_OUT,
						 LOG_SPOOL_ERR, LOG_SPOOL_STAT };
	int r = remove_new_conf(dir, entry, err);

	for (size_t i = 0; i < ARRAY_SIZE(order) && r == 0; i++)
		r = remove_file(dir, entry, order[i], err);
	return r;
}

/* ---- a new one ---- */

/* Grows, also when the clock is set back while we run. */
static uint64_t next_run(void)
{
	static _Atomic uint64_t last;
	uint64_t before = atomic_load(&last), now;

	do {
		now = (uint64_t)wall_now_ms();
		if (now <= before)
			now = before + 1;
	} while (!atomic_compare_exchange_weak(&last, &before, now));
	return now;
}

/* Widened for as long as anybody has it open; a smaller one does as well. */
static int make_fifo(const char *path, int *ret_fd, struct error *err)
{
	if (mkfifo(path, 0600) < 0)
		return fs_error(err, -errno, "cannot make FIFO", path);
	*ret_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_fd < 0)
		return fs_error(err, -errno, "cannot open FIFO", path);
	fcntl(*ret_fd, F_SETPIPE_SZ, PIPE_BYTES);
	return 0;
}

/* It takes its place by a rename, without a sync: after a power cut no task is there that writes.
 */
static int write_conf(const char *dir, const char *entry, const struct log_conf *conf,
		      struct error *err)
{
	AUTO_FREE char *path = path_of(dir, entry, LOG_SPOOL_CONF);
	AUTO_FREE char *beside = new_conf_path(dir, entry);
	AUTO_BUF struct buf text = { 0 };
	AUTO_CLOSE int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = 0;

	log_conf_format(conf, &text);
	if (fd < 0)
		return fs_error(err, -errno, "cannot create", beside);
	if (write(fd, text.data, text.len) != (ssize_t)text.len)
		r = fs_error(err, errno ? -errno : -EIO, "cannot write", beside);
	if (r == 0 && rename(beside, path) < 0)
		r = fs_error(err, -errno, "cannot create", path);
	if (r < 0)
		unlink(beside);
	return r;
}

static int make_run(const struct spool_owner *owner, const char *entry, const struct log_conf *conf,
		    struct spool_run *ret, struct error *err)
{
	int r;

	ret->number = conf->run;
	ret->out = path_of(owner->dir, entry, LOG_SPOOL_OUT);
	ret->err = path_of(owner->dir, entry, LOG_SPOOL_ERR);
	if (!ret->out || !ret->err)
		return error_set(err, -ENAMETOOLONG, "the name %s of a log is too long", entry);
	r = make_fifo(ret->out, &ret->fds[0], err);
	if (r == 0)
		r = make_fifo(ret->err, &ret->fds[1], err);
	return r < 0 ? r : write_conf(owner->dir, entry, conf, err);
}

static int try_run(const struct spool_owner *owner, struct log_conf *conf, struct spool_run *ret,
		   struct error *err)
{
	char entry[LOG_NAME_MAX_BYTES];
	struct error ignored;
	int r;

	conf->run = next_run();
	if (!log_entry_format(owner->namespace_, owner->id, conf->run, entry))
		return error_set(err, -EINVAL, "container %s cannot have a log of its name",
				 owner->id);
	r = make_run(owner, entry, conf, ret, err);
	if (r < 0) {
		spool_run_fini(ret);
		if (r != -EEXIST)
			spool_drop(owner->dir, entry, &ignored);
	}
	return r;
}

int spool_make(const struct spool_owner *owner, struct log_conf *conf, struct spool_run *ret,
	       struct error *err)
{
	int r = fs_make_dirs(owner->dir, 0700, err);

	for (int i = 0; r == 0 && i < RUNS_TRIED; i++) {
		r = try_run(owner, conf, ret, err);
		if (r != -EEXIST)
			break;
		r = i + 1 < RUNS_TRIED ? 0 : r;
	}
	return r;
}

/* ---- those that are there ---- */

/* Entries may be named several times, as each has several files. */
static int list_files(const char *dir,
		      void (*found)(void *ctx, const char *entry, enum log_suffix suffix),
		      void *ctx, struct error *err)
{
	DIR *stream = opendir(dir);
	struct dirent *item;
	int r = stream ? 0 : -errno;

	while (stream && (r = fs_next_entry(stream, &item)) > 0) {
		char entry[LOG_NAME_MAX_BYTES];
		enum log_suffix suffix;

		if (log_spool_parse(item->d_name, entry, &suffix))
			found(ctx, entry, suffix);
	}
	if (stream)
		closedir(stream);
	return r < 0 && r != -ENOENT ? fs_error(err, r, "cannot list", dir) : 0;
}

static bool is_of(const struct spool_owner *owner, const char *entry, uint64_t *ret_run)
{
	char namespace_[LOG_NAME_MAX_BYTES], id[LOG_NAME_MAX_BYTES];

	return log_entry_parse(entry, namespace_, id, ret_run) &&
	       str_equal(namespace_, owner->namespace_) && str_equal(id, owner->id);
}

/* All that are the container's, each once. */
struct own {
	const struct spool_owner *owner;
	struct strv entries;
};

static void add_once(struct strv *entries, const char *entry)
{
	for (size_t i = 0; i < entries->n; i++)
		if (str_equal(entries->items[i], entry))
			return;
	strv_add(entries, entry);
}

static void found_own(void *ctx, const char *entry, enum log_suffix suffix UNUSED)
{
	struct own *own = ctx;

	if (is_of(own->owner, entry, NULL))
		add_once(&own->entries, entry);
}

static int list_own(const struct spool_owner *owner, struct own *ret, struct error *err)
{
	*ret = (struct own){ .owner = owner };
	return list_files(owner->dir, found_own, ret, err);
}

static bool exists(const char *dir, const char *entry, enum log_suffix suffix)
{
	AUTO_FREE char *path = path_of(dir, entry, suffix);

	return path && access(path, F_OK) == 0;
}

bool spool_is_done(const char *dir, const char *entry)
{
	return exists(dir, entry, LOG_SPOOL_DONE);
}

/* FIFOs that nobody was told of are of a task that did not come to be. */
static int end_entry(const char *dir, const char *entry, struct error *err)
{
	AUTO_FREE char *from = path_of(dir, entry, LOG_SPOOL_CONF);
	AUTO_FREE char *to = path_of(dir, entry, LOG_SPOOL_DONE);

	if (!from || !to || rename(from, to) == 0)
		return 0;
	if (errno != ENOENT)
		return fs_error(err, -errno, "cannot rename", from);
	return exists(dir, entry, LOG_SPOOL_DONE) ? 0 : spool_drop(dir, entry, err);
}

int spool_end(const struct spool_owner *owner, uint64_t kept, struct error *err)
{
	struct own own;
	int r = list_own(owner, &own, err);
	uint64_t run;

	for (size_t i = 0; i < own.entries.n && r == 0; i++)
		if (is_of(owner, own.entries.items[i], &run) && run != kept)
			r = end_entry(owner->dir, own.entries.items[i], err);
	strv_fini(&own.entries);
	return r;
}

static void pause_ms(unsigned ms)
{
	const struct timespec pause = { .tv_nsec = ms * 1000000L };

	nanosleep(&pause, NULL);
}

static bool is_there(const char *dir, const char *entry)
{
	return exists(dir, entry, LOG_SPOOL_DONE) || exists(dir, entry, LOG_SPOOL_OUT);
}

/* One that is done with, and nobody reads, is taken away unread. */
static int clear_entry(const char *dir, const char *entry, unsigned limit_ms, struct error *err)
{
	unsigned left = spool_reader(dir) ? limit_ms / CLEAR_LOOK_MS : 0;
	int r = end_entry(dir, entry, err);

	while (r == 0 && is_there(dir, entry) && left--)
		pause_ms(CLEAR_LOOK_MS);
	return r < 0 ? r : spool_drop(dir, entry, err);
}

int spool_clear(const struct spool_owner *owner, unsigned limit_ms, struct error *err)
{
	struct own own;
	int r = list_own(owner, &own, err);

	for (size_t i = 0; r == 0 && i < own.entries.n; i++)
		r = clear_entry(owner->dir, own.entries.items[i], limit_ms, err);
	strv_fini(&own.entries);
	return r;
}

int spool_clear_run(const struct spool_owner *owner, uint64_t number, unsigned limit_ms,
		    struct error *err)
{
	char entry[LOG_NAME_MAX_BYTES];

	if (!log_entry_format(owner->namespace_, owner->id, number, entry))
		return error_set(err, -EINVAL, "there is no log of that name");
	return clear_entry(owner->dir, entry, limit_ms, err);
}

uint64_t spool_run_of(const struct spool_owner *owner, const char *path)
{
	size_t len = strlen(owner->dir);
	char entry[LOG_NAME_MAX_BYTES];
	enum log_suffix suffix;
	uint64_t run;

	if (!path || strncmp(path, owner->dir, len) != 0 || path[len] != '/' ||
	    !log_spool_parse(path + len + 1, entry, &suffix) || suffix != LOG_SPOOL_OUT)
		return 0;
	return is_of(owner, entry, &run) ? run : 0;
}

bool spool_is_whole(const struct spool_owner *owner, uint64_t number)
{
	char entry[LOG_NAME_MAX_BYTES];

	return log_entry_format(owner->namespace_, owner->id, number, entry) &&
	       exists(owner->dir, entry, LOG_SPOOL_CONF) &&
	       exists(owner->dir, entry, LOG_SPOOL_OUT) && exists(owner->dir, entry, LOG_SPOOL_ERR);
}

static void found_any(void *ctx, const char *entry, enum log_suffix suffix UNUSED)
{
	strv_add(ctx, entry);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int spool_list(const char *dir, struct strv *ret_entries, struct error *err)
{
	struct strv all = { 0 };
	int r = list_files(dir, found_any, &all, err);

	if (all.n)
		qsort(all.items, all.n, sizeof(*all.items), compare);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || !str_equal(all.items[i], all.items[i - 1]))
			strv_add(ret_entries, all.items[i]);
	strv_fini(&all);
	return r;
}
