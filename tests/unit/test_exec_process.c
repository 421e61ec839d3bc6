/* SPDX-License-Identifier: Apache-2.0 */
/* What a command in a container is given: what the container has, but for what is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/exec/session_private.h"
#include "drivers/oci/user_parse.h"

static const char spec[] =
	"{\"process\":{\"terminal\":false,\"user\":{\"uid\":5,\"gid\":6,\"additionalGids\":[6,7]},"
	"\"args\":[\"/srv\",\"-x\"],\"env\":[\"PATH=/bin\",\"A=1\"],\"cwd\":\"/data\","
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"]},\"noNewPrivileges\":true},\"root\":{}}";

static char *argv[] = { (char *)"ls", (char *)"-l \"a\"" };

static void check_process(const struct session *session, const struct user *user,
			  const char *expected)
{
	AUTO_BUF struct buf text = { 0 };

	assert_int_equal(session_process(session, spec, sizeof(spec) - 1, user, &text, NULL), 0);
	assert_string_equal(text.data, expected);
}

static void test_container(void **state)
{
	const struct session session = { .argv = { argv, 2 } };

	(void)state;
	check_process(&session, NULL,
		      "{\"terminal\":false,\"user\":{\"uid\":5,\"gid\":6,\"additionalGids\":[6,7]},"
		      "\"args\":[\"ls\",\"-l \\\"a\\\"\"],\"env\":[\"PATH=/bin\",\"A=1\"],"
		      "\"cwd\":\"/data\",\"capabilities\":{\"bounding\":[\"CAP_KILL\"]},"
		      "\"noNewPrivileges\":true}");
}

static void test_otherwise(void **state)
{
	char *env[] = { (char *)"A=2", (char *)"B=" };
	uint32_t groups[] = { 9 };
	const struct user user = {
		.uid = 8, .gid = 9, .groups = groups, .n_groups = 1, .home = (char *)"/h"
	};
	const struct session session = { .argv = { argv, 1 },
					 .env = { env, 2 },
					 .cwd = (char *)"/tmp",
					 .tty = true,
					 .columns = 80,
					 .rows = 24 };

	(void)state;
	check_process(&session, &user,
		      "{\"terminal\":true,\"user\":{\"uid\":8,\"gid\":9,\"additionalGids\":[9,9]},"
		      "\"args\":[\"ls\"],\"env\":[\"PATH=/bin\",\"HOME=/h\",\"TERM=xterm\",\"A=2\","
		      "\"B=\"],\"cwd\":\"/tmp\",\"capabilities\":{\"bounding\":[\"CAP_KILL\"]},"
		      "\"noNewPrivileges\":true,\"consoleSize\":{\"height\":24,\"width\":80}}");
}

static void test_no_record(void **state)
{
	static const char *const texts[] = { "", "[]", "{}", "{\"process\":1}", "{\"process\":" };
	const struct session session = { .argv = { argv, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_BUF struct buf text = { 0 };
		struct error err;

		assert_true(session_process(&session, texts[i], strlen(texts[i]), NULL, &text,
					    &err) < 0);
		assert_null(text.data);
	}
}

static void test_failures(void **state)
{
	static const struct {
		const char *text;
		enum exec_failure failure;
	} rows[] = {
		{ "exec: \"x\": executable file not found in $PATH", EXEC_NOT_FOUND },
		{ "exec: \"/x\": stat /x: no such file or directory", EXEC_NOT_FOUND },
		{ "exec: \"/etc\": permission denied", EXEC_NOT_INVOCABLE },
		{ "exec: \"/etc\": is a directory", EXEC_NOT_INVOCABLE },
		{ "chdir to cwd (\"/x\") failed: no such file or directory", EXEC_NOT_INVOCABLE },
		{ "ttrpc: closed", EXEC_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(session_failure(rows[i].text), rows[i].failure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_otherwise),
		cmocka_unit_test(test_no_record),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
