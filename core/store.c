/* SPDX-License-Identifier: Apache-2.0 */
/* Writing. Reading is in store_load.c. */
#include "core/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/manifest/manifest.h"
#include "core/status.h"
#include "core/store_load.h"

/* A change is written once nothing has changed for a while, but not later than this after it
 * happened. */
enum { SETTLE_MS = 500, SETTLE_MAX_MS = 5000 };
/* A container that waits for its next start: a daemon that crashes again and again must not take
 * the pause away, and nothing is in a hurry meanwhile. */
enum { SETTLE_WAITING_MS = 10 };
/* A directory that could not be removed is tried again then. */
enum { REMOVE_AGAIN_MS = 10 * 1000 };
/* On a full filesystem one object is tried again and again; when it can be written, so can the
 * rest. */
enum { FULL_AGAIN_MS = 2 * 1000 };
/* Specs may hold what is nobody else's business: environments. */
enum { DIR_MODE = 0755, FILE_MODE = 0600 };

/* One object's files to write, or its directory to remove, or what the API changes. */
struct job {
	struct list link; /* struct store.jobs */
	char *dir;        /* of the object; NULL: a change of the API */
	enum kind kind;
	bool remove;
	struct store_change *files; /* names below dir, or the run path */
	size_t n_files;
	struct strv containers; /* file names that stay in <dir>/containers */
	struct error err;
	store_changed_fn done; /* may be NULL */
	void *ctx;
};

