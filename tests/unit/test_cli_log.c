/* SPDX-License-Identifier: Apache-2.0 */
/* kuke log against a server of canned answers, which runs in a child process: what it asks, and how
 * lines are shown, in a pipe and on a terminal. */
#include "tests/unit/stub_server.h"

#include "cli/show/log_print.h"
#include "core/model/names.h"

#define SECOND UINT64_C(1000000000)
#define NOON (UINT64_C(1772366400) * SECOND) /* 2026-03-01T12:00:00Z */

enum { N_LINES = 4 };

static Api__LogLine lines[N_LINES];

static void fill(Api__LogLine *line, const char *container, uint64_t second, const char *text,
		 bool partial)
{
	api__log_line__init(line);
	line->container = TEXT(container);
	line->has_stream = line->has_time_ns = line->has_text = line->has_partial = true;
	line->stream = API__LOG_LINE__STREAM__STREAM_STDOUT;
	line->time_ns = NOON + second * SECOND;
	line->text.data = (uint8_t *)TEXT(text);
	line->text.len = strlen(text);
	line->partial = partial;
}

static void fill_all(void)
{
	fill(&lines[0], "app", 1, "one \033[31mred", false);
	fill(&lines[1], "sidecar", 2, "be", true);
	fill(&lines[2], "sidecar", 3, "gun", false);
	fill(&lines[3], "app", 4, "two\r", false);
}

static void on_sent(struct rpc_server_call *call, void *owner UNUSED)
{
	rpc_server_end(call);
}

static void on_closed(struct rpc_server_call *call UNUSED, void *owner UNUSED)
{
}

static void on_logs(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_sent,
							   .on_closed = on_closed };
	Api__LogLine *all[N_LINES];
	Api__LogLines reply = API__LOG_LINES__INIT;

	stub_record(ctx, message);
	fill_all();
	for (int i = 0; i < N_LINES; i++)
		all[i] = &lines[i];
	reply.lines = all;
	reply.n_lines = N_LINES;
	rpc_server_stream(call, &handler, ctx);
	rpc_server_send(call, &reply.base);
}

static Api__ContainerStatus *new_status(const char *name)
{
	Api__ContainerStatus *status = xnew(Api__ContainerStatus);

	api__container_status__init(status);
	status->id = TEXT(name);
	status->has_state = status->has_restart_count = true;
	status->state = API__STATE__STATE_PENDING;
	status->restart_count = 3;
	status->finished_at = TEXT("2026-03-01T12:00:04Z");
	return status;
}

/* A cell of two containers that keep ending; a container is what it is. */
static void on_get(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx UNUSED)
{
	const Api__GetRequest *request = (const Api__GetRequest *)message;
	Api__GetResponse reply = API__GET_RESPONSE__INIT;
	Api__Object *object = new_object("web", API__STATE__STATE_PENDING, "RestartBackOff");
	Api__Container container = API__CONTAINER__INIT;
	Api__Metadata metadata = API__METADATA__INIT;
	Api__ContainerStatus *both[] = { new_status("app"), new_status("sidecar") };

	object->cell->status->containers = both;
	object->cell->status->n_containers = ARRAY_SIZE(both);
	reply.objects = &object;
	reply.n_objects = str_equal(request->selector->name, "none") ? 0 : 1;
	if (request->selector->kind == API__KIND__KIND_CONTAINER) {
		container.metadata = &metadata;
		metadata.name = request->selector->name;
		object->object_case = API__OBJECT__OBJECT_CONTAINER;
		object->container = &container;
	}
	rpc_server_reply(call, &reply.base);
}

static const struct rpc_method methods[] = {
	{ SERVICE "Get", &api__get_request__descriptor, on_get },
	{ SERVICE "Logs", &api__logs_request__descriptor, on_logs },
};

static void expect_asked(const struct stub *stub, const char *expected)
{
	AUTO_FREE char *asked = stub_requests(stub);

	assert_string_equal(asked, expected);
}

static void test_in_a_pipe(void **state UNUSED)
{
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run_expect("log web", stub.environment, CLI_DONE,
		   "app     | one \033[31mred\nsidecar | begun\napp     | two\r\n", "");
	expect_asked(&stub, "---\nselector:\n  kind: Cell\n  realm: default\n  space: default\n"
			    "  stack: default\n  name: web\n");
	run_expect("logs container app --cell web --timestamps", stub.environment, CLI_DONE,
		   "2026-03-01T12:00:01.000000000Z one \033[31mred\n"
		   "2026-03-01T12:00:02.000000000Z begun\n"
		   "2026-03-01T12:00:04.000000000Z two\r\n",
		   "");
	stub_fini(&stub);
}

