/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are answered later: each is answered once, however it ends, and what many of them cost
 * grows with their number and no faster. On the virtual clock; the server below the handlers is
 * replaced here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/api/api_internal.h"
#include "core/base/log.h"
#include "core/manifest/manifest.h"
#include "tests/fake/host.h"
#include "tests/sim/scale.h"

enum { LIMIT_MS = 120 * 1000 };

#define WEB                                                                                        \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"                                 \
	"spec: {containers: [{id: a, image: img, stopGracePeriodSeconds: 1}]}\n"
#define GUARDED                                                                                    \
	"apiVersion: v1beta1\nkind: Space\nmetadata: {name: s}\n"                                  \
	"spec: {network: {egress: {default: deny}}}\n"

/* ---- the server that the handlers see ---- */

struct rpc_server {
	struct rpc_server_options options;
	void (*closed)(void *ctx);
	void *closed_ctx;
	struct deferred closing;
};

struct rpc_server_call {
	struct loop *loop;
	void (*on_gone)(void *owner);
	const struct rpc_stream_handler *handler;
	void *owner;
	struct deferred closed;
	atomic_bool gone;
	unsigned answers;
	int status;
	uint64_t at_ms; /* loop time of the answer */
};

static struct rpc_server server;

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

void rpc_server_receive(struct rpc_server_call *call UNUSED)
{
}

static void on_server_closed(struct deferred *deferred UNUSED)
{
	server.closed(server.closed_ctx);
}

void rpc_server_close(struct rpc_server *s UNUSED, uint64_t grace_ms UNUSED,
		      void (*closed)(void *ctx), void *ctx)
{
	struct api *api = server.options.ctx;

	server.closed = closed;
	server.closed_ctx = ctx;
	loop_defer(api->options.engine->loop, &server.closing, on_server_closed);
}

static void answer(struct rpc_server_call *call, int status)
{
	assert_int_equal(call->answers, 0);
	call->answers++;
	call->status = status;
	call->at_ms = loop_now_ms(call->loop);
	call->on_gone = NULL;
}

void rpc_server_reply(struct rpc_server_call *call, const ProtobufCMessage *reply)
{
	assert_non_null(reply);
	answer(call, 0);
}

void rpc_server_fail(struct rpc_server_call *call, int code, const struct error *err UNUSED)
{
	answer(call, code);
}

static void on_stream_closed(struct deferred *deferred)
{
	struct rpc_server_call *call = container_of(deferred, struct rpc_server_call, closed);

	call->handler->on_closed(call, call->owner);
}

void rpc_server_end(struct rpc_server_call *call)
{
	answer(call, 0);
	loop_defer(call->loop, &call->closed, on_stream_closed);
}

struct rpc_peer rpc_server_call_peer(const struct rpc_server_call *call UNUSED)
{
	return (struct rpc_peer){ .pid = 1 };
}

const atomic_bool *rpc_server_call_gone(const struct rpc_server_call *call)
{
	return &call->gone;
}

void rpc_server_when_gone(struct rpc_server_call *call, void (*on_gone)(void *owner), void *owner)
{
	call->on_gone = on_gone;
	call->owner = owner;
}

void rpc_server_stream(struct rpc_server_call *call, const struct rpc_stream_handler *handler,
		       void *owner)
{
	call->handler = handler;
	call->owner = owner;
}

bool rpc_server_call_writable(const struct rpc_server_call *call)
{
	return call->handler && !call->answers;
}

void rpc_server_send(struct rpc_server_call *call, const ProtobufCMessage *message)
{
	assert_true(rpc_server_call_writable(call));
	assert_non_null(message);
}

/* ---- a daemon and its clients ---- */

struct fixture {
	struct sim sim;
	struct api *api;
	struct rpc_server_call *calls;
	size_t n;
	bool stopping, closed;
	unsigned readings, last_read, stops;
};

static struct fixture *fixture_of(struct sim *sim)
{
	return container_of(sim, struct fixture, sim);
}

static const char *watch_kind(void *ctx UNUSED)
{
	return "none";
}

