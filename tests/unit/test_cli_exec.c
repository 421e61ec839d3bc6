/* SPDX-License-Identifier: Apache-2.0 */
/* kuke exec against a server of canned answers: what is asked, how it ends. */
#include "tests/unit/stub_server.h"

#include "core/base/fs.h"

/* How much was told. */
struct told {
	unsigned n;
};

static void on_closed(struct rpc_server_call *call UNUSED, void *owner)
{
	free(owner);
}

static void send_text(struct rpc_server_call *call, bool err, const char *text)
{
	Api__ExecResponse response = API__EXEC_RESPONSE__INIT;

	response.has_err = err;
	response.has_out = !err;
	response.out.data = response.err.data = (uint8_t *)TEXT(text);
	response.out.len = response.err.len = strlen(text);
	rpc_server_send(call, &response.base);
}

static void send_exit(struct rpc_server_call *call, unsigned code, const char *message)
{
	Api__ExecResponse response = API__EXEC_RESPONSE__INIT;
	Api__ExecExit end = API__EXEC_EXIT__INIT;

	end.has_code = true;
	end.code = code;
	end.message = TEXT(message);
	response.exit = &end;
	rpc_server_send(call, &response.base);
	rpc_server_end(call);
}

static void on_writable(struct rpc_server_call *call, void *owner)
{
	static const char *const texts[] = { "one\n", "two\n" };
	struct told *told = owner;

	if (told->n < ARRAY_SIZE(texts)) {
		send_text(call, told->n, texts[told->n]);
		told->n++;
	} else if (told->n++ == ARRAY_SIZE(texts)) {
		send_exit(call, 2, NULL);
	}
}

static void on_message(struct rpc_server_call *call UNUSED, const ProtobufCMessage *message UNUSED,
		       void *owner UNUSED)
{
}

static void on_exec(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx)
{
	static const struct rpc_stream_handler handler = { .on_writable = on_writable,
							   .on_message = on_message,
							   .on_closed = on_closed };
	const Api__ExecStart *start = ((const Api__ExecRequest *)request)->start;
	struct told *told = xnew(struct told);
	struct error err;

	stub_record(ctx, request);
	rpc_server_stream(call, &handler, told);
	if (str_equal(start->args[0], "missing")) {
		told->n = UINT_MAX / 2;
		send_exit(call, 127, "missing: not found");
	} else if (str_equal(start->args[0], "refused")) {
		rpc_server_fail(call, error_set(&err, -ENOENT, "no such cell"), &err);
	} else if (str_equal(start->args[0], "cut")) {
		rpc_server_end(call);
	} else {
		on_writable(call, told);
	}
}

static const struct rpc_method methods[] = {
	{ "/kukeon.v1beta1.Containers/Exec", &api__exec_request__descriptor, on_exec },
};

static void test_lines(void **state UNUSED)
{
	static const struct {
		const char *line;
		int code;
		const char *out, *err;
	} rows[] = {
		{ "exec web -- two", 2, "one\n", "two\n" },
		{ "exec web -- missing", 127, "", "kuke: missing: not found\n" },
		{ "exec web -- refused", CLI_NOT_RUN, "", "kuke: no such cell\n" },
		{ "exec web -- cut", CLI_NOT_RUN, "",
		  "kuke: kukeond ended without saying how the command did\n" },
		{ "exec", CLI_NOT_RUN, "", "kuke: which command? *" },
		{ "exec web", CLI_NOT_RUN, "", "kuke: which command? *" },
		{ "exec we/b -- true", CLI_NOT_RUN, "", "kuke: \"we/b\" is no path of a cell: *" },
		{ "exec web -e x -- true", CLI_NOT_RUN, "",
		  "kuke: -e \"x\": expected NAME=VALUE\n*" },
		{ "exec web -t -- true", CLI_NOT_RUN, "",
		  "kuke: -t: standard input is no terminal: leave it out\n*" },
		{ "exec web -x -- true", CLI_NOT_RUN, "", "kuke: unknown option \"-x\"\n*" },
	};
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_expect(rows[i].line, stub.environment, rows[i].code, rows[i].out, rows[i].err);
	stub_fini(&stub);
}

static void test_request(void **state UNUSED)
{
	AUTO_BUF struct buf asked = { 0 };
	struct stub stub;

	stub_init(&stub, methods, ARRAY_SIZE(methods), NULL);
	run_expect("exec main/lab/front/db -c side -i -u app -w /tmp -e A=1 -e B= -- sh -c x",
		   stub.environment, 2, "one\n", "two\n");
	assert_int_equal(fs_read_file(AT_FDCWD, stub.requests, 4096, &asked, NULL), 0);
	assert_string_equal(asked.data,
			    "---\nstart:\n  realm: main\n  space: lab\n  stack: front\n  cell: db\n"
			    "  container: side\n  args:\n  - sh\n  - -c\n  - x\n  env:\n  - A=1\n"
			    "  - B=\n  user: app\n  dir: /tmp\n  input: true\n  tty: false\n");
	stub_fini(&stub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
