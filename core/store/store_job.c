/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/store_job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/store/store_load.h"
#include "core/store/store_read.h"

/* Specs may hold what is nobody else's business: environments. */
enum { FILE_MODE = 0600 };

static const char *const file_names[] = {
	[KIND_REALM] = "realm.yaml",
	[KIND_SPACE] = "space.yaml",
	[KIND_STACK] = "stack.yaml",
	[KIND_CELL] = "cell.yaml",
};

const char *store_file_name(enum kind kind)
{
	check(kind < ARRAY_SIZE(file_names));
	return file_names[kind];
}

char *store_file_path(const char *key)
{
	AUTO_FREE char *cell = NULL;

	if (key_kind(key) != KIND_CONTAINER)
		return xasprintf("%s/%s", key, store_file_name(key_kind(key)));
	cell = key_parent(key);
	return xasprintf("%s/containers/%s.yaml", cell, key_name(key));
}

static int make_parent_dir(const char *path, struct error *err)
{
	AUTO_FREE char *dir = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	return fs_make_dirs(dir, STORE_DIR_MODE, err);
}

/* Gone for good, also after a power cut. */
static int remove_file(const char *path, struct error *err)
{
	AUTO_FREE char *dir = xstrdup(path);
	AUTO_CLOSE int fd = -1;

	*strrchr(dir, '/') = '\0';
	if (unlink(path) < 0 && errno != ENOENT)
		return fs_error(err, -errno, "cannot remove", path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fsync(fd) < 0)
		return error_set(err, -errno, "cannot sync %s: %m", dir);
	return 0;
}

static bool stands_there(const char *path, const char *text)
{
	AUTO_BUF struct buf now = { 0 };
	size_t len = strlen(text);

	return fs_read_file(AT_FDCWD, path, len + 1, &now, NULL) == 0 && now.len == len &&
	       memcmp(now.data, text, len) == 0;
}

/* What is written of an object that changed is written of all its containers: most are as they
 * were. What a request changes is written in any case: its answer says that it is on the disk. */
static int change_file(const struct store_job *job, const struct store_change *file,
		       struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", job->dir ? job->dir : job->base, file->path);
	int r;

	if (!file->text)
		return remove_file(path, err);
	if (job->dir && !job->renew && stands_there(path, file->text))
		return 0;
	r = make_parent_dir(path, err);
	if (r < 0)
		return r;
	if (!job->in_haste)
		return fs_write_file_atomic(path, file->text, strlen(file->text), FILE_MODE, err);
	r = fs_write_beside(path, file->text, strlen(file->text), FILE_MODE, err);
	return r < 0 ? r : fs_take_beside(path, err);
}

static bool keeps(const struct store_job *job, const char *name)
{
	for (size_t i = 0; i < job->containers.n; i++)
		if (strcmp(job->containers.items[i], name) == 0)
			return true;
	return false;
}

/* Files of containers that the cell does not have any more. */
/* A damaged one may be all that is left of a document. */
static bool is_stale(const struct store_job *job, const char *name)
{
	return name[0] != '.' && !keeps(job, name) && !str_ends_with(name, STORE_DAMAGED);
}

static void remove_stale_containers(struct store_job *job)
{
	AUTO_FREE char *path = xasprintf("%s/containers", job->dir);
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = dir ? 0 : -errno;

	while (dir && (r = fs_next_entry(dir, &entry)) > 0)
		if (is_stale(job, entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) < 0 &&
		    errno != ENOENT)
			fs_error(&job->err, -errno, "cannot remove a file of", path);
	if (r < 0 && r != -ENOENT)
		fs_error(&job->err, r, "cannot list", path);
	if (dir)
		closedir(dir);
}

/* A layer's directory may hold what is not ours: only our own file goes, and the directory when it
 * is empty then. */