static unsigned rescan(void *ctx)
{
	return ++((struct fixture *)ctx)->readings;
}

static unsigned last_read(void *ctx)
{
	return ((struct fixture *)ctx)->last_read;
}

static void on_stop(void *ctx)
{
	((struct fixture *)ctx)->stops++;
}

static void on_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

/* The manifests are read up to the last reading that was asked for. */
static void read_manifests(struct fixture *f)
{
	f->last_read = f->readings;
	sim_scanned(&f->sim);
}

static void start(struct fixture *f)
{
	const struct api_options options = {
		.engine = &f->sim.engine,
		.run_path = "/opt/kukeon",
		.watch_kind = watch_kind,
		.rescan = rescan,
		.last_read = last_read,
		.rescan_ctx = f,
		.self = { .stop = on_stop, .kill = on_stop, .restart = on_stop, .ctx = f },
	};

	sim_start(&f->sim);
	assert_int_equal(api_open(&f->api, &options, NULL), 0);
}

static void stop(struct fixture *f)
{
	f->stopping = true;
	api_close(f->api, on_closed, f);
}

static bool is_closed(struct sim *sim)
{
	return fixture_of(sim)->closed;
}

static struct fixture *setup(size_t n)
{
	struct fixture *f = xnew(struct fixture);

	sim_init(&f->sim, 1);
	f->n = n;
	f->calls = xcalloc(n, sizeof(*f->calls));
	for (size_t i = 0; i < n; i++)
		f->calls[i].loop = &f->sim.loop;
	start(f);
	return f;
}

static void teardown(struct fixture *f)
{
	if (!f->stopping)
		stop(f);
	assert_true(sim_run_until(&f->sim, is_closed, LIMIT_MS));
	sim_run(&f->sim, LIMIT_MS); /* what outlives the API ends too */
	sim_fini(&f->sim);
	free(f->calls);
	free(f);
}

/* A cell runs, and a space whose drops are counted is there. */
static void settle(struct fixture *f)
{
	sim_file(&f->sim, "a.yaml", WEB "---\n" GUARDED);
	read_manifests(f);
	sim_run(&f->sim, 60 * 1000);
	assert_int_equal(sim_state(&f->sim, "default/default/default/web"),
			 API__STATE__STATE_READY);
}

/* ---- what is asked ---- */

static void ask(struct rpc_server_call *call, const char *method, const ProtobufCMessage *request)
{
	for (size_t i = 0; i < server.options.n_methods; i++)
		if (str_ends_with(server.options.methods[i].name, method))
			return server.options.methods[i].on_request(call, request,
								    server.options.ctx);
	fail();
}

static void ask_status(struct rpc_server_call *call)
{
	Api__StatusRequest request = API__STATUS_REQUEST__INIT;

	ask(call, "/Status", &request.base);
}

static void ask_get(struct rpc_server_call *call)
{
	Api__GetRequest request = API__GET_REQUEST__INIT;
	Api__Selector selector = API__SELECTOR__INIT;

	selector.has_kind = true;
	selector.kind = API__KIND__KIND_SPACE;
	request.selector = &selector;
	ask(call, "/Get", &request.base);
}

static void ask_refresh(struct rpc_server_call *call)
{
	Api__RefreshRequest request = API__REFRESH_REQUEST__INIT;

	ask(call, "/Refresh", &request.base);
}

static void ask_purge(struct rpc_server_call *call)
{
	Api__PurgeRequest request = API__PURGE_REQUEST__INIT;

	ask(call, "/Purge", &request.base);
}

static void ask_doctor(struct rpc_server_call *call)
{
	Api__DoctorRequest request = API__DOCTOR_REQUEST__INIT;

	ask(call, "/Doctor", &request.base);
}

static void ask_apply(struct rpc_server_call *call)
{
	Api__ApplyRequest request = API__APPLY_REQUEST__INIT;
	Api__Object object = API__OBJECT__INIT, *objects[] = { &object };
	Api__Realm realm = API__REALM__INIT;
	Api__Metadata metadata = API__METADATA__INIT;
	Api__RealmSpec spec = API__REALM_SPEC__INIT;
	char name[] = "r";

	metadata.name = name;
	realm.metadata = &metadata;
	realm.spec = &spec;
	object.object_case = API__OBJECT__OBJECT_REALM;
	object.realm = &realm;
	request.objects = objects;
	request.n_objects = 1;
	ask(call, "/Apply", &request.base);
}

