/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch: the state first, then every change. What a reader has not taken yet waits here, at most
 * QUEUE_MAX events; one who is slower than that is told RESYNC and gets everything anew, so a
 * reader that never reads costs a fixed amount.
 */
#include <errno.h>

#include "core/api_internal.h"

enum { QUEUE_MAX = 1024 };

struct event {
	struct list link; /* struct watch.queue */
	Api__WatchEvent *message;
};

struct watch {
	struct list link; /* struct api.watches */
	struct api *api;
	struct rpc_server_call *call;
	struct engine_watcher watcher;
	Api__WatchRequest *request;
	struct list queue; /* struct event.link */
	size_t queued;
	bool resync; /* the queue overflowed: start over when the reader has taken what is under way
		      */
	Api__WatchEvent__Type type; /* of what is given next */
};

static void event_free(struct event *event)
{
	list_remove(&event->link);
	protobuf_c_message_free_unpacked(&event->message->base, NULL);
	free(event);
}

static void drop_queue(struct watch *watch)
{
	struct event *event;

	list_for_each(event, &watch->queue, link)
		event_free(event);
	watch->queued = 0;
}

static void push(struct watch *watch, Api__WatchEvent__Type type, Api__Object *object)
{
	struct event *event = xnew(struct event);

	event->message = xnew(Api__WatchEvent);
	api__watch_event__init(event->message);
	event->message->has_type = true;
	event->message->type = type;
	event->message->object = object;
	list_append(&watch->queue, &event->link);
	watch->queued++;
}

/* The state, up to SYNCED; not bounded by QUEUE_MAX but by what there is. */
static void give_added(void *ctx, Api__Object *object)
{
	push(ctx, API__WATCH_EVENT__TYPE__ADDED, object);
}

static void push_state(struct watch *watch)
{
	api_select(watch->api->options.engine, watch->request->selector, give_added, watch);
	push(watch, API__WATCH_EVENT__TYPE__SYNCED, NULL);
}

static void pump(struct watch *watch)
{
	struct event *event;

	if (!rpc_server_call_writable(watch->call))
		return;
	if (watch->resync && list_empty(&watch->queue)) {
		watch->resync = false;
		push(watch, API__WATCH_EVENT__TYPE__RESYNC, NULL);
		push_state(watch);
	}
	if (list_empty(&watch->queue))
		return;
	event = list_entry(watch->queue.next, struct event, link);
	rpc_server_send(watch->call, &event->message->base);
	event_free(event);
	watch->queued--;
}

static void give_change(void *ctx, Api__Object *object)
{
	struct watch *watch = ctx;

	push(watch, watch->type, object);
}

static void on_change(struct engine_watcher *watcher, const struct object *object, bool gone)
{
	struct watch *watch = container_of(watcher, struct watch, watcher);

	if (watch->resync)
		return;
	watch->type = gone ? API__WATCH_EVENT__TYPE__DELETED : API__WATCH_EVENT__TYPE__MODIFIED;
	api_select_object(watch->api->options.engine, watch->request->selector, object, give_change,
			  watch);
	if (watch->queued > QUEUE_MAX) {
		drop_queue(watch);
		watch->resync = true;
	}
	pump(watch);
}

static void on_writable(struct rpc_server_call *call UNUSED, void *owner)
{
	pump(owner);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	struct watch *watch = owner;

	list_remove(&watch->watcher.link);
	list_remove(&watch->link);
	drop_queue(watch);
	protobuf_c_message_free_unpacked(&watch->request->base, NULL);
	free(watch);
}

void api_on_watch(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_writable,
							   .on_closed = on_closed };
	const Api__WatchRequest *request = (const Api__WatchRequest *)message;
	struct api *api = ctx;
	struct watch *watch;
	struct error err;

	if (!request->selector || !request->selector->has_kind) {
		error_set(&err, -EINVAL, "the request selects no kind");
		return rpc_server_fail(call, err.code, &err);
	}
	watch = xnew(struct watch);
	watch->api = api;
	watch->call = call;
	watch->request = (Api__WatchRequest *)model_copy(message);
	watch->watcher.on_change = on_change;
	list_init(&watch->queue);
	list_append(&api->watches, &watch->link);
	list_append(&api->options.engine->watchers, &watch->watcher.link);
	rpc_server_stream(call, &handler, watch);
	push_state(watch);
	pump(watch);
}

void api_end_watches(struct api *api)
{
	struct watch *watch;

	list_for_each(watch, &api->watches, link)
		rpc_server_end(watch->call);
}
