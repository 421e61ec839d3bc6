/* SPDX-License-Identifier: Apache-2.0 */
/* Names with their kind and scope, as -o name prints them: what is asked for, of how many. */
#include "tests/unit/stub_server.h"

static void on_run(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	const Api__RunRequest *run = (const Api__RunRequest *)request;
	Api__RunResponse reply = API__RUN_RESPONSE__INIT;
	Api__Result result = API__RESULT__INIT;

	stub_record(ctx, request);
	result.has_kind = result.has_outcome = true;
	result.kind = run->selector->kind;
	result.key = TEXT("main/lab/app/db");
	result.outcome = API__OUTCOME__OUTCOME_UNCHANGED;
	reply.result = &result;
	rpc_server_reply(call, &reply.base);
}

static const struct rpc_method methods[] = {
	{ SERVICE "Run", &api__run_request__descriptor, on_run },
};

#define DB                                                                                         \
	"selector:\n  kind: Cell\n  realm: main\n  space: lab\n  stack: app\n  name: db\nverb: Stop\n"
#define SIDE                                                                                       \
	"selector:\n  kind: Container\n  realm: main\n  space: lab\n  stack: app\n  cell: db\n"    \
	"  name: side\nverb: Stop\n"
#define WEB                                                                                        \
	"selector:\n  kind: Cell\n  realm: default\n  space: default\n  stack: default\n"          \
	"  name: web\nverb: Stop\n"

static void test_what_is_asked_for(void **state UNUSED)
{
	static const struct {
		const char *line, *asked;
	} rows[] = {
		{ "stop cell/main/lab/app/db", DB },
		{ "stop cell/main/lab/app/db container/main/lab/app/db/side cell/web",
		  DB "---\n" SIDE "---\n" WEB },
		{ "stop cell cell/web cell/main/lab/app/db main/lab/app/db web",
		  WEB "---\n" DB "---\n" DB "---\n" WEB },
	};
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *expected = xasprintf("---\n%s", rows[i].asked);
		AUTO_FREE char *asked = NULL;
		struct run run = run_kuke(rows[i].line, stub.environment);

		asked = stub_requests(&stub);
		assert_string_equal(run.err.data, "");
		assert_int_equal(run.code, CLI_DONE);
		if (!str_equal(asked, expected))
			fail_msg("kuke %s asked:\n%s-- expected:\n%s", rows[i].line, asked,
				 expected);
		run_fini(&run);
	}
	stub_fini(&stub);
}

/* As many as xargs gives at once. */
static void test_many_names(void **state UNUSED)
{
	enum { NAMES = 200 };
	AUTO_BUF struct buf line = { 0 };
	AUTO_FREE char *asked = NULL;
	struct stub stub;
	struct run run;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	buf_add_str(&line, "stop");
	for (int i = 0; i < NAMES; i++)
		buf_printf(&line, " cell/default/default/default/c%d", i);
	run = run_kuke(line.data, stub.environment);
	assert_int_equal(run.code, CLI_DONE);
	asked = stub_requests(&stub);
	assert_non_null(strstr(asked, "  name: c0\n"));
	assert_non_null(strstr(asked, "  name: c199\n"));
	run_fini(&run);
	stub_fini(&stub);
}

static void test_wrong_names(void **state UNUSED)
{
	static const struct {
		const char *line, *problem;
	} rows[] = {
		{ "stop cell/a b", "kuke: \"b\": expected KIND/NAME, as in the words before it*" },
		{ "stop cell/a realm/b", "kuke: stop works on cell or container, not on a realm*" },
		{ "stop cell/a cell/b_", "kuke: \"b_\" is no name: *" },
		{ "stop cell/a/b", "kuke: \"a/b\" is no path of a cell: *" },
		{ "stop cell space/web", "kuke: \"space/web\" is no path of a cell: *" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_expect(rows[i].line, NULL, CLI_USAGE, "", rows[i].problem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked_for),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_wrong_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