static void ask_run(struct rpc_server_call *call)
{
	Api__Selector selector = API__SELECTOR__INIT;
	Api__RunRequest request = API__RUN_REQUEST__INIT;
	char scope[] = "default", web[] = "web";

	selector.has_kind = request.has_verb = true;
	selector.kind = API__KIND__KIND_CELL;
	selector.realm = selector.space = selector.stack = scope;
	selector.name = web;
	request.selector = &selector;
	request.verb = API__RUN_VERB__RUN_VERB_START;
	ask(call, "/Run", &request.base);
}

static void ask_watch(struct rpc_server_call *call)
{
	Api__WatchRequest request = API__WATCH_REQUEST__INIT;
	Api__Selector selector = API__SELECTOR__INIT;

	selector.has_kind = true;
	selector.kind = API__KIND__KIND_CELL;
	request.selector = &selector;
	ask(call, "/Watch", &request.base);
}

static void ask_events(struct rpc_server_call *call)
{
	Api__EventsRequest request = API__EVENTS_REQUEST__INIT;

	request.has_watch = request.watch = true;
	ask(call, "/Events", &request.base);
}

static const struct {
	const char *name;
	void (*ask)(struct rpc_server_call *call);
	bool begins; /* asked of a daemon that has not looked at anything yet */
	bool stream; /* it ends when its client wants */
	bool single; /* one at a time: the others are refused at once */
} kinds[] = {
	{ .name = "Status", .ask = ask_status, .begins = true },
	{ .name = "Get", .ask = ask_get },
	{ .name = "Refresh", .ask = ask_refresh },
	{ .name = "Purge", .ask = ask_purge },
	{ .name = "Doctor", .ask = ask_doctor, .single = true },
	{ .name = "Apply", .ask = ask_apply },
	{ .name = "Run", .ask = ask_run },
	{ .name = "Watch", .ask = ask_watch, .stream = true },
	{ .name = "Events", .ask = ask_events, .stream = true },
};

static struct fixture *asked(size_t kind, size_t n)
{
	struct fixture *f = setup(n);

	if (!kinds[kind].begins)
		settle(f);
	for (size_t i = 0; i < n; i++)
		kinds[kind].ask(&f->calls[i]);
	return f;
}

/* Runs while the manifests are read as often as that is asked for. */
static bool all_answered(struct sim *sim)
{
	struct fixture *f = fixture_of(sim);

	if (f->last_read != f->readings || !sim->engine.desired.complete)
		read_manifests(f);
	for (size_t i = 0; i < f->n; i++)
		if (!f->calls[i].answers)
			return false;
	return true;
}

/* ---- how they end ---- */

enum { FEW_CALLS = 3 };

static void test_completion(void **state UNUSED)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct fixture *f = asked(kind, FEW_CALLS);

		print_message("%s\n", kinds[kind].name);
		if (kinds[kind].stream) {
			sim_run(&f->sim, LIMIT_MS);
			assert_int_equal(f->calls[0].answers, 0);
			teardown(f);
			continue;
		}
		assert_int_equal(f->calls[0].answers, 0); /* it waits */
		assert_true(sim_run_until(&f->sim, all_answered, LIMIT_MS));
		for (size_t i = 0; i < FEW_CALLS; i++)
			assert_int_equal(f->calls[i].status, kinds[kind].single && i ? -EBUSY : 0);
		assert_true(list_empty(&f->api->replies.all));
		assert_int_equal(f->stops, kinds[kind].ask == ask_purge);
		teardown(f);
	}
}

/* As the server tells it. */
static void client_goes(struct rpc_server_call *call)
{
	atomic_store(&call->gone, true);
	if (call->handler)
		call->handler->on_closed(call, call->owner);
	else if (call->on_gone)
		call->on_gone(call->owner);
}