static void remove_dir(const struct store_job *job, struct error *err)
{
	static const char *const suffixes[] = { "", STORE_DAMAGED };

	if (job->kind == KIND_CELL) {
		if (fs_remove_tree(AT_FDCWD, job->dir, err) < 0)
			error_wrap(err, err->code, "cannot remove %s", job->dir);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		AUTO_FREE char *path =
			xasprintf("%s/%s%s", job->dir, store_file_name(job->kind), suffixes[i]);

		unlink(path);
	}
	if (rmdir(job->dir) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		error_set(err, -errno, "cannot remove %s: %m", job->dir);
}

void store_rename_damaged(const char *path)
{
	AUTO_FREE char *aside = xasprintf("%s" STORE_DAMAGED, path);

	if (rename(path, aside) < 0)
		log_warning("store: cannot rename %s: %s", path, strerror(errno));
}

static void on_stored(void *ctx, struct stored *stored)
{
	struct store_job *job = ctx;

	list_append(&job->stored, &stored->link);
}

static void read_again(struct store_job *job)
{
	for (size_t i = 0; i < job->read_files.n; i++)
		store_read_object(job->base, job->read_files.items[i], false, on_stored, job);
	for (size_t i = 0; i < job->read_trees.n; i++) {
		const char *key = job->read_trees.items[i];

		if (*key)
			store_read_object(job->base, key, true, on_stored, job);
		else
			store_read_all(job->base, on_stored, job);
	}
}

void store_job_run(struct store_job *job)
{
	int r = 0;

	if (job->withdrawn && atomic_load(job->withdrawn)) {
		error_set(&job->err, -ECANCELED, "nobody waits for it any more");
		return;
	}
	if (job->remove)
		return remove_dir(job, &job->err);
	if (job->read)
		return read_again(job);
	if (job->aside)
		return store_rename_damaged(job->aside);
	for (size_t i = 0; r == 0 && i < job->n_files; i++)
		r = change_file(job, &job->files[i], &job->err);
	if (r == 0 && job->dir && job->kind == KIND_CELL)
		remove_stale_containers(job);
}

/* ---- many at once ---- */

bool store_job_is_plain(const struct store_job *job)
{
	return job->dir && !job->remove && !job->read && !job->aside && !job->done &&
	       !job->withdrawn;
}

static char *file_path(const struct store_job *job, size_t i)
{
	return xasprintf("%s/%s", job->dir, job->files[i].path);
}

/* What stands there already was written in haste, maybe: it is synced with the rest. */
static void write_beside(struct store_job *job)
{
	job->beside = xcalloc(job->n_files, sizeof(*job->beside));
	for (size_t i = 0; job->err.code == 0 && i < job->n_files; i++) {
		AUTO_FREE char *path = file_path(job, i);
		const char *text = job->files[i].text;

		job->beside[i] =
			!stands_there(path, text) && make_parent_dir(path, &job->err) == 0 &&
			fs_write_beside(path, text, strlen(text), FILE_MODE, &job->err) == 0;
	}
}

/* Of an object all that it has, or nothing. */
static void take_beside(struct store_job *job)
{
	for (size_t i = 0; i < job->n_files; i++) {
		AUTO_FREE char *path = file_path(job, i);

		if (job->beside[i] && job->err.code)
			fs_drop_beside(path);
		else if (job->beside[i])
			fs_take_beside(path, &job->err);
	}
	if (job->err.code == 0 && job->kind == KIND_CELL)
		remove_stale_containers(job);
}

/* Only the last one of each object is written. */
static void note_outdone(struct list *jobs, size_t n)
{
	struct map last = { 0 };
	struct store_job *job;

	list_for_each(job, jobs, link) {
		struct store_job *before;

		if (!n--)
			break;
		before = map_entry(map_find(&last, job->dir), struct store_job, by_dir);
		if (before) {
			before->outdone = true;
			map_remove(&last, &before->by_dir);
		}
		map_insert(&last, &job->by_dir, job->dir);
	}
}

static void write_all_beside(struct list *jobs, size_t n)
{
	struct store_job *job;

	list_for_each(job, jobs, link) {
		if (!n--)
			break;
		if (!job->outdone)
			write_beside(job);
	}
}

static void take_all_beside(struct list *jobs, size_t n, const struct error *why_not)
{
	struct store_job *job;

	list_for_each(job, jobs, link) {
		if (!n--)
			break;
		if (job->outdone)
			continue;
		if (why_not->code && !job->err.code)
			job->err = *why_not;
		take_beside(job);
	}
}

void store_jobs_run(struct list *jobs, size_t n)
{
	struct store_job *first = list_entry(jobs->next, struct store_job, link);
	struct error err = { 0 };

	note_outdone(jobs, n);
	write_all_beside(jobs, n);
	fs_sync_all(first->base, &err);
	take_all_beside(jobs, n, &err);
	if (fs_sync_all(first->base, &err) < 0)
		first->err = err;
}

void store_changes_free(struct store_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(changes[i].path);
		free(changes[i].text);
	}
	free(changes);
}

void store_job_free(struct store_job *job)
{
	struct stored *stored;

	list_remove(&job->link);
	if (job->read)
		list_for_each(stored, &job->stored, link)
			stored_free(stored);
	strv_fini(&job->read_files);
	strv_fini(&job->read_trees);
	free(job->aside);
	store_changes_free(job->files, job->n_files);
	free(job->beside);
	strv_fini(&job->containers);
	free(job->dir);
	free(job);
}

void store_job_add_file(struct store_job *job, const char *name, char *text)
{
	job->files = xrealloc(job->files, (job->n_files + 1) * sizeof(*job->files));
	job->files[job->n_files++] = (struct store_change){ xstrdup(name), text };
}

bool store_job_writes(const struct store_job *job)
{
	for (size_t i = 0; i < job->n_files; i++)
		if (job->files[i].text)
			return true;
	return false;
}
