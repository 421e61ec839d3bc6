/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd does not tell when a subscription is in force, has no replay, and its filters are
 * process-wide. So we subscribe, publish an event of our own until it comes back, and only then say
 * "up: look at everything": from then on whatever happens is either in that look or in an event
 * after it.
 *
 * A containerd that is gone ends the stream. One that hangs keeps its connections and says nothing:
 * no clock of ours looks for that, it is asked for its version when somebody waits for what it
 * knows (a call of ours, a query; events_ask()), and every few seconds while a call is under way.
 * When it does not answer in time the stream is dropped, and all is looked at when it is back.
 *
 * What is lost of the events though the stream goes on (it hung for a while and nobody noticed) is
 * found out otherwise: that a process ended, by its cgroup; the rest when the object is worked on,
 * which looks first, when somebody asks and the last full look is old (relist_runtime_if_old()),
 * and at the slow resync.
 */
#include "drivers/ctd/events.h"

#include <errno.h>
#include <stdio.h>

#include "api/containerd.pb-c.h"
#include "core/base/backoff.h"
#include "core/base/log.h"
#include "drivers/ctd/client.h"
#include "drivers/ctd/ctd.h"
#include "drivers/ctd/event_hints.h"
#include "drivers/ctd/methods.h"
#include "drivers/ctd/watch.h"

#define SYNC_TOPIC "/kukeon/sync"
#define SYNC_NAMESPACE "kukeon-sync" /* events need one; it need not exist */

/* What others do or what happens by itself. Creation, start and deletion of tasks is done by us,
 * and the answers to our calls say more: events of them would only make us look again on the way to
 * Ready. */
#define TOPICS                                                                                     \
	"topic~=\"^/tasks/(exit|oom|paused|resumed)$|^/(containers/delete|snapshot/remove)$|^/images/\""

/* A namespace that begins like this is covered by one filter, so that new realms need no new
 * subscription. */
#define NAMESPACE_PREFIX "kukeon-"

enum {
	/* While calls are under way. */
	PROBE_EVERY_MS = 5 * 1000,
	PROBE_TIMEOUT_MS = 5 * 1000, /* not to answer so long is to be away */
	FRESH_MS = 1000,             /* an answer says so long that it does not hang */
};

/* Between events of our own, until one comes back by a new stream; gRPC connects as often. */
static const struct backoff publish_pauses = { .first_ms = 10, .last_ms = 500 };
/* After a stream of events that broke off. */
static const struct backoff subscribe_pauses = { .first_ms = 10, .last_ms = 1000 };

static void subscribe(struct events *events);

static void enter(struct events *events, enum events_state state)
{
	static const char *const names[] = {
		[EVENTS_STOPPED] = "stopped",   [EVENTS_SUBSCRIBING] = "subscribing",
		[EVENTS_GREETING] = "greeting", [EVENTS_UP] = "up",
		[EVENTS_WAITING] = "waiting",
	};

	log_debug("containerd connection from=%s to=%s", names[events->state], names[state]);
	events->state = state;
}

static void tell_down(struct events *events, const struct error *why)
{
	if (events->told_down)
		return;
	events->told_down = true;
	events->listener.on_down(events->listener.ctx, why);
}

static void explain(struct events *events, const char *step, int status, const char *text,
		    struct error *ret_err)
{
	struct client_attempt attempt = { .socket = events->ctd->socket,
					  .step = step,
					  .object = "containerd",
					  .timeout_ms = PROBE_TIMEOUT_MS };

	client_explain(&attempt, status, text, ret_err);
}

/* Ends the stream for a reason of ours; on_stream_end() goes on from there. */
static void drop_stream(struct events *events, const struct error *why)
{
	events->why = *why;
	if (events->streaming)
		rpc_stream_cancel(&events->stream);
}

/* ---- version: at the beginning, and to find out whether containerd hangs ---- */

static void on_version(struct call *call)
{
	struct events *events = container_of(call, struct events, version_call);
	const Ctd__VersionReply *reply = (const Ctd__VersionReply *)events->version.reply;
	struct error why;

	if (call->status == 0 && reply->version) {
		free(events->ctd->version);
		events->ctd->version = xstrdup(reply->version);
	}
	rpc_unary_fini(&events->version);
	if (call->status == 0) {
		events_answered(events);
		events->listener.on_answered(events->listener.ctx);
	}
	if (call->status < 0 && (events->state == EVENTS_UP || events->state == EVENTS_GREETING)) {
		explain(events, "ask for the version", call->status, call->err.msg, &why);
		drop_stream(events, &why);
	} else if (call->status == 0 && events->state == EVENTS_GREETING) {
		events->subscribed = 0;
		events->told_down = false;
		enter(events, EVENTS_UP);
		events->listener.on_up(events->listener.ctx);
	}
	pending_end(&events->ctd->ops.under_way);
}

