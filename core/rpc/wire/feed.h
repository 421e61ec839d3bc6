/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another thread sends on a stream while rpc_client_stream() (blocking.h) receives on it: both
 * ways at once, each at the pace of its reader. One message is under way each way, so whoever does
 * not read holds up the other end, and nothing grows.
 */
#pragma once

#include <google/protobuf-c/protobuf-c.h>
#include <stdbool.h>

struct rpc_feed;

struct rpc_feed *rpc_feed_new(void);
void rpc_feed_free(struct rpc_feed *feed); /* once rpc_client_stream() has returned */

enum rpc_feed_state {
	RPC_FEED_BUSY,     /* the message before has not left, or the stream has not begun */
	RPC_FEED_WRITABLE, /* one may be sent */
	RPC_FEED_ENDED,    /* the stream is over */
};

/* ---- on the thread that feeds, and no other ---- */

/* Becomes readable when the state may have changed; rpc_feed_state() takes that away. */
int rpc_feed_fd(const struct rpc_feed *feed);
enum rpc_feed_state rpc_feed_state(struct rpc_feed *feed);

/* While it is writable; packed before this returns. Nothing happens when the stream has ended. */
void rpc_feed_send(struct rpc_feed *feed, const ProtobufCMessage *message);

/* On any thread: ends the stream with -ECANCELED, also before it has begun. */
void rpc_feed_cancel(struct rpc_feed *feed);

/* ---- for rpc_client_stream() ---- */

struct rpc_exchange;

/* The stream is open and its first message under way, with @tag. */
void rpc_feed_open(struct rpc_feed *feed, struct rpc_exchange *exchange, void *tag);
/* @tag came back, and how many tags are out no more: none while it may be used again. */
int rpc_feed_sent(struct rpc_feed *feed, bool ok);
/* The status came, the same: @tag is one of them unless it is under way. */
int rpc_feed_shut(struct rpc_feed *feed);
/* No other try follows. */
void rpc_feed_end(struct rpc_feed *feed);
