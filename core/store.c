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
enum { DIR_MODE = 0755, FILE_MODE = 0644 };

/* One object's files to write, or its directory to remove. */
struct job {
	struct list link; /* struct store.jobs */
	char *dir;
	bool remove;
	struct strv paths, texts; /* in pairs */
	struct strv containers;   /* file names that stay in <dir>/containers */
	struct error err;
};

struct store {
	struct engine *engine;
	struct engine_watcher watcher;
	struct list dirty; /* struct object.dirty */
	struct timer settle;
	uint64_t dirty_since_ms;
	struct list jobs; /* struct job.link, in order; the first is with the worker */
	struct work work;
	bool working;
	char *problem; /* what the last job failed with, to say it once */
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

/* ---- the worker ---- */

static int write_files(const struct job *job, struct error *err)
{
	AUTO_FREE char *containers = xasprintf("%s/containers", job->dir);
	int r = fs_make_dirs(job->containers.n ? containers : job->dir, DIR_MODE, err);

	for (size_t i = 0; r == 0 && i < job->paths.n; i++)
		r = fs_write_file_atomic(job->paths.items[i], job->texts.items[i],
					 strlen(job->texts.items[i]), FILE_MODE, err);
	return r;
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

static void run_job(struct work *work)
{
	struct store *store = container_of(work, struct store, work);
	struct job *job = list_entry(store->jobs.next, struct job, link);
	int r;

	if (job->remove) {
		fs_remove_tree(AT_FDCWD, job->dir, &job->err);
		return;
	}
	r = write_files(job, &job->err);
	if (r == 0)
		remove_stale_containers(job);
}

static void job_free(struct job *job)
{
	list_remove(&job->link);
	strv_fini(&job->paths);
	strv_fini(&job->texts);
	strv_fini(&job->containers);
	free(job->dir);
	free(job);
}

static void next_job(struct store *store);

static void report(struct store *store, const struct error *err)
{
	if (err->code && !str_equal(store->problem, err->msg))
		log_warning("store: %s", err->msg);
	free(store->problem);
	store->problem = err->code ? xstrdup(err->msg) : NULL;
}

static void on_job_done(struct work *work)
{
	struct store *store = container_of(work, struct store, work);
	struct job *job = list_entry(store->jobs.next, struct job, link);

	report(store, &job->err);
	job_free(job);
	store->working = false;
	next_job(store);
}

static void store_free(struct store *store)
{
	list_remove(&store->watcher.link);
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

static struct job *job_new(struct store *store, const char *key)
{
	struct job *job = xnew(struct job);

	job->dir = xasprintf("%s/%s", store->engine->run_path, key);
	list_append(&store->jobs, &job->link);
	return job;
}

static void job_add_file(struct job *job, const char *name, const ProtobufCMessage *message)
{
	AUTO_FREE char *path = xasprintf("%s/%s", job->dir, name);
	AUTO_BUF struct buf text = { 0 };

	manifest_emit_yaml(message, &text);
	strv_add(&job->paths, path);
	strv_add(&job->texts, text.data ? text.data : "");
}

static void job_add_containers(struct store *store, struct job *job, const struct object *object)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		Api__Container *message;
		AUTO_FREE char *name = xasprintf("%s.yaml", c->name);
		AUTO_FREE char *path = xasprintf("containers/%s", name);

		if (!c->spec)
			continue;
		message = status_render_container(store->engine, object, c);
		job_add_file(job, path, &message->base);
		strv_add(&job->containers, name);
		protobuf_c_message_free_unpacked(&message->base, NULL);
	}
}

static void store_object(struct store *store, struct object *object)
{
	ProtobufCMessage *message;
	struct job *job;

	object->status.updated_ms = status_now_ms();
	message = status_render(store->engine, object);
	if (!message)
		return;
	job = job_new(store, object->key);
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
	while ((link = list_pop(&store->dirty)))
		store_object(store, list_entry(link, struct object, dirty));
	next_job(store);
}

static void on_settled(struct timer *timer)
{
	flush(container_of(timer, struct store, settle));
}

/* Also of an object that was never written: the files that its containers mount lie there too. */
static void remove_object(struct store *store, struct object *object)
{
	list_remove(&object->dirty);
	job_new(store, object->key)->remove = true;
	next_job(store);
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
	if (!store->dirty_since_ms)
		store->dirty_since_ms = now_ms;
	if (now_ms - store->dirty_since_ms < SETTLE_MAX_MS)
		timer_start(store->engine->loop, &store->settle, SETTLE_MS, on_settled);
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
	*ret_store = store;
	return 0;
}

void store_close(struct store *store, void (*closed)(void *ctx), void *ctx)
{
	store->closed = closed;
	store->closed_ctx = ctx;
	flush(store);
}
