/* SPDX-License-Identifier: Apache-2.0 */
/* kuke against a server of canned answers, which runs in a child process. */
#include "core/base/version.h"
#include "tests/unit/stub_server.h"

#include <pty.h>

static void on_get(struct rpc_server_call *call, const ProtobufCMessage *request, void *ctx UNUSED)
{
	const Api__Selector *selector = ((const Api__GetRequest *)request)->selector;
	Api__Object *objects[] = { new_object("api", API__STATE__STATE_FAILED, "Because"),
				   new_object("web", API__STATE__STATE_READY, "Because") };
	Api__GetResponse reply = API__GET_RESPONSE__INIT;
	struct error err;

	if (str_equal(selector->name, "broken")) {
		rpc_server_fail(call, error_set(&err, -EIO, "the store is broken"), &err);
		return;
	}
	if (selector->kind == API__KIND__KIND_CELL && !str_equal(selector->realm, "empty")) {
		reply.n_objects = ARRAY_SIZE(objects);
		reply.objects = objects;
	}
	if (!str_empty(selector->name)) {
		/* a named object comes with its whole scope */
		check(str_equal(selector->realm, "default") &&
		      str_equal(selector->stack, "default"));
		reply.n_objects = str_equal(selector->name, "api");
	}
	rpc_server_reply(call, &reply.base);
}

static void on_version(struct rpc_server_call *call, const ProtobufCMessage *request UNUSED,
		       void *ctx UNUSED)
{
	Api__VersionResponse reply = API__VERSION_RESPONSE__INIT;

	reply.version = TEXT("9.8.7");
	rpc_server_reply(call, &reply.base);
}

static void on_status(struct rpc_server_call *call, const ProtobufCMessage *request UNUSED,
		      void *ctx)
{
	Api__StatusResponse reply = API__STATUS_RESPONSE__INIT;
	Api__Problem problem = API__PROBLEM__INIT, *problems[] = { &problem };
	const struct stub *stub = ctx;
	const bool *healthy = stub->script;

	reply.has_healthy = true;
	reply.healthy = *healthy;
	problem.key = TEXT("default/default/default/api");
	problem.has_kind = problem.has_state = true;
	problem.kind = API__KIND__KIND_CELL;
	problem.state = API__STATE__STATE_FAILED;
	reply.problems = problems;
	reply.n_problems = *healthy ? 0 : 1;
	rpc_server_reply(call, &reply.base);
}

static const struct rpc_method methods[] = {
	{ SERVICE "Get", &api__get_request__descriptor, on_get },
	{ SERVICE "Version", &api__version_request__descriptor, on_version },
	{ SERVICE "Status", &api__status_request__descriptor, on_status },
};

static void fixture_init(struct stub *fixture, bool healthy)
{
	static const bool answers[] = { false, true };

	stub_init(fixture, methods, ARRAY_SIZE(methods), &answers[healthy]);
}

/* ---- the tests ---- */

static void test_get(void **state UNUSED)
{
	struct stub fixture;

	fixture_init(&fixture, true);
	run_expect("get cells", fixture.environment, CLI_DONE,
		   "NAME   REALM     SPACE     STACK     STATE     READY   AGE\n"
		   "api    default   default   default   Because   0/0     -\n"
		   "web    default   default   default   Ready     0/0     -\n",
		   "");
	run_expect("get cell api", fixture.environment, CLI_DONE,
		   "NAME   REALM     SPACE     STACK     STATE     READY   AGE\n"
		   "api    default   default   default   Because   0/0     -\n",
		   "");
	run_expect("get cells -A --no-headers --show-labels", fixture.environment, CLI_DONE,
		   "api   default   default   default   Because   0/0   -   -\n"
		   "web   default   default   default   Ready     0/0   -   -\n",
		   "");
	run_expect("get cell gone", fixture.environment, CLI_FAILED, "",
		   "kuke: cell \"gone\" not found in realm \"default\", space \"default\", stack "
		   "\"default\"; "
		   "'kuke get cells' lists all\n");
	run_expect("get cells --realm empty", fixture.environment, CLI_DONE, "",
		   "No cells found.\n");
	run_expect("get realms", fixture.environment, CLI_DONE, "", "No realms found.\n");
	run_expect("get realms -o json", fixture.environment, CLI_DONE, "[]\n", "");
	run_expect("get realms -o yaml", fixture.environment, CLI_DONE, "", "");
	run_expect("get cell broken", fixture.environment, CLI_FAILED, "", "kuke: *");
	stub_fini(&fixture);
}

