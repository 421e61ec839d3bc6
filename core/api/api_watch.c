/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch: the state first, then every change.
 *
 * What waits for a reader is never a message but the key of an object that changed, so a reader
 * that is slow gets the latest state of each and skips what was in between. At most DIRTY_MAX keys
 * wait; a reader that is slower still is told RESYNC and gets everything anew. The state itself is
 * sent by walking the objects, one at a time as the reader takes them: a reader that never reads
 * costs the same whether there are ten cells or ten thousand.
 */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/api/api_marks.h"
#include "core/model/view.h"

enum { DIRTY_MAX = 1024 };

/* A message on its way: those of one object at a time. */
struct outgoing {
	struct list link; /* struct watch.outbox */
	Api__WatchEvent *message;
};

struct watch {
	struct pending_reply reply;
	struct api *api;
	struct engine_watcher watcher;
	struct api_selection selection;
	struct list outbox; /* struct outgoing.link */
	struct map dirty;   /* struct mark.node */
	struct list order;  /* struct mark.link */
	size_t n_dirty;
	struct map known; /* what was sent as ADDED or MODIFIED and not as DELETED since */
	char *cursor;     /* the state is being sent: up to this key it was; NULL: all was */
	uint64_t since;   /* of the state only what has changed after this version; 0: all of it */
	bool resync;      /* begin anew */
	struct deferred pump;
	Api__WatchEvent__Type type; /* of what is given next */
};

static const Api__WatchRequest *request_of(const struct watch *watch)
{
	return (const Api__WatchRequest *)watch->reply.request;
}

/* ---- messages ---- */

static void outgoing_free(struct outgoing *event)
{
	list_remove(&event->link);
	protobuf_c_message_free_unpacked(&event->message->base, NULL);
	free(event);
}

/* All that had changed by then has been told, or is in the outbox; 0: nothing can be said of it. */
static uint64_t resume_point(const struct watch *watch)
{
	if (watch->cursor || watch->resync)
		return 0;
	if (!list_empty(&watch->order))
		return list_entry(watch->order.next, struct mark, link)->version - 1;
	return watch->api->options.engine->version;
}

static void push(struct watch *watch, Api__WatchEvent__Type type, Api__Object *object)
{
	struct outgoing *event = xnew(struct outgoing);

	event->message = xnew(Api__WatchEvent);
	api__watch_event__init(event->message);
	event->message->has_type = true;
	event->message->type = type;
	event->message->object = object;
	event->message->resource_version = resume_point(watch);
	event->message->has_resource_version = event->message->resource_version != 0;
	list_append(&watch->outbox, &event->link);
}

static void give(void *ctx, Api__Object *object)
{
	struct watch *watch = ctx;
	enum kind kind;
	AUTO_FREE char *key = NULL;

	check(api_object_kind(object, &kind));
	key = model_key(kind, &object->realm->base);
	mark_add(&watch->known, key)->seen = true;
	push(watch, watch->type, object);
}

/* Gone, or no match any more. Its last state is not kept for this: the name is. */
static void push_deleted(struct watch *watch, struct mark *mark)
{
	push(watch, API__WATCH_EVENT__TYPE__TYPE_DELETED, api_object_gone(mark->key));
	mark_free(&watch->known, mark);
}

/* The marks of what was told of one object: itself, or the containers of a cell. */
static struct mark *known_of(const struct watch *watch, const char *key, struct mark *after)
{
	AUTO_FREE char *prefix = xasprintf("%s/", key);
	struct map_node *node;

	if (watch->selection.selector->kind != API__KIND__KIND_CONTAINER)
		return after ? NULL : mark_find(&watch->known, key);
	node = after ? map_next(&after->node) : map_find_from(&watch->known, prefix);
	if (!node || !str_starts_with(node->key, prefix))
		return NULL;
	return map_entry(node, struct mark, node);
}