static void test_asks(void **state UNUSED)
{
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run_expect("log cell main/lab/front/web -c app --tail 7 --since 2026-03-01T12:00:00Z "
		   "--until 2026-03-01T12:00:01.5Z -p",
		   stub.environment, CLI_DONE, NULL, "");
	expect_asked(&stub, "---\nselector:\n  kind: Container\n  realm: main\n  space: lab\n"
			    "  stack: front\n  cell: web\n  name: app\ntail: 7\n"
			    "sinceNs: 1772366400000000000\nuntilNs: 1772366401500000000\n"
			    "runs: Previous\n");
	run_expect("log web --tail all -f", stub.environment, CLI_DONE, NULL, "");
	expect_asked(&stub, "---\nselector:\n  kind: Cell\n  realm: default\n  space: default\n"
			    "  stack: default\n  name: web\nfollow: true\n");
	stub_fini(&stub);
}

static void test_wrong_usage(void **state UNUSED)
{
	static const char *const rows[][2] = {
		{ "log", "which cell? kuke log CELL|container NAME*" },
		{ "log cell", "which cell? kuke log*" },
		{ "log realm main", "log works on cell or container, not on a realm*" },
		{ "log web -p -f", "-p shows a run that has ended: there is nothing to follow*" },
		{ "log container app --cell web -c b", "-c narrows a cell*" },
		{ "log web --tail x", "--tail \"x\": expected a number of lines, or all*" },
		{ "log web --since yesterday", "--since \"yesterday\": expected how long ago*" },
	};
	char *const nowhere[] = { TEXT("KUKEON_SOCKET=/nonexistent/s"), NULL };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *said = xasprintf("kuke: %s", rows[i][1]);

		run_expect(rows[i][0], nowhere, CLI_USAGE, "", said);
	}
}

static void test_not_there(void **state UNUSED)
{
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run_expect("log none", stub.environment, CLI_FAILED, "",
		   "kuke: cell \"none\" not found in realm \"default\"*");
	stub_fini(&stub);
}

/* What keeps ending is shown with what it printed last, harmlessly. */
static void test_last_lines_in_status(void **state UNUSED)
{
	struct stub stub;
	struct run run;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run = run_kuke("status cell web", stub.environment);
	assert_non_null(strstr(run.out.data, "\nContainer app printed last:\n"
					     "  one ^[[31mred\n  begun\n  two\n"));
	assert_non_null(strstr(run.out.data, "\nContainer sidecar printed last:\n"));
	run_fini(&run);
	free(stub_requests(&stub));
	stub_fini(&stub);
}

static void test_what_a_terminal_gets(void **state UNUSED)
{
	static const struct {
		const char *bytes, *shown;
	} rows[] = {
		{ "plain\ttext", "plain\ttext" },
		{ "\033]0;title\a", "^[]0;title^G" },
		{ "a\rb\bc\x7f", "a^Mb^Hc^?" },
		{ "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad", "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad" },
		{ "\xff\xc3(\xe2\x80\xae\xc2\x9b", "??"
						   "(??" },
	};
	AUTO_BUF struct buf shown = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		shown.len = 0;
		log_print_safe(rows[i].bytes, strlen(rows[i].bytes), &shown);
		assert_string_equal(shown.data, rows[i].shown);
	}
	shown.len = 0;
	log_print_safe("a\0b", 3, &shown);
	assert_string_equal(shown.data, "a^@b");
}

/* A line that has not ended is ended before another one begins. */
static void test_pieces(void **state UNUSED)
{
	char *text = NULL;
	size_t len = 0;
	struct log_print print = { .out = open_memstream(&text, &len), .safe = true };
	Api__LogLine one, other;

	fill(&one, "a", 1, "begun ", true);
	fill(&other, "b", 2, "between", false);
	log_print_line(&print, &one);
	log_print_line(&print, &other);
	log_print_line(&print, &one);
	log_print_line(&print, &one);
	log_print_end(&print);
	fclose(print.out);
	assert_string_equal(text, "begun \nbetween\nbegun begun \n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_a_pipe),
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_last_lines_in_status),
		cmocka_unit_test(test_what_a_terminal_gets),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