/* The one in the middle; the others are answered all the same. */
static void test_client_gone(void **state UNUSED)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct fixture *f = asked(kind, FEW_CALLS);
		size_t gone = kinds[kind].single ? 0 : 1;

		print_message("%s\n", kinds[kind].name);
		client_goes(&f->calls[gone]);
		if (kinds[kind].stream) {
			teardown(f);
			continue;
		}
		assert_int_equal(f->calls[gone].status, -ECANCELED); /* at once */
		assert_true(sim_run_until(&f->sim, all_answered, LIMIT_MS));
		assert_true(list_empty(&f->api->replies.all));
		teardown(f);
	}
}

/* All of them, one after the other: what was begun for them ends, and who comes then is answered.
 */
static void test_all_gone(void **state UNUSED)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct fixture *f = asked(kind, FEW_CALLS);

		if (kinds[kind].stream) {
			teardown(f);
			continue;
		}
		print_message("%s\n", kinds[kind].name);
		for (size_t i = 0; i < FEW_CALLS; i++)
			if (!f->calls[i].answers)
				client_goes(&f->calls[i]);
		assert_true(list_empty(&f->api->replies.all));
		sim_run(&f->sim, LIMIT_MS);
		for (size_t i = 0; i < FEW_CALLS; i++)
			f->calls[i] = (struct rpc_server_call){ .loop = &f->sim.loop };
		kinds[kind].ask(&f->calls[0]);
		f->n = 1;
		assert_true(sim_run_until(&f->sim, all_answered, LIMIT_MS));
		assert_int_equal(f->calls[0].status, 0);
		teardown(f);
	}
}

static void test_daemon_stops(void **state UNUSED)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct fixture *f = asked(kind, FEW_CALLS);

		print_message("%s\n", kinds[kind].name);
		stop(f);
		for (size_t i = 0; i < FEW_CALLS; i++) {
			assert_int_equal(f->calls[i].answers, 1);
			assert_int_equal(f->calls[i].status, kinds[kind].stream ? 0
							     : kinds[kind].single && i
								     ? -EBUSY
								     : -ECONNREFUSED);
		}
		assert_true(sim_run_until(&f->sim, is_closed, 1000));
		teardown(f);
	}
}

/* A stream that has said all is not ended again. */
static void test_daemon_stops_after_a_stream(void **state UNUSED)
{
	struct fixture *f = setup(1);
	Api__EventsRequest request = API__EVENTS_REQUEST__INIT;

	ask(&f->calls[0], "/Events", &request.base);
	assert_int_equal(f->calls[0].answers, 1);
	teardown(f);
}

/* What is being carried out ends by itself, with a true answer, whatever happens meanwhile. */
static void test_held(void **state UNUSED)
{
	struct fixture *f = setup(2);

	settle(f);
	ask_apply(&f->calls[0]);
	ask_apply(&f->calls[1]);
	assert_true(loop_turn_virtual(&f->sim.loop, loop_now_ms(&f->sim.loop) + 1));
	stop(f);
	assert_int_equal(f->calls[0].answers, 0);
	assert_int_equal(f->calls[1].status, -ECONNREFUSED);
	assert_true(sim_run_until(&f->sim, is_closed, 1000));
	assert_int_equal(f->calls[0].answers, 1);
	teardown(f);
}

/* ---- when ---- */

static bool lists(struct sim *sim)
{
	return !list_empty(&sim->engine.relists);
}

static bool is_at_rest(struct sim *sim)
{
	const struct engine *engine = &sim->engine;

	return list_empty(&engine->relists) && list_empty(&engine->runs) &&
	       list_empty(&engine->queue.ready);
}