/* Everything there is to say about one object now. */
static void push_object(struct watch *watch, const char *key)
{
	const struct object *object = engine_find(watch->api->options.engine, key);
	struct mark *mark, *next;

	for (mark = known_of(watch, key, NULL); mark; mark = known_of(watch, key, mark))
		mark->seen = false;
	if (object)
		api_select_object(&watch->selection, object);
	for (mark = known_of(watch, key, NULL); mark; mark = next) {
		next = known_of(watch, key, mark);
		if (!mark->seen)
			push_deleted(watch, mark);
	}
}

/* ---- what has changed since ---- */

/* The reader may know of it, or of all its containers that are there. */
static void note_known(struct watch *watch, const struct object *object)
{
	struct container *c;

	if (watch->selection.selector->kind != API__KIND__KIND_CONTAINER) {
		mark_add(&watch->known, object->key);
		return;
	}
	list_for_each(c, &object->cell.containers, link) {
		AUTO_FREE char *key = xasprintf("%s/%s", object->key, c->name);

		mark_add(&watch->known, key);
	}
}

/* Of containers that a cell has no more, the reader may know, and we do not. */
static bool hides_gone(const struct watch *watch, const struct object *object)
{
	return watch->selection.selector->kind == API__KIND__KIND_CONTAINER &&
	       object->cell.left > watch->since;
}

static void push_since(struct watch *watch, const struct object *object)
{
	if (!object->spec || !api_selects(watch->selection.selector, object->key))
		return;
	watch->resync = hides_gone(watch, object);
	if (watch->resync)
		return;
	note_known(watch, object);
	if (object->version > watch->since)
		push_object(watch, object->key);
}

static void push_gone(struct watch *watch, const struct gone *gone)
{
	const Api__Selector *selector = watch->selection.selector;
	const struct object *object = engine_find(watch->api->options.engine, gone->key);
	struct mark *known = mark_find(&watch->known, gone->key);

	if (gone->version <= watch->since || !api_selects(selector, gone->key) ||
	    (object && object->spec))
		return;
	if (known)
		mark_free(&watch->known, known);
	if (selector->kind == API__KIND__KIND_CONTAINER)
		watch->resync = true;
	else
		push(watch, API__WATCH_EVENT__TYPE__TYPE_DELETED, api_object_gone(gone->key));
}

/* What is gone since, after what is there. */
static void push_all_gone(struct watch *watch)
{
	const struct gone_log *log = &watch->api->gone;
	const struct gone *gone;

	watch->resync |= !gone_log_reaches(log, watch->since);
	for (size_t i = 0; !watch->resync && (gone = gone_log_at(log, i)); i++)
		push_gone(watch, gone);
	watch->since = 0;
}

/* ---- the state ---- */

static void push_of_state(struct watch *watch, struct map_node *node)
{
	free(watch->cursor);
	watch->cursor = xstrdup(node->key);
	if (watch->since)
		push_since(watch, map_entry(node, struct object, node));
	else
		push_object(watch, node->key);
}

/* The next object after the cursor that has something to say; SYNCED after the last. */
static void push_next_of_state(struct watch *watch)
{
	struct map *objects = &watch->api->options.engine->objects;
	struct map_node *node = map_find_from(objects, watch->cursor);

	if (node && str_equal(node->key, watch->cursor))
		node = map_next(node);
	watch->type = watch->since ? API__WATCH_EVENT__TYPE__TYPE_MODIFIED
				   : API__WATCH_EVENT__TYPE__TYPE_ADDED;
	for (; node && list_empty(&watch->outbox) && !watch->resync; node = map_next(node))
		push_of_state(watch, node);
	if (!list_empty(&watch->outbox) || watch->resync)
		return;
	if (watch->since)
		push_all_gone(watch);
	if (watch->resync)
		return;
	free(watch->cursor);
	watch->cursor = NULL;
	push(watch, API__WATCH_EVENT__TYPE__TYPE_SYNCED, NULL);
}

static void drop_dirty(struct watch *watch)
{
	marks_free(&watch->dirty);
	watch->n_dirty = 0;
}

static void begin_state(struct watch *watch)
{
	drop_dirty(watch);
	marks_free(&watch->known);
	watch->since = 0;
	free(watch->cursor);
	watch->cursor = xstrdup("");
}

