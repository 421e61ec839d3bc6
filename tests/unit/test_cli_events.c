/* SPDX-License-Identifier: Apache-2.0 */
/* kuke events against a server of canned answers, which runs in a child process. */
#include "tests/unit/stub_server.h"

#include "core/model/names.h"

enum { N_EVENTS = 3, LAST = 7 };

/* Their ages are what they are: the tests do not look at them. */
static Api__Event events[N_EVENTS + 1];

static void fill(Api__Event *event, uint64_t sequence, const char *key, const char *message)
{
	api__event__init(event);
	event->has_sequence = event->has_type = true;
	event->sequence = sequence;
	event->time = TEXT("2026-01-01T00:00:00.000Z");
	event->has_kind = key != NULL;
	event->kind = key ? model_api_kind(key_kind(key)) : 0;
	event->key = TEXT(key);
	event->reason = TEXT("Because");
	event->message = TEXT(message);
}

static void fill_all(void)
{
	fill(&events[0], 1, NULL, "has started");
	fill(&events[1], 5, "default/default/default/web/app", "exited\n");
	events[1].type = API__EVENT__TYPE__TYPE_WARNING;
	events[1].has_count = true;
	events[1].count = 3;
	events[1].first_time = TEXT("2025-12-31T23:58:00.000Z");
	fill(&events[2], LAST, "default/lab/front/web", "is Ready");
	fill(&events[3], LAST + 1, "default", "is new");
}

struct sending {
	size_t next, end;
};

static void on_writable(struct rpc_server_call *call, void *owner)
{
	struct sending *sending = owner;

	if (sending->next == sending->end)
		rpc_server_end(call);
	else
		rpc_server_send(call, &events[sending->next++].base);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	free(owner);
}

/* The history, or what comes after it; then the daemon goes. */
static void on_events(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_writable,
							   .on_closed = on_closed };
	const Api__EventsRequest *request = (const Api__EventsRequest *)message;
	struct sending *sending = xnew(struct sending);

	stub_record(ctx, message);
	fill_all();
	sending->end = N_EVENTS;
	if (request->watch) {
		sending->next = N_EVENTS;
		sending->end = N_EVENTS + 1;
	}
	if (str_equal(request->selector->name, "nobody"))
		sending->end = 0;
	rpc_server_stream(call, &handler, sending);
	on_writable(call, sending);
}

static const struct rpc_method methods[] = {
	{ SERVICE "Events", &api__events_request__descriptor, on_events },
};

static void expect_asked(const struct stub *stub, const char *expected)
{
	AUTO_FREE char *asked = stub_requests(stub);

	assert_string_equal(asked, expected);
}

static void test_table(void **state UNUSED)
{
	struct stub stub;
	struct run run;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run = run_kuke("events", stub.environment);
	assert_int_equal(run.code, CLI_DONE);
	assert_non_null(strstr(run.out.data, " (x3 over 2m)   Warning   container web/app"
					     "            Because   exited?\n"));
	assert_non_null(strstr(run.out.data, "Normal    kukeond  "));
	assert_non_null(strstr(run.out.data, "Normal    cell default/lab/front/web   Because"));
	assert_true(str_starts_with(run.out.data, "AGE "));
	expect_asked(&stub, "---\nselector: {}\nlimit: 0\nsinceSeconds: 0\n");
	run_fini(&run);
	run_expect("events cell nobody", stub.environment, CLI_DONE, "", "No events found.\n");
	run_expect("events cell nobody -o json", stub.environment, CLI_DONE, "[]\n", "");
	run_expect("events cell nobody -o yaml", stub.environment, CLI_DONE, "", "");
	stub_fini(&stub);
}

static void test_asks(void **state UNUSED)
{
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run_expect("events --realm main --limit 5 --since 2m -o yaml", stub.environment, CLI_DONE,
		   NULL, "");
	expect_asked(&stub, "---\nselector:\n  realm: main\nlimit: 5\nsinceSeconds: 120\n");
	run_expect("events container app --cell web -o json", stub.environment, CLI_DONE, NULL, "");
	expect_asked(&stub, "---\nselector:\n  kind: Container\n  realm: default\n"
			    "  space: default\n  stack: default\n  cell: web\n  name: app\n"
			    "limit: 0\nsinceSeconds: 0\n");
	stub_fini(&stub);
}

/* The history, then what follows its last event, until the daemon goes. */
static void test_watch(void **state UNUSED)
{
	struct stub stub;
	struct run run;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run = run_kuke("events cells -w -o json --limit 3", stub.environment);
	assert_int_equal(run.code, CLI_UNREACHABLE);
	assert_non_null(strstr(run.err.data, "ended the watch"));
	assert_true(str_starts_with(run.out.data, "{\"sequence\": 1, "));
	assert_non_null(strstr(run.out.data, "}\n{\"sequence\": 8, "));
	assert_true(str_ends_with(run.out.data, "\"message\": \"is new\"}\n"));
	expect_asked(&stub, "---\nselector:\n  kind: Cell\nlimit: 3\nsinceSeconds: 0\n"
			    "---\nselector:\n  kind: Cell\nsinceSeconds: 0\nwatch: true\n"
			    "after: 7\n");
	run_fini(&run);
	stub_fini(&stub);
}

static void test_usage(void **state UNUSED)
{
	static const char *const lines[] = {
		"events --limit 0",  "events --limit x",        "events --limit -1",
		"events --limit 5x", "events --since x",        "events --since 0s",
		"events pod",        "events cell ../x",        "events a b c",
		"events -o name",    "events cells --cell web",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		run_expect(lines[i], NULL, CLI_USAGE, "", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