static void test_get_documents(void **state UNUSED)
{
	struct stub fixture;
	struct run run;

	fixture_init(&fixture, true);
	run = run_kuke("get cells -o yaml", fixture.environment);
	assert_int_equal(run.code, CLI_DONE);
	assert_true(str_starts_with(run.out.data, "apiVersion: v1beta1\nkind: Cell\n"));
	assert_non_null(strstr(run.out.data, "\n---\napiVersion: v1beta1\n"));
	assert_non_null(strstr(run.out.data, "state: Failed\n"));
	run_fini(&run);
	run = run_kuke("get cells -o json", fixture.environment);
	assert_int_equal(run.code, CLI_DONE);
	assert_true(str_starts_with(run.out.data, "[\n{"));
	assert_true(str_ends_with(run.out.data, "}\n]\n"));
	run_fini(&run);
	run = run_kuke("get cell api -o json", fixture.environment);
	assert_int_equal(run.code, CLI_DONE);
	assert_true(str_starts_with(run.out.data, "{\n"));
	assert_true(str_ends_with(run.out.data, "}\n"));
	run_fini(&run);
	stub_fini(&fixture);
}

/* The same on a terminal: what kuke writes there. */
static struct buf run_on_terminal(char *const environment[])
{
	char name[] = "kuke", verb[] = "get", kind[] = "cells",
	     *argv[] = { name, verb, kind, NULL };
	char *variables[RUN_VARIABLES_MAX + 2];
	posix_spawn_file_actions_t actions;
	struct buf out = { 0 };
	int master, slave, status;
	ssize_t len;
	pid_t pid;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	run_environment(environment, variables);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, slave, STDOUT_FILENO);
	assert_int_equal(posix_spawn(&pid, KUKE_PROGRAM, &actions, NULL, argv, variables), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == CLI_DONE);
	len = read(master, buf_reserve(&out, 4096), 4095);
	assert_true(len > 0);
	out.len = (size_t)len;
	out.data[len] = '\0';
	close(master);
	close(slave);
	return out;
}

static void test_color_only_on_a_terminal(void **state UNUSED)
{
	char no_color[] = "NO_COLOR=1", *environment[3] = { NULL };
	struct stub fixture;
	struct buf out;

	fixture_init(&fixture, true);
	environment[0] = fixture.variable;
	out = run_on_terminal(environment);
	assert_non_null(strstr(out.data, "\033[31mBecause\033[0m"));
	buf_fini(&out);
	environment[1] = no_color;
	out = run_on_terminal(environment);
	assert_null(strchr(out.data, '\033'));
	assert_non_null(strstr(out.data, "Because"));
	buf_fini(&out);
	stub_fini(&fixture);
}

static void test_status(void **state UNUSED)
{
	struct stub fixture;
	struct run run;

	fixture_init(&fixture, true);
	run = run_kuke("status", fixture.environment);
	assert_int_equal(run.code, CLI_DONE);
	assert_true(str_ends_with(run.out.data, "\nEverything declared is running.\n"));
	run_fini(&run);
	stub_fini(&fixture);

	fixture_init(&fixture, false);
	run = run_kuke("status", fixture.environment);
	assert_int_equal(run.code, CLI_FAILED);
	assert_true(str_starts_with(run.out.data,
				    "Problems\n  cell default/default/default/api: Failed\n\n"));
	assert_true(str_ends_with(run.out.data, "\n1 object is not as declared.\n"));
	run_fini(&run);
	run_expect("status -o json", fixture.environment, CLI_FAILED, "{\n*", "");
	run = run_kuke("status -o json", fixture.environment);
	assert_non_null(strstr(run.out.data, "\"held\": []")); /* jq '.held[]' finds none */
	run_fini(&run);
	stub_fini(&fixture);
}

static void test_version_and_a_dead_socket(void **state UNUSED)
{
	AUTO_FREE char *versions = xasprintf("kuke:    %s\nkukeond: 9.8.7\n", kukeon_version);
	AUTO_FREE char *line = NULL;
	struct stub fixture;

	fixture_init(&fixture, true);
	run_expect("version", fixture.environment, CLI_DONE, versions, "");
	line = xasprintf("version --host unix://%s", fixture.address.sun_path);
	run_expect(line, NULL, CLI_DONE, versions, "");
	stub_stop(&fixture);
	run_expect("version", fixture.environment, CLI_UNREACHABLE, "kuke:    " KUKEON_VERSION "*",
		   "kuke: cannot reach kukeond at *");
	stub_clean(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_get_documents),
		cmocka_unit_test(test_color_only_on_a_terminal),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_version_and_a_dead_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