/* From a version on, if what has gone since is still known. */
static void begin_since(struct watch *watch)
{
	uint64_t since = request_of(watch)->resource_version;

	begin_state(watch);
	watch->since = since;
	watch->resync = since && !gone_log_reaches(&watch->api->gone, since);
}

/* ---- sending ---- */

static void push_change(struct watch *watch)
{
	struct mark *mark = list_entry(watch->order.next, struct mark, link);
	AUTO_FREE char *key = xstrdup(mark->key);

	mark_free(&watch->dirty, mark);
	watch->n_dirty--;
	watch->type = API__WATCH_EVENT__TYPE__TYPE_MODIFIED;
	push_object(watch, key);
}

static void fill_outbox(struct watch *watch)
{
	while (list_empty(&watch->outbox)) {
		if (watch->resync) {
			watch->resync = false;
			begin_state(watch);
			push(watch, API__WATCH_EVENT__TYPE__TYPE_RESYNC, NULL);
		} else if (watch->cursor) {
			push_next_of_state(watch);
		} else if (watch->n_dirty) {
			push_change(watch);
		} else {
			return;
		}
	}
}

static void pump(struct watch *watch)
{
	struct outgoing *event;

	if (!rpc_server_call_writable(watch->reply.call))
		return;
	fill_outbox(watch);
	if (list_empty(&watch->outbox))
		return;
	event = list_entry(watch->outbox.next, struct outgoing, link);
	rpc_server_send(watch->reply.call, &event->message->base);
	outgoing_free(event);
}

static void on_pump(struct deferred *deferred)
{
	pump(container_of(deferred, struct watch, pump));
}

/* ---- changes ---- */

static void on_change(struct engine_watcher *watcher, const struct object *object, bool gone)
{
	struct watch *watch = container_of(watcher, struct watch, watcher);
	enum kind wanted = model_kind(watch->selection.selector->kind);
	struct mark *mark;

	if (object->kind != (wanted == KIND_CONTAINER ? KIND_CELL : wanted) || watch->resync)
		return;
	/* What the state has not come to yet is not news; what it was told of and is gone is. */
	if (watch->cursor && strcmp(object->key, watch->cursor) > 0)
		return;
	if (gone && !known_of(watch, object->key, NULL))
		return;
	mark = mark_add(&watch->dirty, object->key);
	if (!list_linked(&mark->link)) {
		mark->version = object->version;
		list_append(&watch->order, &mark->link);
		watch->n_dirty++;
	}
	if (watch->n_dirty > DIRTY_MAX) {
		drop_dirty(watch);
		watch->resync = true;
	}
	/* Not from in here: a forgotten object is still in the map. */
	loop_defer(watch->api->options.engine->loop, &watch->pump, on_pump);
}

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	pump(owner);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	reply_closed(&((struct watch *)owner)->reply);
}

static void on_ended(struct pending_reply *reply)
{
	struct watch *watch = container_of(reply, struct watch, reply);
	struct outgoing *event;

	list_remove(&watch->watcher.link);
	deferred_cancel(&watch->pump);
	list_for_each(event, &watch->outbox, link)
		outgoing_free(event);
	drop_dirty(watch);
	marks_free(&watch->known);
	free(watch->cursor);
	api_selection_fini(&watch->selection);
	free(watch);
}

void api_on_watch(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_writable,
							   .on_closed = on_closed };
	static const struct reply_kind kind = { .ended = on_ended, .stream = true };
	struct api *api = ctx;
	struct watch *watch = xnew(struct watch);
	struct error err;

	api_ask_runtime(api);
	list_init(&watch->outbox);
	list_init(&watch->order);
	reply_begin(&watch->reply, &api->replies, &kind, call, message);
	if (api_selection_init(&watch->selection, api, request_of(watch)->selector, &err) < 0)
		return reply_fail(&watch->reply, &err);
	watch->selection.give = give;
	watch->selection.ctx = watch;
	watch->api = api;
	watch->watcher.on_change = on_change;
	list_append(&api->options.engine->watchers, &watch->watcher.link);
	rpc_server_stream(call, &handler, watch);
	begin_since(watch);
	pump(watch);
}
