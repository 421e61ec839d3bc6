/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/changes/api_mutation.h"

#include <errno.h>
#include <stdarg.h>

#include "core/base/log.h"
#include "core/base/wall.h"
#include "core/desired/desired.h"
#include "core/manifest/manifest.h"
#include "core/status/record.h"
#include "core/status/status.h"

enum { RESULT_MESSAGE_BYTES = 4096 };

/* ---- the queue ---- */

static void on_turn(struct deferred *deferred)
{
	struct mutation *m = container_of(deferred, struct mutation, turn);

	m->start(m);
}

static void give_turn(struct api *api)
{
	struct pending_reply *first = reply_queue_first(&api->changes.queue);

	if (!first)
		return;
	api->changes.first = container_of(first, struct mutation, reply);
	loop_defer(api->options.engine->loop, &api->changes.first->turn, on_turn);
}

static void claims_free(struct mutation *m)
{
	for (size_t i = 0; i < m->n_claims; i++) {
		free(m->claims[i].key);
		protobuf_c_message_free_unpacked(m->claims[i].message, NULL);
	}
	free(m->claims);
	m->claims = NULL;
	m->n_claims = 0;
}

void mutation_discard(struct mutation *m)
{
	store_changes_free(m->files, m->n_files);
	m->files = NULL;
	m->n_files = 0;
	claims_free(m);
	m->n_committed = m->n_results;
}

/* Whoever asked has an answer, is gone, or was told that kukeond stops. */
static void on_ended(struct pending_reply *reply)
{
	struct mutation *m = container_of(reply, struct mutation, reply);
	struct api *api = m->api;
	bool first = api->changes.first == m;

	mutation_discard(m);
	for (size_t i = 0; i < m->n_results; i++)
		protobuf_c_message_free_unpacked(&m->results[i]->base, NULL);
	free(m->results);
	deferred_cancel(&m->turn);
	free(m);
	if (!first)
		return;
	api->changes.first = NULL;
	if (!api->replies.stopping)
		give_turn(api);
}

void mutation_begin(struct api *api, struct rpc_server_call *call, const ProtobufCMessage *request,
		    mutation_fn start)
{
	static const struct reply_kind kind = { .ended = on_ended };
	struct mutation *m = xnew(struct mutation);

	m->api = api;
	m->start = start;
	reply_begin(&m->reply, &api->replies, &kind, call, request);
	reply_wait(&m->reply, &api->changes.queue, 0);
	if (!api->changes.first)
		give_turn(api);
}

void mutation_reply(struct mutation *m, const ProtobufCMessage *reply)
{
	reply_send(&m->reply, reply);
}

void mutation_fail(struct mutation *m, const struct error *err)
{
	reply_fail(&m->reply, err);
}

void api_open_changes(struct api *api)
{
	reply_queue_init(&api->changes.queue, api->options.engine->loop, NULL);
}

/* ---- what is to change ---- */

Api__Result *mutation_result(struct mutation *m, const char *key, Api__Outcome outcome,
			     const char *fmt, ...)
{
	Api__Result *result = xnew(Api__Result);
	char message[RESULT_MESSAGE_BYTES];
	va_list args;

	va_start(args, fmt);
	str_vprint(message, sizeof(message), fmt, args);
	va_end(args);
	api__result__init(result);
	result->has_kind = result->has_outcome = true;
	result->kind = model_api_kind(key_kind(key));
	result->key = xstrdup(key);
	result->outcome = outcome;
	result->message = *message ? xstrdup(message) : NULL;
	m->results = xrealloc(m->results, (m->n_results + 1) * sizeof(*m->results));
	m->results[m->n_results++] = result;
	return result;
}

static void add_file(struct mutation *m, const char *key, char *text)
{
	m->files = xrealloc(m->files, (m->n_files + 1) * sizeof(*m->files));
	m->files[m->n_files++] = (struct store_change){ store_file_path(key), text };
}

static void add_claim(struct mutation *m, const char *key, ProtobufCMessage *message)
{
	m->claims = xrealloc(m->claims, (m->n_claims + 1) * sizeof(*m->claims));
	m->claims[m->n_claims++] = (struct mutation_claim){ xstrdup(key), message };
}

void mutation_set(struct mutation *m, enum kind kind, const char *key, ProtobufCMessage *message)
{
	struct engine *engine = m->api->options.engine;
	ProtobufCMessage *stored =
		status_render_accepted(engine, engine_find(engine, key), kind, message);
	struct buf text = { 0 };

	manifest_emit_yaml(stored, &text);
	protobuf_c_message_free_unpacked(stored, NULL);
	add_file(m, key, text.data);
	add_claim(m, key, message);
}

