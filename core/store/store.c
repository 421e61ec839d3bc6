/* SPDX-License-Identifier: Apache-2.0 */
/* When and what to write. How is in store_job.c, reading in store_load.c. */
#include "core/store/store.h"

#include <errno.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/wall.h"
#include "core/hosts/hosts_files.h"
#include "core/status/status.h"
#include "core/store/internal.h"
#include "core/store/store_job.h"
#include "core/store/store_load.h"
#include "core/store/versions.h"

/* A change is written once nothing has changed for a while, but not later than this after it
 * happened. */
enum { SETTLE_MS = 500, SETTLE_MAX_MS = 5000 };
/* A container has ended and waits for its next start: a daemon that crashes again and again must
 * not take the pause away. */
enum { SETTLE_WAITING_MS = 10 };
/* An object that the store does not have yet: a daemon that is killed must know of it. */
enum { FRESH_MS = 10 };
/* A directory that could not be removed is tried again then. */
enum { REMOVE_AGAIN_MS = 10 * 1000 };
/* On a full filesystem one object is tried again and again; when it can be written, so can the
 * rest. */
enum { FULL_AGAIN_MS = 2 * 1000 };
/* So is what could not be read. */
enum { READ_AGAIN_MS = 5 * 1000 };

/* So many objects that wait are written together, and at most so many: a request waits behind
 * them. */
enum { BATCH_MIN = 32, BATCH_MAX = 1024 };