struct store {
	struct engine *engine;
	struct engine_watcher watcher;
	struct list dirty; /* struct object.dirty */
	struct timer settle;
	uint64_t dirty_since_ms;
	bool waiting;     /* a container waits: settle is not put off any more */
	struct list jobs; /* struct job.link, in order; the first is with the worker */
	struct work work;
	bool working;
	unsigned changes; /* of the API, under way: what they replace must not be written after them
			   */
	struct strv stuck;  /* keys of objects whose directory could not be removed */
	struct timer again; /* tries them */
	char *problem;      /* what the last job failed with, to say it once */
	bool full;          /* and that was for want of space */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

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

/* ---- the worker ---- */

static int make_parent_dir(const char *path, struct error *err)
{
	AUTO_FREE char *dir = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	return fs_make_dirs(dir, DIR_MODE, err);
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

static int change_file(const char *base, const struct store_change *file, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", base, file->path);
	int r;

	if (!file->text)
		return remove_file(path, err);
	r = make_parent_dir(path, err);
	return r < 0 ? r
		     : fs_write_file_atomic(path, file->text, strlen(file->text), FILE_MODE, err);
}

static bool keeps(const struct job *job, const char *name)
{
	for (size_t i = 0; i < job->containers.n; i++)
		if (strcmp(job->containers.items[i], name) == 0)
			return true;
	return false;
}

/* Files of containers that the cell does not have any more. */
static void remove_stale_containers(const struct job *job)
{
	AUTO_FREE char *path = xasprintf("%s/containers", job->dir);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !keeps(job, entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

/* A layer's directory may hold what is not ours: only our own file goes, and the directory when it
 * is empty then. */
static void remove_dir(const struct job *job, struct error *err)
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

static void run_job(struct work *work)
{
	struct store *store = container_of(work, struct store, work);
	struct job *job = list_entry(store->jobs.next, struct job, link);
	const char *base = job->dir ? job->dir : store->engine->run_path;
	int r = 0;

	if (job->remove)
		return remove_dir(job, &job->err);
	for (size_t i = 0; r == 0 && i < job->n_files; i++)
		r = change_file(base, &job->files[i], &job->err);
	if (r == 0 && job->dir && job->kind == KIND_CELL)
		remove_stale_containers(job);
}

void store_changes_free(struct store_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(changes[i].path);
		free(changes[i].text);
	}
	free(changes);
}

static void job_free(struct job *job)
{
	list_remove(&job->link);
	store_changes_free(job->files, job->n_files);
	strv_fini(&job->containers);
	free(job->dir);
	free(job);
}

static void next_job(struct store *store);
static void on_remove_again(struct timer *timer);
static void rearm(struct store *store);
static void flush(struct store *store);

static void report(struct store *store, const struct error *err)
{
	bool was_full = store->full;

	if (err->code && !str_equal(store->problem, err->msg))
		log_warning("store: %s", err->msg);
	free(store->problem);
	store->problem = err->code ? xstrdup(err->msg) : NULL;
	store->full = fs_is_full(err->code);
	if (was_full && !store->full)
		log_info("store: there is space again");
	if (store->full ? !timer_active(&store->settle) : was_full)
		rearm(store);
}

/* Only who has written something knows that there is space. */
static bool writes(const struct job *job)
{
	for (size_t i = 0; i < job->n_files; i++)
		if (job->files[i].text)
			return true;
	return false;
}

/* What was to be written of an object is dirty again; it may be gone by now. */
static void take_back(struct store *store, const struct job *job)
{
	const char *key = job->dir + strlen(store->engine->run_path) + 1;
	struct object *object = engine_find(store->engine, key);

	if (object && !list_linked(&object->dirty))
		list_append(&store->dirty, &object->dirty);
}

const char *store_problem(const struct store *store)
{
	return store->full ? store->problem : NULL;
}

static void on_job_done(struct work *work)
{
	struct store *store = container_of(work, struct store, work);
	struct job *job = list_entry(store->jobs.next, struct job, link);

	if (job->dir && !job->remove && fs_is_full(job->err.code) && !store->closed)
		take_back(store, job);
	if (job->err.code || !store->full || writes(job))
		report(store, &job->err);
	if (job->remove && job->err.code && !store->closed) {
		strv_add(&store->stuck, job->dir + strlen(store->engine->run_path) + 1);
		timer_start(store->engine->loop, &store->again, REMOVE_AGAIN_MS, on_remove_again);
	}
	store->working = false;
	list_remove(&job->link);
	if (job->done) {
		job->done(job->ctx, job->err.code ? &job->err : NULL);
		store->changes--;
		rearm(store);
	}
	job_free(job);
	if (store->closed && !store->changes)
		flush(store);
	else
		next_job(store);
}

static void store_free(struct store *store)
{
	list_remove(&store->watcher.link);
	store->engine->store = NULL;
	strv_fini(&store->stuck);
	free(store->problem);
	free(store);
}

static void next_job(struct store *store)
{
	void (*closed)(void *) = store->closed;
	void *ctx = store->closed_ctx;

	if (store->working)
		return;
	if (!list_empty(&store->jobs)) {
		store->working = true;
		loop_work(store->engine->loop, &store->work, run_job, on_job_done);
	} else if (closed) {
		store_free(store);
		closed(ctx);
	}
}

/* ---- jobs from objects ---- */

static struct job *job_new(struct store *store)
{
	struct job *job = xnew(struct job);

	list_append(&store->jobs, &job->link);
	return job;
}

static struct job *job_new_object(struct store *store, const struct object *object)
{
	struct job *job = job_new(store);

	job->dir = xasprintf("%s/%s", store->engine->run_path, object->key);
	job->kind = object->kind;
	return job;
}

static void job_add_file(struct job *job, const char *name, const ProtobufCMessage *message)
{
	AUTO_BUF struct buf text = { 0 };

	manifest_emit_yaml(message, &text);
	job->files = xrealloc(job->files, (job->n_files + 1) * sizeof(*job->files));
	job->files[job->n_files++] =
		(struct store_change){ xstrdup(name), xstrdup(text.data ? text.data : "") };
}

static void job_add_containers(struct store *store, struct job *job, const struct object *object)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		AUTO_FREE char *name = xasprintf("%s.yaml", c->name);
		AUTO_FREE char *path = xasprintf("containers/%s", name);
		Api__Container *message;

		if (!c->spec)
			continue;
		message = status_render_container(store->engine, object, c);
		job_add_file(job, path, &message->base);
		strv_add(&job->containers, name);
		protobuf_c_message_free_unpacked(&message->base, NULL);
	}
}

/* What is not wanted any more is on its way out: writing it would bring it back after a crash. */
static void store_object(struct store *store, struct object *object)
{
	ProtobufCMessage *message;
	struct job *job;

	if (!object->wanted)
		return;
	object->status.updated_ms = status_now_ms();
	message = status_render_stored(store->engine, object);
	job = job_new_object(store, object);
	job_add_file(job, store_file_name(object->kind), message);
	if (object->kind == KIND_CELL)
		job_add_containers(store, job, object);
	protobuf_c_message_free_unpacked(message, NULL);
}

static void flush(struct store *store)
{
	struct list *link;

	timer_stop(&store->settle);
	store->dirty_since_ms = 0;
	store->waiting = false;
	while ((link = list_pop(&store->dirty)))
		store_object(store, list_entry(link, struct object, dirty));
	next_job(store);
}

static void probe(struct store *store)
{
	static const struct error none = { 0 };
	struct list *link;

	while (list_empty(&store->jobs) && (link = list_pop(&store->dirty)))
		store_object(store, list_entry(link, struct object, dirty));
	if (list_empty(&store->jobs))
		report(store, &none); /* nothing is left that wants space */
	next_job(store);
}

static void on_settled(struct timer *timer)
{
	struct store *store = container_of(timer, struct store, settle);

	if (store->changes)
		return;
	if (store->full)
		probe(store);
	else
		flush(store);
}

/* What waited for a change of the API, or for space, can be written. */
static void rearm(struct store *store)
{
	if (!store->closed && !store->changes && !list_empty(&store->dirty))
		timer_start(store->engine->loop, &store->settle,
			    store->full ? FULL_AGAIN_MS : SETTLE_MS, on_settled);
}

void store_change(struct store *store, struct store_change *changes, size_t n,
		  store_changed_fn done, void *ctx)
{
	struct job *job = job_new(store);

	job->files = changes;
	job->n_files = n;
	job->done = done;
	job->ctx = ctx;
	store->changes++;
	next_job(store);
}

/* Also of an object that was never written: the files that its containers mount lie there too. */
static void remove_object(struct store *store, struct object *object)
{
	list_remove(&object->dirty);
	job_new_object(store, object)->remove = true;
	next_job(store);
}

static bool has_waiting_container(const struct object *object)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (c->exited && !c->stopping && c->restarts_in_row)
			return true;
	return false;
}

