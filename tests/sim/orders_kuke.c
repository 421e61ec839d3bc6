/* SPDX-License-Identifier: Apache-2.0 */
/* Orders as kuke gives them: through the handlers of the API, on the virtual clock. The server
 * below them is replaced here. */
#include <errno.h>

#include "tests/sim/orders.h"

struct rpc_server {
	struct rpc_server_options options;
};

/* An order, or a request to write the networks anew. */
struct rpc_server_call {
	struct list link; /* struct play.calls */
	struct play *play;
	bool regenerate;
	bool again; /* the daemon ended before it answered */
	Api__RunVerb verb;
	enum target target;
};

static struct rpc_server server;

/* ---- the server that the handlers see ---- */

int rpc_server_open(struct rpc_server **ret_server, struct rpc *rpc UNUSED,
		    const struct rpc_server_options *options, struct error *err UNUSED)
{
	server.options = *options;
	*ret_server = &server;
	return 0;
}

int rpc_server_listen(struct rpc_server *s UNUSED, int fd UNUSED, struct error *err UNUSED)
{
	return 0;
}

void rpc_server_close(struct rpc_server *s UNUSED, uint64_t grace_ms UNUSED,
		      void (*closed)(void *ctx), void *ctx)
{
	closed(ctx);
}

static void call_free(struct rpc_server_call *call)
{
	list_remove(&call->link);
	free(call);
}

void rpc_server_reply(struct rpc_server_call *call, const ProtobufCMessage *reply)
{
	const Api__RunResponse *run = (const Api__RunResponse *)reply;
	struct play *play = call->play;
	Api__RunVerb verb = call->verb;
	enum target target = call->target;
	bool is_order = !call->regenerate;

	call_free(call);
	if (is_order && run->result->outcome == API__OUTCOME__OUTCOME_ACCEPTED)
		model_ordered(play, verb, target);
	else if (is_order && run->result->outcome == API__OUTCOME__OUTCOME_UNCHANGED &&
		 verb == API__RUN_VERB__RUN_VERB_START)
		model_unchanged(play, target);
	model_note_lapses(play);
}

/* Nothing but the daemon's end makes an order fail as a whole. */
void rpc_server_fail(struct rpc_server_call *call, int code UNUSED, const struct error *err UNUSED)
{
	if (call->regenerate)
		call_free(call);
	else
		call->again = true;
}

void rpc_server_end(struct rpc_server_call *call)
{
	call_free(call);
}

struct rpc_peer rpc_server_call_peer(const struct rpc_server_call *call UNUSED)
{
	return (struct rpc_peer){ .pid = 1 };
}

/* Whoever asks waits for the answer. */
const atomic_bool *rpc_server_call_gone(const struct rpc_server_call *call UNUSED)
{
	static const atomic_bool gone;

	return &gone;
}

void rpc_server_stream(struct rpc_server_call *call UNUSED,
		       const struct rpc_stream_handler *handler UNUSED, void *owner UNUSED)
{
	check(false);
}

bool rpc_server_call_writable(const struct rpc_server_call *call UNUSED)
{
	return false;
}

void rpc_server_send(struct rpc_server_call *call UNUSED, const ProtobufCMessage *message UNUSED)
{
	check(false);
}

void rpc_server_receive(struct rpc_server_call *call UNUSED)
{
	check(false);
}

/* ---- the API's life ---- */

static const char *watch_kind(void *ctx UNUSED)
{
	return "none";
}

static void nothing(void *ctx UNUSED)
{
}

void kuke_open(struct play *play)
{
	const struct api_options options = {
		.engine = &play->sim.engine,
		.run_path = "/opt/kukeon",
		.watch_kind = watch_kind,
		.self = { .stop = nothing, .kill = nothing, .restart = nothing },
	};

	check(api_open(&play->api, &options, NULL) == 0);
}

static void on_closed(void *ctx)
{
	((struct play *)ctx)->closed = true;
}

void kuke_close(struct play *play)
{
	enum { TURNS_MAX = 10000 };
	struct loop *loop = &play->sim.loop;

	play->closed = false;
	api_close(take_ptr(play->api), on_closed, play);
	for (int i = 0; !play->closed; i++) {
		check(i < TURNS_MAX);
		loop_turn_virtual(loop, loop_now_ms(loop) + 1);
	}
}

/* ---- requests ---- */

static void ask(struct rpc_server_call *call, const char *method, const ProtobufCMessage *request)
{
	for (size_t i = 0; i < server.options.n_methods; i++)
		if (str_ends_with(server.options.methods[i].name, method))
			return server.options.methods[i].on_request(call, request,
								    server.options.ctx);
	check(false);
}

static void ask_run(struct rpc_server_call *call)
{
	static char scope[] = "default", web[] = "web", a[] = "a", b[] = "b";
	Api__Selector selector = API__SELECTOR__INIT;
	Api__RunRequest request = API__RUN_REQUEST__INIT;

	selector.has_kind = request.has_verb = true;
	selector.realm = selector.space = selector.stack = scope;
	selector.kind =
		call->target == TARGET_CELL ? API__KIND__KIND_CELL : API__KIND__KIND_CONTAINER;
	selector.cell = call->target == TARGET_CELL ? NULL : web;
	selector.name = call->target == TARGET_CELL ? web : call->target == TARGET_A ? a : b;
	request.selector = &selector;
	request.verb = call->verb;
	ask(call, "/Run", &request.base);
}

static struct rpc_server_call *call_new(struct play *play)
{
	struct rpc_server_call *call = xnew(struct rpc_server_call);

	call->play = play;
	list_append(&play->calls, &call->link);
	return call;
}

void kuke_run(struct play *play, Api__RunVerb verb, enum target target)
{
	struct rpc_server_call *call = call_new(play);

	call->verb = verb;
	call->target = target;
	ask_run(call);
}

void kuke_regenerate(struct play *play)
{
	Api__RefreshRequest request = API__REFRESH_REQUEST__INIT;
	struct rpc_server_call *call = call_new(play);

	call->regenerate = true;
	request.has_regenerate_cni = request.regenerate_cni = true;
	ask(call, "/Refresh", &request.base);
}

void kuke_ask_again(struct play *play)
{
	struct rpc_server_call *call;

	list_for_each(call, &play->calls, link) {
		if (!call->again)
			continue;
		call->again = false;
		ask_run(call);
	}
}

bool kuke_is_asking(const struct play *play, Api__RunVerb verb, enum target target)
{
	const struct rpc_server_call *call;

	list_for_each(call, &play->calls, link)
		if (!call->regenerate && call->verb == verb && call->target == target)
			return true;
	return false;
}

bool kuke_is_waiting(const struct play *play)
{
	const struct rpc_server_call *call;

	list_for_each(call, &play->calls, link)
		if (!call->regenerate)
			return true;
	return false;
}

void kuke_forget(struct play *play)
{
	struct rpc_server_call *call;

	list_for_each(call, &play->calls, link)
		call_free(call);
}