struct store {
	struct engine *engine;
	struct engine_watcher watcher;
	struct list dirty; /* struct object.dirty */
	struct timer settle;
	struct list fresh; /* struct object.fresh: not in the store yet */
	struct timer hurry;
	uint64_t dirty_since_ms;
	bool waiting;     /* a container waits: settle is not put off any more */
	struct list jobs; /* struct store_job.link, in order; the first is with the worker */
	struct work work;
	bool working;
	size_t batch;     /* jobs that the worker has */
	unsigned changes; /* of the API, under way: what they replace must not be written after them
			   */
	struct strv stuck;  /* keys of objects whose directory could not be removed */
	struct timer again; /* tries them */
	char *problem;      /* what the last job failed with, to say it once */
	bool full;          /* and that was for want of space */
	struct timer read_again;
	uint64_t versions_end, next_end; /* core/store/versions.h */
	bool reserving;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void run_job(struct work *work)
{
	struct store *store = container_of(work, struct store, work);

	if (store->batch > 1)
		store_jobs_run(&store->jobs, store->batch);
	else
		store_job_run(list_entry(store->jobs.next, struct store_job, link));
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

/* What was to be written of an object is dirty again; it may be gone by now. */
static void take_back(struct store *store, const struct store_job *job)
{
	const char *key = job->dir + strlen(store->engine->run_path) + 1;
	struct object *object = engine_find(store->engine, key);

	if (!object)
		return;
	object->stored_in_haste |= job->renew;
	if (!list_linked(&object->dirty))
		list_append(&store->dirty, &object->dirty);
}

const char *store_problem(const struct store *store)
{
	return store->full ? store->problem : NULL;
}

/* ---- what could not be read ---- */

static struct store_job *job_new(struct store *store);

static void on_read_again(struct timer *timer)
{
	struct store *store = container_of(timer, struct store, read_again);
	struct store_job *job;

	if (store->engine->desired.purging)
		return;
	job = job_new(store);
	job->read = true;
	list_init(&job->stored);
	store_unread_keys(store->engine, &job->read_files, &job->read_trees);
	next_job(store);
}

static void note_unread(struct store *store)
{
	struct engine *engine = store->engine;
	AUTO_FREE char *was = take_ptr(engine->unread_text);

	engine->unread_text = store_unread_text(engine);
	if (engine->unread_text && !str_equal(engine->unread_text, was))
		log_warning("%s; what may stand there is left as it is", engine->unread_text);
	else if (was && !engine->unread_text)
		log_info("store: all of it has been read now");
	if (was && !engine->unread_text)
		hosts_files_check_all(store->engine);
	if (engine->unread_text)
		timer_start(store->engine->loop, &store->read_again, READ_AGAIN_MS, on_read_again);
}

void store_set_aside(struct store *store, const char *path)
{
	job_new(store)->aside = xstrdup(path);
	next_job(store);
}

bool store_is_removing(const struct store *store, const char *key)
{
	AUTO_FREE char *path = xasprintf("%s/%s/", store->engine->run_path, key);
	struct store_job *job;

	list_for_each(job, &store->jobs, link)
		if (job->remove && str_starts_with(path, job->dir) && path[strlen(job->dir)] == '/')
			return true;
	return false;
}

static void end_job(struct store *store, struct store_job *job)
{
	if (job->dir && !job->remove && fs_is_full(job->err.code) && !store->closed)
		take_back(store, job);
	if (!job->read && !job->aside && job->err.code != -ECANCELED &&
	    (job->err.code || !store->full || store_job_writes(job)))
		report(store, &job->err);
	if (job->remove && job->err.code && !store->closed) {
		strv_add(&store->stuck, job->dir + strlen(store->engine->run_path) + 1);
		timer_start(store->engine->loop, &store->again, REMOVE_AGAIN_MS, on_remove_again);
	}
	list_remove(&job->link);
	if (job->done) {
		job->done(job->ctx, job->err.code ? &job->err : NULL);
		store->changes--;
		rearm(store);
	}
	if (job->read && !store->closed && !store->engine->desired.purging) {
		store_load_again(store->engine, &job->stored);
		note_unread(store);
	}
	store_job_free(job);
}

static void on_job_done(struct work *work)
{
	struct store *store = container_of(work, struct store, work);

	store->working = false;
	for (size_t i = 0; i < store->batch; i++)
		end_job(store, list_entry(store->jobs.next, struct store_job, link));
	if (store->closed && !store->changes)
		flush(store);
	else
		next_job(store);
}

static bool is_removal_of(const struct store *store, const struct store_job *job, const char *key)
{
	return job->remove && str_equal(job->dir + strlen(store->engine->run_path) + 1, key);
}

/* One with the worker is too late to call off. */
int store_take_dir(struct store *store, const char *key, struct error *err)
{
	struct store_job *job;

	list_for_each(job, &store->jobs, link) {
		if (!is_removal_of(store, job, key))
			continue;
		if (store->working && store->jobs.next == &job->link)
			return error_set(err, -EAGAIN,
					 "the directory of an earlier cell of the name is still "
					 "being removed");
		store_job_free(job);
	}
	return 0;
}

/* What has come back under the name meanwhile owns the directory; it has its own end. */
static void drop_outdated(struct store *store)
{
	while (!list_empty(&store->jobs)) {
		struct store_job *job = list_entry(store->jobs.next, struct store_job, link);

		if (!job->remove ||
		    !engine_find(store->engine, job->dir + strlen(store->engine->run_path) + 1))
			return;
		store_job_free(job);
	}
}

static void store_free(struct store *store)
{
	list_remove(&store->watcher.link);
	store->engine->store = NULL;
	strv_fini(&store->stuck);
	free(store->problem);
	free(store);
}

/* A sync of many writes out what others have on that filesystem too: few objects are better off one
 * by one. What is written in haste must not wait for any. In the end all that is left is written at
 * once: whoever stops the daemon waits for it. */
static size_t next_batch(const struct store *store)
{
	const struct store_job *job;
	size_t n = 0;

	list_for_each(job, &store->jobs, link) {
		if (!store_job_is_plain(job) ||
		    (!store->closed && (job->in_haste || n == BATCH_MAX)))
			break;
		n++;
	}
	return n && (store->closed || n >= BATCH_MIN) ? n : 1;
}

static void begin_job(struct store *store)
{
	void (*closed)(void *) = store->closed;
	void *ctx = store->closed_ctx;

	if (store->working)
		return;
	if (!list_empty(&store->jobs)) {
		store->working = true;
		store->batch = next_batch(store);
		loop_work(store->engine->loop, &store->work, run_job, on_job_done);
	} else if (closed) {
		store_free(store);
		closed(ctx);
	}
}

static void next_job(struct store *store)
{
	if (!store->working)
		drop_outdated(store);
	begin_job(store);
}

/* ---- jobs from objects ---- */

static struct store_job *job_new(struct store *store)
{
	struct store_job *job = xnew(struct store_job);

	job->base = store->engine->run_path;
	list_append(&store->jobs, &job->link);
	return job;
}

static struct store_job *job_new_object(struct store *store, const struct object *object)
{
	struct store_job *job = job_new(store);

	job->dir = xasprintf("%s/%s", store->engine->run_path, object->key);
	job->kind = object->kind;
	return job;
}

/* Of the document that the container may have of its own. */
static const struct identity *own_identity(struct store *store, const struct object *cell,
					   const struct container *c)
{
	AUTO_FREE char *key = xasprintf("%s/%s", cell->key, c->name);
	const struct object *own = engine_find(store->engine, key);

	return own && own->wanted ? &own->identity : NULL;
}

static void job_add_containers(struct store *store, struct store_job *job, struct object *object)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link) {
		AUTO_FREE char *name = xasprintf("%s.yaml", c->name);
		AUTO_FREE char *path = xasprintf("containers/%s", name);
		Api__Container *message;

		if (!c->spec)
			continue;
		c->stored_exit_ms = c->exited_ms;
		message = status_render_container(store->engine, object, c);
		store_job_add_file(
			job, path,
			internal_text(NULL, own_identity(store, object, c), &message->base));
		strv_add(&job->containers, name);
		protobuf_c_message_free_unpacked(&message->base, NULL);
	}
}

/* What is not wanted any more is on its way out: writing it would bring it back after a crash. What
 * could not be read is not written over: it may tell of a stop. */
