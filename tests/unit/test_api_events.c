/* SPDX-License-Identifier: Apache-2.0 */
/* The history through a real socket, on a real loop, over the fake world: what is told of a cell's
 * life, and who gets what of it. */
#include <errno.h>

#include "tests/unit/api_fixture.h"

#include "core/base/wall.h"
#include "core/desired/desired.h"
#include "core/status/record.h"
#include "core/status/status.h"

enum { BURST = 100 };

#define WEB "default/default/default/web"
#define CELL(name, more)                                                                           \
	"apiVersion: v1beta1\nkind: Cell\nmetadata: {name: " name "}\nspec:\n"                     \
	"  containers: [{id: a, image: img, stopGracePeriodSeconds: 1}, {id: b, image: img" more   \
	"}]\n"

struct fixture {
	struct served served;
	bool ended;
	int status;

	struct rpc_stream stream;
	struct buf got; /* "key reason message" of each event, one a line */
	unsigned n;
	uint64_t last; /* sequence number */
	uint32_t missed;
	const char *awaited;
	size_t searched; /* bytes of got in which it is not */
};

static struct fixture *fixture_of(struct sim *sim)
{
	return container_of(served_of(sim), struct fixture, served);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	served_init(&f->served, false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	served_fini(&f->served);
	buf_fini(&f->got);
	free(f);
	return 0;
}

/* ---- asking ---- */

static void on_message(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	struct fixture *f = container_of(stream, struct fixture, stream);
	const Api__Event *event = (const Api__Event *)message;

	buf_printf(&f->got, "%s %s %s\n", event->key ? event->key : "-", event->reason,
		   event->message);
	f->n++;
	if (str_equal(event->reason, record_reason_name(RECORD_EVENTS_MISSED))) {
		f->missed += event->count;
		return;
	}
	assert_true(event->sequence > f->last);
	assert_int_equal(event->has_kind, event->key != NULL);
	assert_true(wall_parse(event->time) > 0);
	f->last = event->sequence;
}

static void on_end(struct rpc_stream *stream, int result, const struct error *err UNUSED)
{
	struct fixture *f = container_of(stream, struct fixture, stream);

	f->ended = true;
	f->status = result;
}

static bool has_ended(struct sim *sim)
{
	return fixture_of(sim)->ended;
}

static void begin(struct fixture *f, const Api__EventsRequest *request)
{
	buf_fini(&f->got);
	buf_add_str(&f->got, "\n"); /* each line has one in front */
	f->n = f->missed = 0;
	f->last = 0;
	f->ended = false;
	f->stream = (struct rpc_stream){
		.method = "/kukeon.v1beta1.Kukeon/Events",
		.request = &request->base,
		.reply_type = &api__event__descriptor,
		.on_message = on_message,
		.on_end = on_end,
	};
	rpc_stream_start(f->served.channel, &f->stream);
}

static void ask(struct fixture *f, const Api__EventsRequest *request)
{
	begin(f, request);
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

static void end_watch(struct fixture *f)
{
	rpc_stream_cancel(&f->stream);
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
}

static bool is_awaited(struct sim *sim)
{
	struct fixture *f = fixture_of(sim);
	size_t len = strlen(f->awaited);
	bool found = strstr(f->got.data + f->searched, f->awaited);

	if (!found) /* it may be asked once more after it was */
		f->searched = f->got.len > len ? f->got.len - len : 0;
	return found;
}

static void await_event(struct fixture *f, const char *text)
{
	f->awaited = text;
	f->searched = 0;
	if (!sim_run_until(&f->served.sim, is_awaited, WAIT_MS))
		fail_msg("got \"%s\", waited for \"%s\"", f->got.data, text);
}

/* The lines stand there in this order. */
static void expect_order(const struct fixture *f, const char *const lines[])
{
	const char *at = f->got.data;

	for (size_t i = 0; lines[i]; i++) {
		AUTO_FREE char *line = xasprintf("\n%s\n", lines[i]);
		const char *found = strstr(at, line);

		if (!found) {
			fputs(f->got.data, stderr); /* longer than a message may be */
			fail_msg("\"%s\" is not there, or too early", lines[i]);
		}
		at = found + strlen(line) - 1;
	}
}

static bool web_is_ready(struct sim *sim)
{
	return sim_state(sim, WEB) == API__STATE__STATE_READY;
}

static bool web_is_not_ready(struct sim *sim)
{
	return !web_is_ready(sim);
}

static bool web_is_gone(struct sim *sim)
{
	return !engine_find(&sim->engine, WEB);
}

static void start_cell(struct fixture *f, const char *text)
{
	sim_file(&f->served.sim, "a.yaml", text);
	sim_scanned(&f->served.sim);
	assert_true(sim_run_until(&f->served.sim, web_is_ready, WAIT_MS));
}

static void end_container(struct fixture *f, const char *id, uint32_t code)
{
	world_exit(&f->served.sim.world,
		   world_container(&f->served.sim.world, "kukeon-default", id), code);
	assert_true(sim_run_until(&f->served.sim, web_is_not_ready, WAIT_MS));
	assert_true(sim_run_until(&f->served.sim, web_is_ready, WAIT_MS));
}

/* ---- what is told ---- */

static void test_life(void **state)
{
	static const char *const lines[] = {
		WEB " Declared declared by a.yaml",
		WEB "/a Started runs",
		WEB "/b Exited exited with code 3",
		WEB "/b Restarting is started again now",
		WEB " Restarting is Pending: container b ended and is being started again",
		WEB " Ready is Ready",
		WEB " Declared changed by a.yaml: spec.containers[1].args",
		WEB "/b Updating is replaced: its spec has changed",
		/* what repeats from here on stands at its latest place */
		WEB "/a Exited exited with code 139, by SIGSEGV",
		WEB "/a Restarting the cell is taken down and started again now",
		WEB "/b Exited exited with code 143, by SIGTERM, as asked",
		WEB "/b Started runs",
		WEB " Ready is Ready",
		WEB " NoLongerDeclared no longer declared by a.yaml",
		WEB " Deleted is deleted",
		"default Deleted is deleted",
		NULL,
	};
	const Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	struct fixture *f = *state;

	start_cell(f, CELL("web", ""));
	end_container(f, "default_default_web_b", 3);
	sim_file(&f->served.sim, "a.yaml", CELL("web", ", args: [x]"));
	assert_true(sim_run_until(&f->served.sim, web_is_not_ready, WAIT_MS));
	assert_true(sim_run_until(&f->served.sim, web_is_ready, WAIT_MS));
	end_container(f, "default_default_web_root", 139);
	sim_file_gone(&f->served.sim, "a.yaml");
	assert_true(sim_run_until(&f->served.sim, web_is_gone, WAIT_MS));
	ask(f, &request);
	assert_int_equal(f->status, 0);
	expect_order(f, lines);
}

static size_t count(const struct fixture *f, const char *text)
{
	size_t n = 0;

	for (const char *at = f->got.data; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* What is Ready before and after containerd was away is no news. */
static void test_runtime(void **state)
{
	const Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	struct fixture *f = *state;

	start_cell(f, CELL("web", ""));
	world_runtime_down(&f->served.sim.world);
	assert_true(sim_run_until(&f->served.sim, web_is_not_ready, WAIT_MS));
	world_runtime_up(&f->served.sim.world);
	assert_true(sim_run_until(&f->served.sim, web_is_ready, WAIT_MS));
	ask(f, &request);
	assert_int_equal(count(f, "\n- RuntimeUnavailable containerd cannot be asked: "), 1);
	assert_int_equal(count(f, "\n- RuntimeConnected "), 1);
	assert_int_equal(count(f, "\n" WEB " Ready "), 1);
}

/* ---- who gets what ---- */

static bool is_connected(struct sim *sim)
{
	return sim->engine.runtime_up;
}

static void tell_all(struct fixture *f)
{
	static const char *const keys[] = { "",          "r",         "r/s",       "r/s/t",
					    "r/s/t/c",   "r/s/t/c/a", "r/s/t/c/b", "r/s/t/d",
					    "r/s/t/d/a", "q",         "q/s" };

	sim_scanned(&f->served.sim);
	assert_true(sim_run_until(&f->served.sim, is_connected, WAIT_MS));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		history_add(&f->served.sim.engine.history, &(struct event_source){
								   .key = keys[i],
								   .reason = "Test",
								   .message = keys[i],
								   .now_ms = wall_now_ms(),
							   });
}

enum { ANY = -1 };

static const struct {
	int kind;
	const char *realm, *space, *cell, *name;
	const char *keys;
} selections[] = {
	{ ANY, NULL, NULL, NULL, NULL,
	  "- r r/s r/s/t r/s/t/c r/s/t/c/a r/s/t/c/b r/s/t/d r/s/t/d/a q q/s " },
	{ ANY, "r", NULL, NULL, NULL,
	  "r r/s r/s/t r/s/t/c r/s/t/c/a r/s/t/c/b r/s/t/d r/s/t/d/a " },
	{ ANY, NULL, "s", NULL, NULL,
	  "r/s r/s/t r/s/t/c r/s/t/c/a r/s/t/c/b r/s/t/d r/s/t/d/a q/s " },
	{ ANY, NULL, NULL, "c", NULL, "r/s/t/c r/s/t/c/a r/s/t/c/b " },
	{ API__KIND__KIND_REALM, NULL, NULL, NULL, NULL, "r q " },
	{ API__KIND__KIND_REALM, NULL, NULL, NULL, "q", "q " },
	{ API__KIND__KIND_SPACE, NULL, NULL, NULL, "s", "r/s q/s " },
	{ API__KIND__KIND_CELL, NULL, NULL, NULL, NULL,
	  "r/s/t/c r/s/t/c/a r/s/t/c/b r/s/t/d r/s/t/d/a " },
	{ API__KIND__KIND_CELL, NULL, NULL, NULL, "d", "r/s/t/d r/s/t/d/a " },
	{ API__KIND__KIND_CONTAINER, NULL, NULL, NULL, "a", "r/s/t/c/a r/s/t/d/a " },
	{ API__KIND__KIND_CONTAINER, NULL, NULL, "d", NULL, "r/s/t/d/a " },
	{ API__KIND__KIND_CELL, "q", NULL, NULL, NULL, "" },
};

static void test_selects(void **state)
{
	struct fixture *f = *state;

	tell_all(f);
	for (size_t i = 0; i < ARRAY_SIZE(selections); i++) {
		Api__Selector selector = API__SELECTOR__INIT;
		Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
		AUTO_BUF struct buf keys = { 0 };

		selector.has_kind = selections[i].kind != ANY;
		selector.kind = selector.has_kind ? (Api__Kind)selections[i].kind : 0;
		selector.realm = (char *)selections[i].realm;
		selector.space = (char *)selections[i].space;
		selector.cell = (char *)selections[i].cell;
		selector.name = (char *)selections[i].name;
		request.selector = &selector;
		ask(f, &request);
		buf_add_str(&keys, "");
		for (char *line = f->got.data; (line = strstr(line, " Test ")); line++) {
			char *begin_of = line;

			while (begin_of[-1] != '\n')
				begin_of--;
			buf_printf(&keys, "%.*s ", (int)(line - begin_of), begin_of);
		}
		if (strcmp(keys.data ? keys.data : "", selections[i].keys) != 0)
			fail_msg("selection %zu: \"%s\", expected \"%s\"", i, keys.data,
				 selections[i].keys);
	}
}

static void test_limits(void **state)
{
	Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	Api__Selector selector = API__SELECTOR__INIT;
	struct fixture *f = *state;
	uint64_t last;

	tell_all(f);
	selector.has_kind = request.has_limit = true;
	selector.kind = API__KIND__KIND_CELL;
	request.selector = &selector;
	request.limit = 2;
	ask(f, &request);
	assert_string_equal(f->got.data, "\nr/s/t/d Test r/s/t/d\nr/s/t/d/a Test r/s/t/d/a\n");
	last = f->last;
	request = (Api__EventsRequest)API__EVENTS_REQUEST__INIT;
	request.has_after = true;
	request.after = last;
	ask(f, &request);
	assert_string_equal(f->got.data, "\nq Test q\nq/s Test q/s\n");
	history_add(&f->served.sim.engine.history,
		    &(struct event_source){ .key = "r",
					    .reason = "Old",
					    .message = "",
					    .now_ms = wall_now_ms() - 100 * 1000 });
	request = (Api__EventsRequest)API__EVENTS_REQUEST__INIT;
	request.has_since_seconds = true;
	request.since_seconds = 200;
	ask(f, &request);
	assert_non_null(strstr(f->got.data, "Old"));
	request.since_seconds = 50;
	ask(f, &request);
	assert_int_equal(f->n, 0);
}

static void test_refused(void **state)
{
	Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	Api__Selector selector = API__SELECTOR__INIT;
	struct fixture *f = *state;

	request.selector = &selector;
	selector.labels = (char *)"a=b";
	ask(f, &request);
	assert_int_equal(f->status, -EINVAL);
	selector.labels = NULL;
	selector.name = (char *)"web";
	ask(f, &request);
	assert_int_equal(f->status, -EINVAL);
	selector.has_kind = true;
	selector.kind = (Api__Kind)9;
	ask(f, &request);
	assert_int_equal(f->status, -EINVAL);
}

/* What happens while somebody watches; a repetition comes again. */
static void test_watch(void **state)
{
	Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	struct fixture *f = *state;
	unsigned n;

	start_cell(f, CELL("web", ""));
	request.has_watch = request.watch = true;
	begin(f, &request);
	await_event(f, "\n" WEB " Ready is Ready\n");
	assert_false(f->ended);
	n = f->n;
	end_container(f, "default_default_web_b", 3);
	await_event(f, "\n" WEB "/b Exited exited with code 3\n");
	assert_true(f->n > n);
	end_watch(f);
}

/* Nothing is given before what was there is loaded. */
static void test_waits_for_the_file(void **state)
{
	const Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	struct event_ring past = { 0 };
	struct fixture *f = *state;

	sim_scanned(&f->served.sim);
	f->served.sim.engine.history.loading = true;
	begin(f, &request);
	sim_run(&f->served.sim, BURST);
	assert_int_equal(f->n, 0);
	assert_false(f->ended);
	history_restore(&f->served.sim.engine.history, &past);
	assert_true(sim_run_until(&f->served.sim, has_ended, WAIT_MS));
	assert_true(f->n > 0);
}

/* More happens in one turn of the loop than is kept: the number of what is lost is told. */
static void test_slow_reader(void **state)
{
	Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	struct fixture *f = *state;

	start_cell(f, CELL("web", ""));
	request.has_watch = request.watch = true;
	begin(f, &request);
	await_event(f, "\n" WEB " Ready is Ready\n");
	for (unsigned i = 0; i < EVENT_RING_MAX + BURST; i++) {
		AUTO_FREE char *message = xasprintf("%u", i);

		history_add(&f->served.sim.engine.history, &(struct event_source){
								   .key = "r",
								   .reason = "Test",
								   .message = message,
								   .now_ms = wall_now_ms(),
							   });
	}
	await_event(f, "\n- EventsMissed ");
	assert_in_range(f->missed, BURST - 1, BURST);
	await_event(f, "\nr Test 4195\n");
	end_watch(f);
}

static void test_closing_ends_them(void **state)
{
	Api__EventsRequest request = API__EVENTS_REQUEST__INIT;
	struct fixture *f = *state;

	start_cell(f, CELL("web", ""));
	request.has_watch = request.watch = true;
	begin(f, &request);
	await_event(f, "Ready is Ready");
	/* teardown closes the API with the stream open */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_runtime),
		TEST(test_selects),
		TEST(test_limits),
		TEST(test_refused),
		TEST(test_watch),
		TEST(test_waits_for_the_file),
		TEST(test_slow_reader),
		TEST(test_closing_ends_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
