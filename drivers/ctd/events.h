/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to containerd: the event stream, whether it is up, and being back quickly after an
 * outage. */
#pragma once

#include "core/driver/runtime.h"
#include "core/loop/inotify.h"
#include "core/rpc/rpc.h"

enum events_state {
	EVENTS_STOPPED,     /* before start, or closing */
	EVENTS_SUBSCRIBING, /* stream asked for; our own event has not come back yet */
	EVENTS_GREETING,    /* subscribed; asking for the version */
	EVENTS_UP,          /* the listener knows that it can ask */
	EVENTS_WAITING,     /* the stream ended; asked for again when the timer fires */
};

struct events {
	enum events_state state;
	struct ctd *ctd;
	struct runtime_listener listener;
	bool told_down;         /* on_down ran and no on_up since */
	struct strv namespaces; /* of ours whose name the pattern in the filter does not cover */
	bool resubscribe;       /* the filters changed: the stream's end is our own doing */
	struct rpc_stream stream;
	bool streaming;   /* between start and on_end */
	struct error why; /* of an end that we brought about */

	/* The barrier: an event of our own that must come back through the stream. */
	char *token;
	uint64_t serial;
	/* Next Publish; next Subscribe in EVENTS_WAITING; next probe in EVENTS_UP while calls are
	 * under way */
	struct timer timer;
	unsigned published, subscribed; /* in a row */
	struct call publish_call;
	struct rpc_unary publish;

	struct call version_call;
	struct rpc_unary version;
	uint64_t asked_ms, answered_ms; /* loop time: when the version was, and anything at all */

	struct inotify_user inotify;
	int socket_wd; /* on the socket's directory; -1: none */
};

void events_start(struct events *events, struct ctd *ctd, const struct runtime_listener *listener);

/* Lets go of everything; the channel must have been freed. containerd_check_closed() is called when
 * more has ended. */
void events_close(struct events *events);
void events_fini(struct events *events);

/* Makes sure that events of a namespace are heard. */
void events_add_namespace(struct events *events, const char *namespace_);

/* Some call had no answer: find out whether containerd hangs. */
void events_probe(struct events *events);

/* Some call had one. */
void events_answered(struct events *events);

/* Somebody waits for what containerd says: as events_probe(), unless it has answered just now. How
 * long that question has been open, in milliseconds; 0: none is. */
uint64_t events_ask(struct events *events);

/* A call begins: the same, and again from time to time until none is under way. */
void events_work(struct events *events);
void events_rest(struct events *events);