static void store_object(struct store *store, struct object *object, bool in_haste)
{
	ProtobufCMessage *message;
	struct store_job *job;

	list_remove(&object->fresh);
	if (!object->wanted || object->unread)
		return;
	object->status.updated_ms = wall_now_ms();
	message = status_render_stored(store->engine, object);
	job = job_new_object(store, object);
	job->in_haste = in_haste;
	job->renew = object->stored_in_haste;
	object->stored = true;
	object->stored_in_haste = in_haste;
	store_job_add_file(job, store_file_name(object->kind),
			   internal_text(object, &object->identity, message));
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
		store_object(store, list_entry(link, struct object, dirty), false);
	next_job(store);
}

/* They stay dirty: what becomes of them is written when it has settled. */
static void on_hurry(struct timer *timer)
{
	struct store *store = container_of(timer, struct store, hurry);
	struct list *link;

	if (store->changes || store->full)
		return; /* rearm() */
	while ((link = list_pop(&store->fresh)))
		store_object(store, list_entry(link, struct object, fresh), true);
	next_job(store);
}

static void probe(struct store *store)
{
	static const struct error none = { 0 };
	struct list *link;

	while (list_empty(&store->jobs) && (link = list_pop(&store->dirty)))
		store_object(store, list_entry(link, struct object, dirty), false);
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
	if (!store->closed && !store->changes && !store->full && !list_empty(&store->fresh))
		timer_start(store->engine->loop, &store->hurry, FRESH_MS, on_hurry);
}

void store_change(struct store *store, struct store_change *changes, size_t n,
		  const atomic_bool *withdrawn, store_changed_fn done, void *ctx)
{
	struct store_job *job = job_new(store);

	job->files = changes;
	job->n_files = n;
	job->withdrawn = withdrawn;
	job->done = done;
	job->ctx = ctx;
	store->changes++;
	next_job(store);
}

static void on_reserved(void *ctx, const struct error *err)
{
	struct store *store = ctx;

	store->reserving = false;
	if (!err)
		store->versions_end = store->next_end;
}

static void keep_versions(struct store *store)
{
	struct store_change *change;

	if (store->reserving || store->closed || store->full ||
	    !versions_are_low(store->engine, store->versions_end))
		return;
	store->reserving = true;
	change = xnew(struct store_change);
	change->path = xstrdup(VERSIONS_FILE);
	change->text = versions_text(store->engine, &store->next_end);
	store_change(store, change, 1, NULL, on_reserved, store);
}

/* Also of an object that was never written: the files that its containers mount lie there too. */
static void remove_object(struct store *store, struct object *object)
{
	list_remove(&object->dirty);
	list_remove(&object->fresh);
	job_new_object(store, object)->remove = true;
	begin_job(store); /* not next_job(): the object is in the engine until this returns */
}

/* One whose end the store does not know. */
static bool has_waiting_container(const struct object *object)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (c->exited && !c->stopping && c->restarts_in_row &&
		    c->exited_ms != c->stored_exit_ms)
			return true;
	return false;
}

static void note_fresh(struct store *store, struct object *object)
{
	if (object->stored || !object->wanted || object->unread)
		return;
	if (!list_linked(&object->fresh))
		list_append(&store->fresh, &object->fresh);
	if (!timer_active(&store->hurry))
		timer_start(store->engine->loop, &store->hurry, FRESH_MS, on_hurry);
}

static void on_change(struct engine_watcher *watcher, const struct object *changed, bool gone)
{
	struct store *store = container_of(watcher, struct store, watcher);
	struct object *object = (struct object *)changed;
	uint64_t now_ms = loop_now_ms(store->engine->loop);

	keep_versions(store);
	if (object->kind == KIND_CONTAINER)
		return;
	if (gone)
		return remove_object(store, object);
	if (!list_linked(&object->dirty))
		list_append(&store->dirty, &object->dirty);
	note_fresh(store, object);
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
		struct store_job *job = NULL;

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
	int r = fs_make_dirs(engine->run_path, STORE_DIR_MODE, err);

	if (r < 0)
		return error_wrap(err, r, "store");
	versions_restore(engine);
	store_load(engine);
	store = xnew(struct store);
	store->engine = engine;
	store->versions_end = versions_reserve(engine);
	store->watcher.on_change = on_change;
	list_init(&store->dirty);
	list_init(&store->fresh);
	list_init(&store->jobs);
	list_append(&engine->watchers, &store->watcher.link);
	engine->store = store;
	note_unread(store);
	*ret_store = store;
	return 0;
}

void store_close(struct store *store, void (*closed)(void *ctx), void *ctx)
{
	store->closed = closed;
	store->closed_ctx = ctx;
	timer_stop(&store->again);
	timer_stop(&store->hurry);
	timer_stop(&store->read_again);
	if (!store->changes)
		flush(store);
}
