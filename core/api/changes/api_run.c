/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run: start, stop, kill and restart of cells and containers. What was asked is an intent beside
 * the spec (core/state/object.h), kept in the store with the status of its cell. A restart is kept
 * with the pid of the run that it shall end: after a crash it goes on, and nothing is restarted
 * twice.
 */
#include "core/api/changes/api_mutation.h"
#include "core/desired/desired.h"
#include "core/desired/run_order.h"
#include "core/model/view.h"
#include "core/status/status.h"
#include "core/store/internal.h"

/* What a request names: a cell, or one container of it. */
struct target {
	struct object *cell;
	struct container *container; /* NULL: the cell as a whole */
	Api__RunVerb verb;
	bool pull; /* with a restart */
};

static const Api__RunRequest *request_of(const struct mutation *m)
{
	return (const Api__RunRequest *)m->reply.request;
}

static bool find_target(struct mutation *m, const char *key, struct target *ret)
{
	AUTO_FREE char *cell_key = key_kind(key) == KIND_CONTAINER ? key_parent(key) : xstrdup(key);
	struct object *cell = engine_find(m->api->options.engine, cell_key);

	*ret = (struct target){ .cell = cell,
				.verb = request_of(m)->verb,
				.pull = request_of(m)->pull };
	if (!cell || !cell->wanted)
		return false;
	if (key_kind(key) == KIND_CONTAINER)
		ret->container = api_find_container(cell, key_name(key));
	return key_kind(key) == KIND_CELL || ret->container;
}

static bool is_stop(enum run_intent intent)
{
	return intent == INTENT_STOP || intent == INTENT_KILL;
}

static bool lives(const struct container *c)
{
	return c->task != TASK_NONE && c->task != TASK_STOPPED;
}

static bool any_lives(const struct target *t)
{
	struct container *c;

	if (t->container)
		return lives(t->container);
	list_for_each(c, &t->cell->cell.containers, link)
		if (lives(c))
			return true;
	return false;
}

/* ---- what changes ---- */

static enum run_intent intent_of(Api__RunVerb verb)
{
	static const enum run_intent intents[] = {
		[API__RUN_VERB__RUN_VERB_START] = INTENT_RUN,
		[API__RUN_VERB__RUN_VERB_STOP] = INTENT_STOP,
		[API__RUN_VERB__RUN_VERB_KILL] = INTENT_KILL,
		[API__RUN_VERB__RUN_VERB_RESTART] = INTENT_RESTART,
	};

	return intents[verb];
}

static struct run_order order_of(const struct target *t)
{
	return (struct run_order){ .cell = t->cell,
				   .container = t->container,
				   .intent = intent_of(t->verb),
				   .pull = t->pull };
}

static bool concerns_cell(const struct target *t)
{
	const struct run_order order = order_of(t);

	return run_order_concerns_cell(&order);
}

/* Something of it was stopped, has given up, or waits for its next try. */
static bool start_changes(const struct target *t)
{
	struct container *c;

	if (!t->container && t->cell->cell.run != INTENT_RUN)
		return true;
	list_for_each(c, &t->cell->cell.containers, link)
		if ((!t->container || c == t->container) && c->spec &&
		    (c->run != INTENT_RUN || c->task != TASK_RUNNING))
			return true;
	return false;
}

static enum run_intent current(const struct target *t)
{
	return t->container ? t->container->run : t->cell->cell.run;
}

/* It is so already. */
static bool nothing_to_do(const struct target *t)
{
	switch (t->verb) {
	case API__RUN_VERB__RUN_VERB_START:
		return !start_changes(t);
	case API__RUN_VERB__RUN_VERB_STOP:
		return is_stop(current(t));
	case API__RUN_VERB__RUN_VERB_KILL:
		return current(t) == INTENT_KILL || (is_stop(current(t)) && !any_lives(t));
	default:
		return false;
	}
}

/* A container cannot run in a cell that is stopped: NULL, or why. */
static char *in_the_way(const struct target *t)
{
	const char *name = key_name(t->cell->key);

	if (!t->container || is_stop(intent_of(t->verb)))
		return NULL;
	if (is_stop(t->cell->cell.run))
		return xasprintf("its cell is stopped; 'kuke start cell %s' starts it", name);
	if (is_stop(cell_intent(t->cell)) && !container_is_root(t->container))
		return xasprintf("the root container of its cell is stopped; 'kuke start cell %s' "
				 "starts both",
				 name);
	return NULL;
}

/* ---- how it is kept ---- */