static void ask_version(struct events *events)
{
	const struct client_scope scope = { .timeout_ms = PROBE_TIMEOUT_MS };
	Ctd__Empty request = CTD__EMPTY__INIT;

	if (events->version_call.pending)
		return;
	events->asked_ms = loop_now_ms(events->ctd->ops.loop);
	pending_begin(&events->ctd->ops.under_way);
	call_init(&events->version_call, events->ctd->ops.loop, on_version);
	client_unary(events->ctd->channel, &version_method, &scope, &request.base, &events->version,
		     &events->version_call);
}

static void on_probe_timer(struct timer *timer)
{
	events_work(container_of(timer, struct events, timer));
}

void events_probe(struct events *events)
{
	if (events->state == EVENTS_UP)
		ask_version(events);
}

void events_answered(struct events *events)
{
	events->answered_ms = loop_now_ms(events->ctd->ops.loop);
}

uint64_t events_ask(struct events *events)
{
	uint64_t now_ms = loop_now_ms(events->ctd->ops.loop);

	if (events->state != EVENTS_UP)
		return 0;
	if (now_ms - events->answered_ms >= FRESH_MS)
		ask_version(events);
	return events->version_call.pending ? now_ms - events->asked_ms + 1 : 0;
}

void events_work(struct events *events)
{
	if (events->state != EVENTS_UP)
		return;
	events_ask(events);
	if (!timer_active(&events->timer))
		timer_start(events->ctd->ops.loop, &events->timer, PROBE_EVERY_MS, on_probe_timer);
}

void events_rest(struct events *events)
{
	if (events->state == EVENTS_UP)
		timer_stop(&events->timer);
}

/* ---- the barrier ---- */

static void on_publish_timer(struct timer *timer);

static void on_published(struct call *call)
{
	struct events *events = container_of(call, struct events, publish_call);
	struct error why;

	rpc_unary_fini(&events->publish);
	if (events->state != EVENTS_STOPPED &&
	    (call->status == -ECONNREFUSED || call->status == -ETIMEDOUT)) {
		explain(events, "publish an event", call->status, call->err.msg, &why);
		tell_down(events, &why);
	} else if (call->status == 0 && events->state == EVENTS_SUBSCRIBING &&
		   backoff_ms(&publish_pauses, events->published) == publish_pauses.last_ms) {
		/* It answers again: this one may be lost, the next one will not be. */
		events->published = 0;
		timer_start(events->ctd->ops.loop, &events->timer, publish_pauses.first_ms,
			    on_publish_timer);
	}
	pending_end(&events->ctd->ops.under_way);
}

/* Publishes until the event comes back: one published before the subscription was in force is lost.
 */
static void on_publish_timer(struct timer *timer)
{
	struct events *events = container_of(timer, struct events, timer);
	const struct client_scope scope = { .namespace_ = SYNC_NAMESPACE,
					    .timeout_ms = PROBE_TIMEOUT_MS };
	Ctd__PublishRequest request = CTD__PUBLISH_REQUEST__INIT;
	Ctd__Any any = CTD__ANY__INIT;

	timer_start(events->ctd->ops.loop, timer, backoff_ms(&publish_pauses, events->published++),
		    on_publish_timer);
	if (events->publish_call.pending)
		return;
	any.type_url = (char *)"kukeon.Sync";
	any.has_value = true;
	any.value.data = (uint8_t *)events->token;
	any.value.len = strlen(events->token);
	request.topic = (char *)SYNC_TOPIC;
	request.event = &any;
	pending_begin(&events->ctd->ops.under_way);
	call_init(&events->publish_call, events->ctd->ops.loop, on_published);
	client_unary(events->ctd->channel, &events_publish_method, &scope, &request.base,
		     &events->publish, &events->publish_call);
}

static bool is_our_token(const struct events *events, const Ctd__Any *any)
{
	return any && any->has_value && any->value.len == strlen(events->token) &&
	       memcmp(any->value.data, events->token, any->value.len) == 0;
}

/* ---- the stream ---- */

