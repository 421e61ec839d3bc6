/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are answered later. Whatever a call waits for, its life is this one:
 *
 *   reply_begin()                it waits, and is in the one list of all that do
 *   reply_send(), reply_fail()   it is answered: what it waits for has come about, or its limit
 *                                has passed (struct reply_queue)
 *   the client has gone          nobody is answered
 *   replies_stop()               it is told that kukeond stops
 *
 * and then `ended` of its kind runs, once. A stream lives the same life, but for its messages: it
 * ends when its call is closed, whoever did that.
 */
#pragma once

#include "core/loop/pending.h"
#include "core/rpc/rpc.h"

/* All of one server. */
struct replies {
	struct list all; /* struct pending_reply.link: who waits longest first */
	bool stopping;
	struct pending under_way; /* of these, and what else the owner has to wait for */
};

struct pending_reply;

struct reply_kind {
	/* Nobody waits for it any more; call is NULL. May free what holds @reply. NULL: whoever
	 * owns it finds that out by itself. */
	void (*ended)(struct pending_reply *reply);
	bool stream;
	bool whole; /* a stream that has failed when it is cut short */
};

/* Embedded in what its call has to remember. */
struct pending_reply {
	struct list link; /* struct replies.all */
	struct replies *replies;
	const struct reply_kind *kind;
	struct rpc_server_call *call; /* NULL: it has ended */
	ProtobufCMessage *request;    /* a copy; NULL: none is kept. Gone when it has ended */
	/* It ends by itself, and soon: what it asked for is being stored, or its stream is over.
	 * Nothing else ends it. */
	bool held;

	struct list turn; /* struct reply_queue.waiting; unlinked: it waits for no others */
	struct reply_queue *queue;
	uint64_t due_ms; /* loop time: its limit; 0: none */
	unsigned round;  /* core/api/replies/rounds.h */
};

void replies_init(struct replies *replies);

/* Ends all that may be ended, streams in order; no other begins. Once under_way is at zero, none is
 * left. */
void replies_stop(struct replies *replies);

/* @kind: a static one. @request: NULL when nothing of it is needed later. */
void reply_begin(struct pending_reply *reply, struct replies *replies,
		 const struct reply_kind *kind, struct rpc_server_call *call,
		 const ProtobufCMessage *request);

/* Nothing happens when it has ended. Otherwise it ends, and @reply may be gone afterwards. */
void reply_send(struct pending_reply *reply, const ProtobufCMessage *message);
void reply_fail(struct pending_reply *reply, const struct error *err);

/* What held it is over. False: nobody waits for it any more, and it has ended. */
bool reply_release(struct pending_reply *reply);

/* A stream is over: what was sent arrives, and its call closes. May be said again, and when it is
 * closed. */
void reply_end_stream(struct pending_reply *reply);
void reply_fail_stream(struct pending_reply *reply, const struct error *err);

/* For a stream's on_closed. */
void reply_closed(struct pending_reply *reply);

/*
 * Those that wait for the same, in the order in which they came, so that what comes about looks at
 * those that it ends and at one more, however many there are.
 */
struct reply_queue {
	struct list waiting; /* struct pending_reply.turn */
	struct loop *loop;
	struct timer limit; /* of the first one that has one */
	/* The limit of one has passed: answers it, or takes it out of the queue. */
	void (*late)(struct pending_reply *reply);
	uint64_t looks; /* at replies, so far; for tests */
};

/* @late may be NULL when no reply has a limit. */
void reply_queue_init(struct reply_queue *queue, struct loop *loop,
		      void (*late)(struct pending_reply *reply));

/* @due_ms: loop time, 0 for no limit; who comes later has no earlier one, or waits as long as the
 * one before. */
void reply_wait(struct pending_reply *reply, struct reply_queue *queue, uint64_t due_ms);

/* It has come about, but there is more to wait for. */
void reply_stop_waiting(struct pending_reply *reply);

/* NULL when none waits. */
struct pending_reply *reply_queue_first(struct reply_queue *queue);
