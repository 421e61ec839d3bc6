/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc/wire/feed.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/rpc/wire/exchange.h"

struct rpc_feed {
	int fd;
	pthread_mutex_t mutex;         /* of what follows */
	struct rpc_exchange *exchange; /* NULL: the stream is not open, or not any more */
	void *tag;
	bool sending;   /* the tag is out */
	bool broken;    /* a message did not leave: the end, or another try, follows */
	bool cancelled; /* asked for */
	bool ended;
};

struct rpc_feed *rpc_feed_new(void)
{
	struct rpc_feed *feed = xnew(struct rpc_feed);

	feed->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	check(feed->fd >= 0);
	check(pthread_mutex_init(&feed->mutex, NULL) == 0);
	return feed;
}

void rpc_feed_free(struct rpc_feed *feed)
{
	if (!feed)
		return;
	check(!feed->exchange);
	close(feed->fd);
	pthread_mutex_destroy(&feed->mutex);
	free(feed);
}

static void tell(const struct rpc_feed *feed)
{
	check(eventfd_write(feed->fd, 1) == 0);
}

int rpc_feed_fd(const struct rpc_feed *feed)
{
	return feed->fd;
}

enum rpc_feed_state rpc_feed_state(struct rpc_feed *feed)
{
	enum rpc_feed_state state = RPC_FEED_BUSY;
	eventfd_t ignored;

	eventfd_read(feed->fd, &ignored); /* first: what comes after is told again */
	pthread_mutex_lock(&feed->mutex);
	if (feed->ended)
		state = RPC_FEED_ENDED;
	else if (feed->exchange && !feed->sending && !feed->broken)
		state = RPC_FEED_WRITABLE;
	pthread_mutex_unlock(&feed->mutex);
	return state;
}

/* The other thread may receive meanwhile: of gRPC's batches only those of one kind exclude each
 * other. */
void rpc_feed_send(struct rpc_feed *feed, const ProtobufCMessage *message)
{
	pthread_mutex_lock(&feed->mutex);
	if (feed->exchange && !feed->broken) {
		check(!feed->sending);
		feed->sending = true;
		rpc_exchange_start_send(feed->exchange, message, feed->tag);
	}
	pthread_mutex_unlock(&feed->mutex);
}

void rpc_feed_cancel(struct rpc_feed *feed)
{
	pthread_mutex_lock(&feed->mutex);
	feed->cancelled = true;
	if (feed->exchange)
		grpc_call_cancel(feed->exchange->grpc, NULL);
	pthread_mutex_unlock(&feed->mutex);
}

void rpc_feed_open(struct rpc_feed *feed, struct rpc_exchange *exchange, void *tag)
{
	pthread_mutex_lock(&feed->mutex);
	feed->exchange = exchange;
	feed->tag = tag;
	feed->sending = true;
	feed->broken = false;
	if (feed->cancelled)
		grpc_call_cancel(exchange->grpc, NULL);
	pthread_mutex_unlock(&feed->mutex);
}

int rpc_feed_sent(struct rpc_feed *feed, bool ok)
{
	bool open;

	pthread_mutex_lock(&feed->mutex);
	feed->sending = false;
	open = feed->exchange;
	feed->broken = !ok && open;
	pthread_mutex_unlock(&feed->mutex);
	tell(feed);
	return open ? 0 : 1;
}

int rpc_feed_shut(struct rpc_feed *feed)
{
	bool sending;

	pthread_mutex_lock(&feed->mutex);
	feed->exchange = NULL;
	sending = feed->sending;
	pthread_mutex_unlock(&feed->mutex);
	return sending ? 1 : 2;
}

void rpc_feed_end(struct rpc_feed *feed)
{
	pthread_mutex_lock(&feed->mutex);
	feed->ended = true;
	pthread_mutex_unlock(&feed->mutex);
	tell(feed);
}