static void on_change(struct engine_watcher *watcher, const struct object *changed, bool gone)
{
	struct store *store = container_of(watcher, struct store, watcher);
	struct object *object = (struct object *)changed;
	uint64_t now_ms = loop_now_ms(store->engine->loop);

	if (object->kind == KIND_CONTAINER)
		return;
	if (gone)
		return remove_object(store, object);
	if (!list_linked(&object->dirty))
		list_append(&store->dirty, &object->dirty);
	if (store->full) {
		if (!timer_active(&store->settle))
			rearm(store);
		return;
	}
	if (!store->dirty_since_ms)
		store->dirty_since_ms = now_ms;
	if (store->waiting)
		return;
	store->waiting = has_waiting_container(object);
	if (store->waiting || now_ms - store->dirty_since_ms < SETTLE_MAX_MS)
		timer_start(store->engine->loop, &store->settle,
			    store->waiting ? SETTLE_WAITING_MS : SETTLE_MS, on_settled);
}

/* Whatever held them may be gone. What has come back under the name meanwhile owns the directory.
 */
static void on_remove_again(struct timer *timer)
{
	struct store *store = container_of(timer, struct store, again);
	struct strv stuck = store->stuck;

	store->stuck = (struct strv){ 0 };
	for (size_t i = 0; i < stuck.n; i++) {
		struct job *job = NULL;

		if (engine_find(store->engine, stuck.items[i]))
			continue;
		job = job_new(store);
		job->dir = xasprintf("%s/%s", store->engine->run_path, stuck.items[i]);
		job->kind = key_kind(stuck.items[i]);
		job->remove = true;
	}
	strv_fini(&stuck);
	next_job(store);
}

/* ---- life ---- */

int store_open(struct store **ret_store, struct engine *engine, struct error *err)
{
	struct store *store;
	int r = fs_make_dirs(engine->run_path, DIR_MODE, err);

	if (r < 0)
		return error_wrap(err, r, "store");
	store_load(engine);
	store = xnew(struct store);
	store->engine = engine;
	store->watcher.on_change = on_change;
	list_init(&store->dirty);
	list_init(&store->jobs);
	list_append(&engine->watchers, &store->watcher.link);
	engine->store = store;
	*ret_store = store;
	return 0;
}

void store_close(struct store *store, void (*closed)(void *ctx), void *ctx)
{
	store->closed = closed;
	store->closed_ctx = ctx;
	timer_stop(&store->again);
	if (!store->changes)
		flush(store);
}
