/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/replies/reply.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/model/model.h"

/* ---- the life of one ---- */

/* The call has its answer, or needs none. May free the replies' owner. */
static void end(struct pending_reply *reply)
{
	struct replies *replies = reply->replies;

	reply_stop_waiting(reply);
	list_remove(&reply->link);
	reply->call = NULL;
	protobuf_c_message_free_unpacked(take_ptr(reply->request), NULL);
	if (reply->kind->ended)
		reply->kind->ended(reply);
	pending_end(&replies->under_way);
}

static void withdraw(struct pending_reply *reply)
{
	struct error err;

	log_info("a request was withdrawn: whoever made it waits no longer");
	error_set(&err, -ECANCELED, "nobody waits for it any more");
	reply_fail(reply, &err);
}

static void on_gone(void *owner)
{
	struct pending_reply *reply = owner;

	if (!reply->held)
		withdraw(reply);
}

bool reply_release(struct pending_reply *reply)
{
	bool gone = atomic_load(rpc_server_call_gone(reply->call));

	reply->held = false;
	if (gone)
		withdraw(reply);
	return !gone;
}

void reply_begin(struct pending_reply *reply, struct replies *replies,
		 const struct reply_kind *kind, struct rpc_server_call *call,
		 const ProtobufCMessage *request)
{
	reply->replies = replies;
	reply->kind = kind;
	reply->call = call;
	reply->request = request ? model_copy(request) : NULL;
	list_append(&replies->all, &reply->link);
	pending_begin(&replies->under_way);
	if (!kind->stream)
		rpc_server_when_gone(call, on_gone, reply);
}

void reply_send(struct pending_reply *reply, const ProtobufCMessage *message)
{
	if (!reply->call)
		return;
	rpc_server_reply(reply->call, message);
	end(reply);
}

void reply_fail(struct pending_reply *reply, const struct error *err)
{
	if (!reply->call)
		return;
	rpc_server_fail(reply->call, err->code, err);
	end(reply);
}

void reply_end_stream(struct pending_reply *reply)
{
	if (reply->held || !reply->call)
		return;
	reply->held = true;
	rpc_server_end(reply->call);
}

void reply_fail_stream(struct pending_reply *reply, const struct error *err)
{
	if (reply->held || !reply->call)
		return;
	reply->held = true;
	rpc_server_fail(reply->call, err->code, err);
}

void reply_closed(struct pending_reply *reply)
{
	end(reply);
}

/* ---- those that wait for the same ---- */

void reply_queue_init(struct reply_queue *queue, struct loop *loop,
		      void (*late)(struct pending_reply *reply))
{
	*queue = (struct reply_queue){ .loop = loop, .late = late };
	list_init(&queue->waiting);
}

struct pending_reply *reply_queue_first(struct reply_queue *queue)
{
	queue->looks++;
	return list_empty(&queue->waiting)
		       ? NULL
		       : list_entry(queue->waiting.next, struct pending_reply, turn);
}

static void on_limit(struct timer *timer)
{
	struct reply_queue *queue = container_of(timer, struct reply_queue, limit);
	uint64_t now_ms = loop_now_ms(queue->loop);
	struct pending_reply *first;

	while ((first = reply_queue_first(queue)) && first->due_ms <= now_ms) {
		queue->late(first);
		check(reply_queue_first(queue) != first);
	}
	if (first)
		timer_start_at(queue->loop, timer, first->due_ms, on_limit);
}

void reply_wait(struct pending_reply *reply, struct reply_queue *queue, uint64_t due_ms)
{
	check(!list_linked(&reply->turn) && reply->call);
	list_append(&queue->waiting, &reply->turn);
	reply->queue = queue;
	reply->due_ms = due_ms;
	if (due_ms && !timer_active(&queue->limit))
		timer_start_at(queue->loop, &queue->limit, due_ms, on_limit);
}

void reply_stop_waiting(struct pending_reply *reply)
{
	struct reply_queue *queue = take_ptr(reply->queue);

	list_remove(&reply->turn);
	if (queue && list_empty(&queue->waiting))
		timer_stop(&queue->limit);
}

/* ---- all of them ---- */

void replies_init(struct replies *replies)
{
	*replies = (struct replies){ 0 };
	list_init(&replies->all);
}

void replies_stop(struct replies *replies)
{
	struct pending_reply *reply;
	struct error err;

	replies->stopping = true;
	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	list_for_each(reply, &replies->all, link) {
		if (reply->kind->whole)
			reply_fail_stream(reply, &err);
		else if (reply->kind->stream)
			reply_end_stream(reply);
		else if (!reply->held)
			reply_fail(reply, &err);
	}
}