static void future_status(const struct target *t, const struct container *c,
			  Api__ContainerStatus *status)
{
	enum run_intent intent = intent_of(t->verb);
	bool whole = concerns_cell(t);

	if (!whole && c != t->container)
		return;
	status->has_pull_requested = status->pull_requested = t->pull && intent == INTENT_RESTART;
	if (!whole)
		str_replace(&status->intent, intent_name(intent));
	else if (!is_stop(intent))
		str_replace(&status->intent, NULL);
	if (intent != INTENT_RESTART)
		return;
	status->has_pid = c->run_pid != 0;
	status->pid = c->run_pid;
}

/* The cell's document with the intents as they will be. */
static char *future_text(const struct engine *engine, const struct target *t)
{
	ProtobufCMessage *message = status_render_stored(engine, t->cell);
	Api__CellStatus *status = ((Api__Cell *)message)->status;
	const struct container *c;
	char *text;
	size_t i = 0;

	if (concerns_cell(t))
		str_replace(&status->intent, intent_name(intent_of(t->verb)));
	list_for_each(c, &t->cell->cell.containers, link)
		future_status(t, c, status->containers[i++]);
	text = internal_text(t->cell, &t->cell->identity, message);
	protobuf_c_message_free_unpacked(message, NULL);
	return text;
}

static void reply(struct mutation *m)
{
	Api__RunResponse reply = API__RUN_RESPONSE__INIT;

	reply.result = m->results[0];
	mutation_reply(m, &reply.base);
}

/* It is on disk. The world has moved on meanwhile: look anew. */
static void take_effect(struct mutation *m)
{
	struct engine *engine = m->api->options.engine;
	struct target target;
	struct run_order order;

	if (!find_target(m, m->results[0]->key, &target))
		return;
	order = order_of(&target);
	run_order_apply(engine, &order);
	engine_changed(engine, target.cell, false);
	engine_enqueue(engine, target.cell);
}

/* ---- the daemon itself ---- */

static void run_self(struct mutation *m)
{
	const struct self_control *self = &m->api->options.self;
	void *ctx = self->ctx;
	void (*act)(void *) = NULL;

	switch (request_of(m)->verb) {
	case API__RUN_VERB__RUN_VERB_STOP:
		act = self->stop;
		break;
	case API__RUN_VERB__RUN_VERB_KILL:
		act = self->kill;
		break;
	case API__RUN_VERB__RUN_VERB_RESTART:
		act = self->restart;
		break;
	default:
		break;
	}
	mutation_result(m, SELF_KEY,
			act ? API__OUTCOME__OUTCOME_ACCEPTED : API__OUTCOME__OUTCOME_UNCHANGED,
			"%s", "");
	reply(m);
	if (act)
		act(ctx);
}

/* ---- the request ---- */

static void run_target(struct mutation *m, const char *key)
{
	struct target target;
	AUTO_FREE char *why = NULL;

	if (!find_target(m, key, &target)) {
		mutation_result(m, key, API__OUTCOME__OUTCOME_NOT_FOUND, "%s", "");
	} else if ((why = in_the_way(&target))) {
		mutation_result(m, key, API__OUTCOME__OUTCOME_FAILED, "%s", why);
	} else if (nothing_to_do(&target)) {
		bool on_its_way = is_stop(intent_of(target.verb)) && any_lives(&target);

		mutation_result(m, key,
				on_its_way ? API__OUTCOME__OUTCOME_ACCEPTED
					   : API__OUTCOME__OUTCOME_UNCHANGED,
				"%s", "");
	} else {
		mutation_result(m, key, API__OUTCOME__OUTCOME_ACCEPTED, "%s", "");
		mutation_write(m, target.cell->key, future_text(m->api->options.engine, &target));
		m->also = take_effect;
	}
	mutation_commit(m, reply);
}

static void start(struct mutation *m)
{
	struct error err;
	AUTO_FREE char *key = api_selector_key(request_of(m)->selector, &err);

	if (!key)
		return mutation_fail(m, &err);
	if (key_kind(key) < KIND_CELL) {
		error_set(&err, -EINVAL,
			  "a %s cannot be started or stopped; cells and containers can",
			  kind_name(key_kind(key)));
		return mutation_fail(m, &err);
	}
	if (self_is_key(key) && engine_find(m->api->options.engine, key))
		return run_self(m);
	run_target(m, key);
}

void api_on_run(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__RunRequest *request = (const Api__RunRequest *)message;
	struct error err;

	if (!request->verb || request->verb > API__RUN_VERB__RUN_VERB_RESTART) {
		error_set(&err, -EINVAL, "the request has no verb that this daemon knows");
		return rpc_server_fail(call, err.code, &err);
	}
	mutation_begin(ctx, call, message, start);
}