/* When the last that it waits for ends, and not at the next of some looks. */
static void test_refresh_by_completion(void **state UNUSED)
{
	struct fixture *f = setup(2);

	settle(f);
	ask_refresh(&f->calls[0]);
	assert_true(lists(&f->sim));
	read_manifests(f);
	assert_int_equal(f->calls[0].answers, 0);
	assert_true(sim_run_until(&f->sim, is_at_rest, LIMIT_MS));
	assert_true(sim_run_until(&f->sim, all_answered, 1) || f->calls[0].answers);
	assert_int_equal(f->calls[0].status, 0);
	ask_refresh(&f->calls[1]); /* the reading is the last that ends */
	sim_run(&f->sim, 10 * 1000);
	assert_int_equal(f->calls[1].answers, 0);
	read_manifests(f);
	sim_run(&f->sim, 0);
	assert_int_equal(f->calls[1].at_ms, loop_now_ms(&f->sim.loop));
	teardown(f);
}

/* A reading that was under way when it was asked for does not count. */
static void test_refresh_waits_for_its_reading(void **state UNUSED)
{
	struct fixture *f = setup(1);

	settle(f);
	f->readings++; /* under way: of another, who watches the files */
	ask_refresh(&f->calls[0]);
	f->last_read = f->readings - 1;
	sim_scanned(&f->sim);
	sim_run(&f->sim, 10 * 1000);
	assert_int_equal(f->calls[0].answers, 0);
	read_manifests(f);
	sim_run(&f->sim, 0);
	assert_int_equal(f->calls[0].answers, 1);
	teardown(f);
}

/* Who comes while one is under way has another; its limit is its own. */
static void test_refresh_is_late(void **state UNUSED)
{
	struct fixture *f = setup(3);
	uint64_t began_ms;

	settle(f);
	began_ms = loop_now_ms(&f->sim.loop);
	ask_refresh(&f->calls[0]); /* nobody reads the manifests */
	sim_run(&f->sim, 10 * 1000);
	ask_refresh(&f->calls[1]);
	sim_run(&f->sim, 25 * 1000);
	assert_int_equal(f->calls[0].status, -ETIMEDOUT);
	assert_int_equal(f->calls[0].at_ms, began_ms + 30 * 1000);
	assert_int_equal(f->calls[1].answers, 0);
	assert_int_equal(f->readings, 1);
	sim_run(&f->sim, 10 * 1000);
	assert_int_equal(f->calls[1].at_ms, began_ms + 40 * 1000);
	ask_refresh(&f->calls[2]);
	sim_run(&f->sim, 1);
	assert_int_equal(f->readings, 2); /* at once: nobody waits for the first one */
	assert_true(sim_run_until(&f->sim, all_answered, LIMIT_MS));
	assert_int_equal(f->calls[2].status, 0);
	teardown(f);
}

/* What nobody could tell is told as that. */
static void test_status_is_late(void **state UNUSED)
{
	struct fixture *f = setup(1);
	uint64_t began_ms;

	settle(f);
	f->sim.world.runtime_silent_ms = 10;
	began_ms = loop_now_ms(&f->sim.loop);
	ask_status(&f->calls[0]);
	sim_run(&f->sim, API_SILENT_MS - 1);
	assert_int_equal(f->calls[0].answers, 0);
	sim_run(&f->sim, 1000);
	assert_int_equal(f->calls[0].status, 0);
	assert_true(f->calls[0].at_ms >= began_ms + API_SILENT_MS);
	teardown(f);
}

/* And what it says is told at once. */
static void test_status_when_answered(void **state UNUSED)
{
	struct fixture *f = setup(1);
	struct runtime_listener *listener = &f->sim.world.runtime_listener;
	uint64_t answered_ms;

	settle(f);
	f->sim.world.runtime_silent_ms = 10;
	ask_status(&f->calls[0]);
	sim_run(&f->sim, 123);
	f->sim.world.runtime_silent_ms = 0;
	listener->on_answered(listener->ctx);
	answered_ms = loop_now_ms(&f->sim.loop);
	assert_true(sim_run_until(&f->sim, all_answered, 100)); /* the drops are read too */
	assert_true(f->calls[0].at_ms < answered_ms + 100);
	teardown(f);
}

/* A purge that nobody waits for any more goes on, and the daemon ends once. */
static void test_purge_goes_on(void **state UNUSED)
{
	struct fixture *f = setup(1);

	settle(f);
	ask_purge(&f->calls[0]);
	client_goes(&f->calls[0]);
	sim_run(&f->sim, LIMIT_MS);
	assert_int_equal(f->sim.engine.objects.count, 0);
	assert_int_equal(f->stops, 1);
	teardown(f);
}