void mutation_drop(struct mutation *m, const char *key)
{
	add_file(m, key, NULL);
	add_claim(m, key, NULL);
}

void mutation_write(struct mutation *m, const char *key, char *text)
{
	add_file(m, key, text);
}

/* ---- commit ---- */

static void note_written(struct object *object)
{
	struct object_status *status = object ? &object->status : NULL;

	if (!status) /* a purge came first */
		return;
	status->updated_ms = wall_now_ms();
	if (!status->created_ms)
		status->created_ms = status->updated_ms;
}

static void apply_claims(struct mutation *m)
{
	struct engine *engine = m->api->options.engine;

	for (size_t i = 0; i < m->n_claims; i++) {
		struct mutation_claim *claim = &m->claims[i];
		struct object *object = engine_find(engine, claim->key);

		if (claim->message) {
			desired_set_api(engine, claim->key, take_ptr(claim->message));
			note_written(engine_find(engine, claim->key));
		} else if (object) {
			desired_drop_api(engine, object);
		}
	}
	if (m->also)
		m->also(m);
}

static enum record_reason request_reason(const struct mutation *m, const Api__Result *result)
{
	static const enum record_reason verbs[] = {
		[API__RUN_VERB__RUN_VERB_START] = RECORD_START_REQUESTED,
		[API__RUN_VERB__RUN_VERB_STOP] = RECORD_STOP_REQUESTED,
		[API__RUN_VERB__RUN_VERB_KILL] = RECORD_KILL_REQUESTED,
		[API__RUN_VERB__RUN_VERB_RESTART] = RECORD_RESTART_REQUESTED,
	};

	switch (result->outcome) {
	case API__OUTCOME__OUTCOME_CREATED:
		return RECORD_CREATE_REQUESTED;
	case API__OUTCOME__OUTCOME_UPDATED:
		return RECORD_UPDATE_REQUESTED;
	case API__OUTCOME__OUTCOME_DELETED:
	case API__OUTCOME__OUTCOME_WITHDRAWN:
		return RECORD_DELETE_REQUESTED;
	case API__OUTCOME__OUTCOME_ACCEPTED:
		return verbs[((const Api__RunRequest *)m->reply.request)->verb];
	default:
		return RECORD_REASON_COUNT;
	}
}

/* Who asked for what is going to happen. */
static void tell_part(const struct mutation *m)
{
	uid_t uid = rpc_server_call_peer(m->reply.call).uid;

	for (size_t i = m->n_committed; i < m->n_results; i++) {
		const Api__Result *result = m->results[i];
		enum record_reason reason = request_reason(m, result);

		if (reason < RECORD_REASON_COUNT)
			record_request(m->api->options.engine, reason, result->key, uid,
				       result->changes, result->n_changes);
	}
}

/* What was to change has not: say so in the place of what it would have become. */
static void fail_part(struct mutation *m, const struct error *err)
{
	for (size_t i = m->n_committed; i < m->n_results; i++) {
		Api__Result *result = m->results[i];

		if (result->outcome == API__OUTCOME__OUTCOME_FAILED)
			continue;
		result->outcome = API__OUTCOME__OUTCOME_FAILED;
		free(result->message);
		result->message =
			xasprintf("cannot be stored, so nothing was changed: %s", err->msg);
	}
}

static void on_stored(void *ctx, const struct error *err)
{
	struct mutation *m = ctx;
	mutation_fn then = m->then;

	if (err) {
		fail_part(m, err);
	} else {
		tell_part(m);
		apply_claims(m);
	}
	m->then = m->also = NULL;
	mutation_discard(m);
	if (reply_release(&m->reply))
		then(m);
}

static void on_nothing_to_store(struct deferred *deferred)
{
	on_stored(container_of(deferred, struct mutation, turn), NULL);
}

void mutation_commit(struct mutation *m, mutation_fn then)
{
	struct engine *engine = m->api->options.engine;

	m->then = then;
	m->reply.held = true;
	if (!engine->store || !m->n_files) {
		loop_defer(engine->loop, &m->turn, on_nothing_to_store);
		return;
	}
	store_change(engine->store, m->files, m->n_files, rpc_server_call_gone(m->reply.call),
		     on_stored, m);
	m->files = NULL;
	m->n_files = 0;
}
