/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/image_garbage.h"

#include "core/base/log.h"
#include "core/desired/image_garbage_private.h"
#include "core/status/record.h"

enum {
	SOON_MS = 60 * 1000,      /* what changes together, as at a start, is one look */
	REST_MS = 10 * 60 * 1000, /* between two looks, whatever changes or fails */
	REMOVED_AT_ONCE = 64,     /* in one look at a realm; the others go with the next */
};

static void look_at_next_realm(struct garbage *g);
static void remove_next(struct garbage *g);

/* ---- when ---- */

static void on_due(struct timer *timer);

static void arm_in(struct garbage *g, uint64_t after_ms)
{
	struct loop *loop = g->engine->loop;
	uint64_t now_ms = loop_now_ms(loop), at_ms = now_ms + after_ms;

	if (g->seen_ms && at_ms < g->seen_ms + REST_MS)
		at_ms = g->seen_ms + REST_MS;
	if (!timer_active(&g->timer) || g->timer.due_ms > at_ms)
		timer_start_at(loop, &g->timer, at_ms, on_due);
}

static void note_change(struct garbage *g)
{
	if (g->busy)
		g->again = true;
	else if (!g->stopped)
		arm_in(g, SOON_MS);
}

static void on_change(struct engine_watcher *watcher, const struct object *object, bool gone UNUSED)
{
	if (object->kind == KIND_CELL)
		note_change(container_of(watcher, struct garbage, watcher));
}

static void arm_next(struct garbage *g)
{
	int64_t now_ms = loop_wall_ms(g->engine->loop);

	if (g->stopped)
		return;
	if (g->again)
		arm_in(g, REST_MS);
	if (g->due_ms)
		arm_in(g, g->due_ms > now_ms ? (uint64_t)(g->due_ms - now_ms) : 0);
}

/* ---- the whole look ---- */

static void end_look(struct garbage *g)
{
	struct engine *engine = g->engine;

	g->busy = false;
	g->seen_ms = loop_now_ms(engine->loop);
	arm_next(g);
	pending_end(&engine->under_way);
}

static void run_write(struct work *work)
{
	unused_images_write(&container_of(work, struct garbage, work)->unused);
}

static void on_written(struct work *work)
{
	end_look(container_of(work, struct garbage, work));
}

static bool realm_is_there(void *ctx, const char *realm)
{
	return engine_find(ctx, realm);
}

static void end_walk(struct garbage *g)
{
	if (!g->stopped)
		unused_images_keep_realms(&g->unused, realm_is_there, g->engine);
	if (unused_images_prepare(&g->unused))
		loop_work(g->engine->loop, &g->work, run_write, on_written);
	else
		end_look(g);
}

static void run_load(struct work *work)
{
	unused_images_load(&container_of(work, struct garbage, work)->unused);
}

static void on_loaded(struct work *work)
{
	struct garbage *g = container_of(work, struct garbage, work);

	g->loaded = true;
	look_at_next_realm(g);
}

static void on_due(struct timer *timer)
{
	struct garbage *g = container_of(timer, struct garbage, timer);

	g->busy = true;
	g->again = false;
	g->due_ms = 0;
	pending_begin(&g->engine->under_way);
	if (g->loaded)
		look_at_next_realm(g);
	else
		loop_work(g->engine->loop, &g->work, run_load, on_loaded);
}

/* ---- one realm ---- */

/* The first whose name follows; @after NULL: of all. There are few. */
static struct object *next_realm(struct engine *engine, const char *after)
{
	struct object *realm, *next = NULL;

	list_for_each(realm, &engine->realms, realm_link)
		if ((!after || strcmp(realm->key, after) > 0) &&
		    (!next || strcmp(realm->key, next->key) < 0))
			next = realm;
	return next;
}

static void tell_removed(struct garbage *g)
{
	if (g->removed.n)
		record_images_removed(g->engine, g->realm, g->removed.items, g->removed.n,
				      g->removed_bytes);
	strv_fini(&g->removed);
	g->removed_bytes = 0;
}