/* ---- what many cost ---- */

static uint64_t looks(const struct api *api)
{
	return api->look.queue.looks + api->drops.rounds.queue.looks +
	       api->refresh.rounds.queue.looks + api->purge.queue.looks + api->changes.queue.looks +
	       api->options.engine->progress.looks;
}

struct cost {
	uint64_t looks, asked, ns; /* for each call */
};

static struct cost measure(size_t kind, size_t n, bool stops)
{
	struct fixture *f = asked(kind, n);
	uint64_t looks_before = looks(f->api), began_ns = processor_ns();
	unsigned steps_before = f->sim.world.runtime_asked;
	struct cost cost;

	if (stops)
		stop(f);
	else
		assert_true(sim_run_until(&f->sim, all_answered, LIMIT_MS));
	cost.ns = (processor_ns() - began_ns) / n;
	cost.looks = (looks(f->api) - looks_before) / n;
	cost.asked = (f->sim.world.runtime_asked - steps_before) / n;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(f->calls[i].answers, 1);
	teardown(f);
	return cost;
}

/* Looks at replies and engine: each call is looked at when it ends, and once when it is the next.
 */
static void test_many_are_linear(void **state UNUSED)
{
	enum { LOOKS_AT_MOST = 4 };

	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++)
		for (int stops = 0; stops <= 1; stops++) {
			struct cost few, many, most;

			if (kinds[kind].single || (kinds[kind].stream && !stops))
				continue;
			few = measure(kind, FEW, stops);
			many = measure(kind, MANY, stops);
			most = measure(kind, MOST_PLAYED, stops);
			printf("%-8s%-9s looks per call: %llu of %d, %llu of %d, %llu of %d;"
			       " ns: %llu, %llu, %llu\n",
			       kinds[kind].name, stops ? "stopped" : "answered",
			       (unsigned long long)few.looks, FEW, (unsigned long long)many.looks,
			       MANY, (unsigned long long)most.looks, MOST_PLAYED,
			       (unsigned long long)few.ns, (unsigned long long)many.ns,
			       (unsigned long long)most.ns);
			assert_true(many.looks <= LOOKS_AT_MOST);
			assert_true(most.looks <= LOOKS_AT_MOST);
			assert_true(most.asked <= 2);
		}
}

/* However many ask, the host is listed twice at most, and the kernel asked twice. */
static void test_two_rounds_answer_all(void **state UNUSED)
{
	struct fixture *f = setup(MANY);

	settle(f);
	for (unsigned i = 0; i < MANY; i++) {
		ask_refresh(&f->calls[i]);
		if (i == MANY / 2)
			sim_run(&f->sim, 1);
	}
	assert_true(sim_run_until(&f->sim, all_answered, LIMIT_MS));
	assert_int_equal(f->api->refresh.rounds.number, 2);
	assert_int_equal(f->readings, 2);
	for (unsigned i = 0; i < MANY; i++) {
		f->calls[i] = (struct rpc_server_call){ .loop = &f->sim.loop };
		ask_get(&f->calls[i]);
	}
	assert_true(sim_run_until(&f->sim, all_answered, LIMIT_MS));
	assert_int_equal(f->api->drops.rounds.number, 2);
	teardown(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_client_gone),
		cmocka_unit_test(test_all_gone),
		cmocka_unit_test(test_daemon_stops),
		cmocka_unit_test(test_daemon_stops_after_a_stream),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_refresh_by_completion),
		cmocka_unit_test(test_refresh_waits_for_its_reading),
		cmocka_unit_test(test_refresh_is_late),
		cmocka_unit_test(test_status_is_late),
		cmocka_unit_test(test_status_when_answered),
		cmocka_unit_test(test_purge_goes_on),
		cmocka_unit_test(test_many_are_linear),
		cmocka_unit_test(test_two_rounds_answer_all),
	};

	log_set_level(getenv("KUKEON_TEST_LOG") ? LOG_DEBUG : LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
