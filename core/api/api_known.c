/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about what is wait until it is known.
 *
 * In the first moments of a daemon nothing has been looked at yet, and the request itself may have
 * started it: they wait until the host has been looked at, what was seen has been judged and what
 * follows from that is done. Later they wait until containerd has shown that it answers, and what
 * it says where the last look is old. For a moment at most: where something does not answer, or
 * takes its time, the answer says so.
 *
 * What egress policies made the kernel drop, the kernel is asked for.
 */
#include "core/api/api_internal.h"
#include "core/network/filter.h"
#include "core/network/network_egress.h"
#include "core/reconcile/relist.h"

enum { LIMIT_MS = 3000 }; /* so long a status waits for the first look */

/* A call, and what it still wants to be known. */
struct question {
	struct pending_reply reply;
	struct api *api;
	unsigned wants; /* enum api_known */
	api_answer_fn answer;
};

static void on_ended(struct pending_reply *reply)
{
	free(container_of(reply, struct question, reply));
}

static const struct reply_kind question_kind = { .ended = on_ended };

/* ---- the host, and containerd ---- */

/* Spaces are not Ready before they are in the packet filter. */
static bool filter_was_tried(const struct engine *engine)
{
	return engine->filter->applied || engine->filter->failures || !engine->objects.count;
}

/* Once the first look is over it stays so. */
static bool is_over(struct api *api)
{
	const struct engine *engine = api->options.engine;

	api->look.over |= loop_now_ms(engine->loop) >= api->look.limit_ms ||
			  (engine_has_relisted(engine) && filter_was_tried(engine) &&
			   list_empty(&engine->queue.ready) && list_empty(&engine->runs));
	return api->look.over;
}

/* Whether containerd has answered since it was asked, and what it said has been judged. */
static bool runtime_is_known(struct api *api)
{
	struct engine *engine = api->options.engine;

	return engine->runtime->ops->ask(engine->runtime) == 0 &&
	       (!relist_runtime_is_under_way(engine) || engine->relist_problems.runtime.err.code);
}

static bool is_looked_at(struct api *api)
{
	return is_over(api) && runtime_is_known(api);
}

static void ask_on(struct question *question);

/* Something has come about. */
static void look(struct progress_waiter *waiter)
{
	struct api *api = container_of(waiter, struct api, look.progress);
	struct engine *engine = api->options.engine;
	bool known = is_looked_at(api) && list_empty(&engine->queue.ready);
	struct pending_reply *reply;

	while ((reply = reply_queue_first(&api->look.queue)) && known) {
		reply_stop_waiting(reply);
		ask_on(container_of(reply, struct question, reply));
	}
	if (reply)
		progress_await(&engine->progress, &api->look.progress, look);
}

/* The answer says what is not known. */
static void look_is_late(struct pending_reply *reply)
{
	reply_stop_waiting(reply);
	ask_on(container_of(reply, struct question, reply));
}

static void wait_for_look(struct question *question)
{
	struct api *api = question->api;
	struct engine *engine = api->options.engine;
	uint64_t due_ms = loop_now_ms(engine->loop) + API_SILENT_MS;

	if (!api->look.over && due_ms < api->look.limit_ms)
		due_ms = api->look.limit_ms;
	reply_wait(&question->reply, &api->look.queue, due_ms);
	progress_await(&engine->progress, &api->look.progress, look);
}

void api_ask_runtime(struct api *api)
{
	struct engine *engine = api->options.engine;

	engine->runtime->ops->ask(engine->runtime);
	relist_runtime_if_old(engine);
}

/* ---- what was dropped ---- */

/* The kernel is being asked. Outlives the API when that closes: the driver ends it. */
struct drops_question {
	struct api *api; /* NULL: it has closed */
	struct engine *engine;
	struct filter_drops drops;
	struct call call;
};

static void on_dropped(struct api *api)
{
	struct pending_reply *reply;

	api->drops.question = NULL;
	while ((reply = rounds_next(&api->drops.rounds))) {
		reply_stop_waiting(reply);
		ask_on(container_of(reply, struct question, reply));
	}
	rounds_over(&api->drops.rounds);
}

/* Counters that cannot be read are no reason to say nothing: what was known of them is said. */
static void on_drops(struct call *call)
{
	struct drops_question *question = container_of(call, struct drops_question, call);

	if (question->api && call->status == 0)
		egress_note_drops(question->engine, &question->drops);
	if (question->api)
		on_dropped(question->api);
	filter_drops_fini(&question->drops);
	free(question);
}

static void ask_for_drops(struct rounds *rounds)
{
	struct api *api = container_of(rounds, struct api, drops.rounds);
	struct engine *engine = api->options.engine;
	struct drops_question *question = xnew(struct drops_question);

	question->api = api;
	question->engine = engine;
	api->drops.question = question;
	call_init(&question->call, engine->loop, on_drops);
	engine->network->ops->filter_drops(engine->network, &question->drops, &question->call);
}

/* ---- the call ---- */

/* One thing after the other. */
static void ask_on(struct question *question)
{
	struct api *api = question->api;
	unsigned wants = question->wants;

	question->wants = wants & (wants - 1);
	if (wants & API_KNOWN_LOOKED && !is_looked_at(api))
		wait_for_look(question);
	else if (wants & API_KNOWN_LOOKED)
		ask_on(question);
	else if (wants & API_KNOWN_DROPPED && egress_any(api->options.engine))
		rounds_join(&api->drops.rounds, &question->reply, 0);
	else
		question->answer(api, &question->reply);
}

void api_when_known(struct api *api, struct rpc_server_call *call, const ProtobufCMessage *request,
		    unsigned wants, api_answer_fn answer)
{
	struct question *question = xnew(struct question);

	question->api = api;
	question->wants = wants;
	question->answer = answer;
	reply_begin(&question->reply, &api->replies, &question_kind, call, request);
	if (wants & API_KNOWN_LOOKED && is_over(api))
		relist_runtime_if_old(api->options.engine);
	ask_on(question);
}

void api_open_known(struct api *api)
{
	struct loop *loop = api->options.engine->loop;

	reply_queue_init(&api->look.queue, loop, look_is_late);
	api->look.limit_ms = loop_now_ms(loop) + LIMIT_MS;
	rounds_init(&api->drops.rounds, loop, ask_for_drops, NULL);
}

void api_close_known(struct api *api)
{
	progress_leave(&api->look.progress);
	if (api->drops.question)
		api->drops.question->api = NULL;
}