static void leave_realm(struct garbage *g)
{
	tell_removed(g);
	image_users_fini(&g->users);
	image_facts_fini(&g->facts);
	look_at_next_realm(g);
}

/* The users as they are now, on a view that is complete. */
static bool know_users(struct garbage *g)
{
	const struct object *realm = engine_find(g->engine, g->realm);

	if (!realm || g->stopped || image_users_unknown(g->engine, realm))
		return false;
	image_users_fini(&g->users);
	image_users_find(g->engine, realm, &g->facts, &g->users);
	return true;
}

/* The users are found anew before they are asked again. */
static void forget_fact(struct garbage *g)
{
	struct image_fact *fact = &g->facts.items[g->at];

	unused_images_forget(&g->unused, g->realm, fact->name);
	g->removed_bytes += fact->size;
	strv_add(&g->removed, fact->name);
	image_fact_fini(fact);
	g->facts.n--;
	memmove(fact, fact + 1, (g->facts.n - g->at) * sizeof(*fact));
}

static void on_removed(struct call *call)
{
	struct garbage *g = container_of(call, struct garbage, call);

	if (call->status < 0) {
		log_warning("image %s, which nobody uses, cannot be removed: %s realm=%s",
			    g->facts.items[g->at].name, call->err.msg, g->realm);
		g->again = true;
		return leave_realm(g);
	}
	forget_fact(g);
	if (g->removed.n < REMOVED_AT_ONCE)
		return remove_next(g);
	g->again = true;
	leave_realm(g);
}

/* A cell may have come since the one before went. */
static void remove_next(struct garbage *g)
{
	struct image_driver *images = g->engine->images;
	const struct image_fact *fact;

	if (!know_users(g)) {
		g->again = true;
		return leave_realm(g);
	}
	g->at = garbage_find_oldest(g);
	if (g->at == g->facts.n)
		return leave_realm(g);
	fact = &g->facts.items[g->at];
	call_init(&g->call, g->engine->loop, on_removed);
	images->ops->remove(images, g->namespace_, fact->name, fact->digest, &g->call);
}

static void on_listed(struct call *call)
{
	struct garbage *g = container_of(call, struct garbage, call);

	if (call->status < 0) {
		g->again = true;
		return leave_realm(g);
	}
	unused_images_keep(&g->unused, g->realm, &g->facts);
	remove_next(g);
}

static void look_at_next_realm(struct garbage *g)
{
	struct object *realm = g->stopped ? NULL : next_realm(g->engine, g->realm);
	struct image_driver *images = g->engine->images;

	free(take_ptr(g->realm));
	free(take_ptr(g->namespace_));
	if (!realm)
		return end_walk(g);
	g->realm = xstrdup(realm->key);
	g->namespace_ = engine_namespace(realm);
	call_init(&g->call, g->engine->loop, on_listed);
	images->ops->list(images, g->namespace_, &g->facts, &g->call);
}

/* ---- life ---- */

void image_garbage_init(struct engine *engine, const struct image_limits *limits)
{
	struct garbage *g;

	if (!engine->images || (!limits->max_bytes && !limits->max_ms))
		return;
	g = engine->garbage = xnew(struct garbage);
	g->engine = engine;
	g->limits = *limits;
	g->watcher.on_change = on_change;
	if (engine->run_path) /* no realm can have a name with a dot */
		g->unused.path = xasprintf("%s/images.unused", engine->run_path);
	list_append(&engine->watchers, &g->watcher.link);
}

void image_garbage_start(struct engine *engine)
{
	if (engine->garbage)
		note_change(engine->garbage);
}

void image_garbage_hint(struct engine *engine)
{
	if (engine->garbage)
		note_change(engine->garbage);
}

void image_garbage_stop(struct engine *engine)
{
	struct garbage *g = engine->garbage;

	if (!g)
		return;
	g->stopped = true;
	timer_stop(&g->timer);
	list_remove(&g->watcher.link);
}

void image_garbage_fini(struct engine *engine)
{
	struct garbage *g = engine->garbage;

	if (!g)
		return;
	check(!g->busy);
	unused_images_fini(&g->unused);
	free(g);
	engine->garbage = NULL;
}