static void on_message(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	struct events *events = container_of(stream, struct events, stream);
	const Ctd__Envelope *envelope = (const Ctd__Envelope *)message;

	if (!envelope->topic || !envelope->namespace_)
		return;
	if (!str_equal(envelope->topic, SYNC_TOPIC)) {
		/* Before we are up everything will be looked at anyway. */
		if (events->state == EVENTS_UP || events->state == EVENTS_GREETING)
			hints_tell(&events->listener, envelope);
	} else if (events->state == EVENTS_SUBSCRIBING && is_our_token(events, envelope->event)) {
		timer_stop(&events->timer);
		enter(events, EVENTS_GREETING);
		ask_version(events);
	}
}

static void on_subscribe_timer(struct timer *timer)
{
	subscribe(container_of(timer, struct events, timer));
}

static void after_stream(struct events *events, int status, const struct error *err)
{
	struct error why = events->why;

	events->why.msg[0] = '\0';
	timer_stop(&events->timer);
	enter(events, EVENTS_WAITING);
	if (events->resubscribe) {
		subscribe(events);
		return;
	}
	if (!why.msg[0])
		explain(events, "listen to events", status < 0 ? status : -ECONNREFUSED,
			status < 0 ? err->msg : "the stream ended", &why);
	timer_start(events->ctd->ops.loop, &events->timer,
		    backoff_ms(&subscribe_pauses, events->subscribed++), on_subscribe_timer);
	tell_down(events, &why);
}

static void on_stream_end(struct rpc_stream *stream, int status, const struct error *err)
{
	struct events *events = container_of(stream, struct events, stream);

	events->streaming = false;
	if (events->state != EVENTS_STOPPED)
		after_stream(events, status, err);
	pending_end(&events->ctd->ops.under_way);
}

static void make_filters(const struct events *events, struct strv *filters)
{
	strv_add(filters, "topic==\"" SYNC_TOPIC "\"");
	strv_add(filters, "namespace~=\"^" NAMESPACE_PREFIX "\"," TOPICS);
	for (size_t i = 0; i < events->namespaces.n; i++) {
		AUTO_FREE char *filter =
			xasprintf("namespace==\"%s\"," TOPICS, events->namespaces.items[i]);

		strv_add(filters, filter);
	}
}

static void subscribe(struct events *events)
{
	struct strv filters AUTO(strv_fini) = { 0 };
	const struct client_scope scope = { 0 };
	Ctd__FilterRequest request = CTD__FILTER_REQUEST__INIT;

	watch_open(events);
	enter(events, EVENTS_SUBSCRIBING);
	events->resubscribe = false;
	free(events->token);
	events->token = xasprintf("%d-%llu-%llu", (int)getpid(),
				  (unsigned long long)loop_now_ms(events->ctd->ops.loop),
				  (unsigned long long)++events->serial);
	make_filters(events, &filters);
	request.filters = filters.items;
	request.n_filters = filters.n;
	events->stream = (struct rpc_stream){ .wait_for_ready = true,
					      .on_message = on_message,
					      .on_end = on_stream_end };
	events->streaming = true;
	pending_begin(&events->ctd->ops.under_way);
	client_stream(events->ctd->channel, &events_subscribe_method, &scope, &request.base,
		      &events->stream);
	events->published = 0;
	timer_start(events->ctd->ops.loop, &events->timer, 1, on_publish_timer);
}

void events_add_namespace(struct events *events, const char *namespace_)
{
	if (str_starts_with(namespace_, NAMESPACE_PREFIX))
		return;
	for (size_t i = 0; i < events->namespaces.n; i++)
		if (str_equal(events->namespaces.items[i], namespace_))
			return;
	strv_add(&events->namespaces, namespace_);
	if (!events->streaming)
		return;
	events->resubscribe = true;
	rpc_stream_cancel(&events->stream);
}

/* ---- life ---- */

/* The socket appeared: do not sit out the backoff. */
void events_kick(struct events *events)
{
	if (events->state != EVENTS_SUBSCRIBING)
		return;
	rpc_channel_kick(events->ctd->channel);
	events->published = 0;
	timer_start(events->ctd->ops.loop, &events->timer, 1, on_publish_timer);
}

void events_start(struct events *events, struct ctd *ctd, const struct runtime_listener *listener)
{
	events->ctd = ctd;
	events->listener = *listener;
	events->subscribed = 0;
	subscribe(events);
}

void events_close(struct events *events)
{
	if (events->state != EVENTS_STOPPED)
		enter(events, EVENTS_STOPPED);
	timer_stop(&events->timer);
	watch_close(events);
}

void events_fini(struct events *events)
{
	strv_fini(&events->namespaces);
	free(events->token);
}
