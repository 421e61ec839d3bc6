/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/run_kuke.h"

#include "cli/args/kinds.h"
#include "cli/verbs.h"
#include "core/base/str.h"

static void test_kind_words(void **state UNUSED)
{
	static const struct {
		const char *word;
		int kind; /* -1: none */
	} rows[] = {
		{ "realm", KIND_REALM },
		{ "realms", KIND_REALM },
		{ "r", KIND_REALM },
		{ "space", KIND_SPACE },
		{ "spaces", KIND_SPACE },
		{ "sp", KIND_SPACE },
		{ "stack", KIND_STACK },
		{ "stacks", KIND_STACK },
		{ "st", KIND_STACK },
		{ "cell", KIND_CELL },
		{ "cells", KIND_CELL },
		{ "ce", KIND_CELL },
		{ "container", KIND_CONTAINER },
		{ "containers", KIND_CONTAINER },
		{ "co", KIND_CONTAINER },
		{ "Cell", KIND_CELL },
		{ "CELLS", KIND_CELL },
		{ "", -1 },
		{ "c", -1 },
		{ "s", -1 },
		{ "cel", -1 },
		{ "cells ", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum kind kind = KIND_COUNT;
		bool found = kinds_parse(rows[i].word, &kind);

		if (found != (rows[i].kind >= 0) || (found && (int)kind != rows[i].kind))
			fail_msg("\"%s\": %d, expected %d", rows[i].word, found ? (int)kind : -1,
				 rows[i].kind);
	}
}

static void test_wrong_usage(void **state UNUSED)
{
	static const char try_help[] = "Try 'kuke help'.\n", try_get[] = "Try 'kuke get --help'.\n";
	static const char try_version[] = "Try 'kuke version --help'.\n";
	static const struct {
		const char *line, *problem, *try;
	} rows[] = {
		{ "pull", "unknown verb \"pull\": here it is 'kuke image pull IMAGE'", try_help },
		{ "ps", "unknown verb \"ps\": here it is 'kuke get containers'", try_help },
		{ "attach", "unknown verb \"attach\": here it is 'kuke log CELL -f'", try_help },
		{ "cp",
		  "unknown verb \"cp\": there is none here: mount a directory of the host: "
		  "\"volumes\" of a container",
		  try_help },
		{ "kilt", "unknown verb \"kilt\", did you mean \"kill\"?", try_help },
		{ "bull", "unknown verb \"bull\"", try_help },
		{ "gte", "unknown verb \"gte\", did you mean \"get\"?", try_help },
		{ "frobnicate", "unknown verb \"frobnicate\"", try_help },
		{ "--sokcet /x get cells",
		  "unknown option \"--sokcet\", did you mean \"--socket\"?", try_help },
		{ "--socket", "option \"--socket\" needs a value: --socket FILE", try_help },
		{ "help gte", "unknown verb \"gte\", did you mean \"get\"?",
		  "Try 'kuke help --help'.\n" },
		{ "get", "get needs a kind: expected realms, spaces, stacks, cells or containers",
		  try_get },
		{ "get cels", "unknown kind \"cels\", did you mean \"cell\"?", try_get },
		{ "get pods",
		  "unknown kind \"pods\": expected realms, spaces, stacks, cells or containers",
		  try_get },
		{ "get cells a b", "\"b\" is one word too many: kuke get KIND [NAME]", try_get },
		{ "get cells --relam x", "unknown option \"--relam\", did you mean \"--realm\"?",
		  try_get },
		{ "get cells --s x", "option \"--s\" could be several: write it out", try_get },
		{ "get cells --realm", "option \"--realm\" needs a value: --realm NAME", try_get },
		{ "get cells --help=x", "option \"--help\" takes no value", try_get },
		{ "get cells -x", "unknown option \"-x\"", try_get },
		{ "get cells -o", "option \"-o\" needs a value", try_get },
		{ "get -zo json cells", "unknown option \"-z\"", try_get },
		{ "get cells -o xml", "-o \"xml\": get knows table, wide, yaml, json, name",
		  try_get },
		{ "get cells --realm ../etc",
		  "--realm \"../etc\": a name has letters, digits and inner dashes, at most 63",
		  try_get },
		{ "get cell a/b", "\"a/b\" is no path of a cell: expected REALM/SPACE/STACK/CELL",
		  try_get },
		{ "get cell a/b/c/-",
		  "\"a/b/c/-\" is no path of a cell: expected "
		  "REALM/SPACE/STACK/CELL",
		  try_get },
		{ "get cell a/b/c/d --space x",
		  "--space x does not agree with the space of a/b/c/d", try_get },
		{ "get cell/", "\"\" is no name: letters, digits and inner dashes, at most 63",
		  try_get },
		{ "get pod/x",
		  "unknown kind \"pod/x\": expected realms, spaces, stacks, cells or "
		  "containers",
		  try_get },
		{ "get cells --cell x", "--cell does not narrow cells: give the name as a word",
		  try_get },
		{ "get realm main --space x", "--space does not narrow realms: leave it out",
		  try_get },
		{ "get cells --host tcp://1.2.3.4",
		  "--host \"tcp://1.2.3.4\": expected unix:///path/of/socket", try_get },
		{ "version now", "\"now\": version takes no words", try_version },
		{ "version -o wide", "-o \"wide\": version knows table, json", try_version },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *err = xasprintf("kuke: %s\n%s", rows[i].problem, rows[i].try);

		run_expect(rows[i].line, NULL, CLI_USAGE, "", err);
	}
}

static void test_socket_paths(void **state UNUSED)
{
	AUTO_FREE char *line = xasprintf("version --socket /%0120d", 0);
	char variable[] = "KUKEON_SOCKET=/nonexistent/from-environment",
	     *environment[] = { variable, NULL };

	run_expect(line, NULL, CLI_USAGE, "", "kuke: --socket \"/00*");
	run_expect("version", environment, CLI_UNREACHABLE, NULL,
		   "kuke: cannot reach kukeond at "
		   "/nonexistent/from-environment: *");
	run_expect(
		"version --socket /nonexistent/a", environment, CLI_UNREACHABLE, NULL,
		"kuke: cannot reach kukeond at /nonexistent/a: No such file or directory; is it running? '*");
	run_expect("--socket /nonexistent/a version", environment, CLI_UNREACHABLE, NULL,
		   "kuke: cannot reach kukeond at /nonexistent/a: *");
	run_expect("version --host unix:///nonexistent/b", environment, CLI_UNREACHABLE, NULL,
		   "kuke: cannot reach kukeond at /nonexistent/b: *");
}

static void test_unreachable(void **state UNUSED)
{
	run_expect("version --socket /nonexistent/a", NULL, CLI_UNREACHABLE,
		   "kuke:    " KUKEON_VERSION "*", NULL);
	run_expect("version -o json --socket /nonexistent/a", NULL, CLI_UNREACHABLE,
		   "{\n  \"client\": { \"version\": \"" KUKEON_VERSION "*", NULL);
	run_expect("get cells --socket /nonexistent/a", NULL, CLI_UNREACHABLE, "",
		   "kuke: cannot reach kukeond*");
	run_expect("get cell web --socket /nonexistent/a", NULL, CLI_UNREACHABLE, "",
		   "kuke: cannot reach kukeond*");
	run_expect("status --socket /nonexistent/a", NULL, CLI_UNREACHABLE, "",
		   "kuke: cannot reach kukeond*");
}

static void check_width(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len >= 80)
			fail_msg("%zu columns: %.*s", len, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* In lines of a terminal; what every verb has stands behind what is its own. */
static void test_help_in_groups(void **state UNUSED)
{
	struct run overview = run_kuke("help", NULL), get = run_kuke("help get", NULL),
		   init = run_kuke("help init", NULL);
	const char *own = strstr(get.out.data, "\nOptions:\n  -l, "),
		   *scope = strstr(get.out.data, "\nWhere to look:\n      --realm=NAME "),
		   *common = strstr(get.out.data, "\nOptions of every verb:\n      --socket=FILE "),
		   *examples = strstr(get.out.data, "\nExamples:\n");

	assert_true(own && own < scope && scope < common && common < examples);
	assert_non_null(strstr(init.out.data, "\nSettings of kukeond:\n      --run-path=DIR "));
	assert_non_null(strstr(overview.out.data, "\nRun:\n  start "));
	check_width(overview.out.data);
	for (size_t i = 0; i < n_verbs; i++) {
		AUTO_FREE char *word = xasprintf("help %s", verbs[i]->name);
		struct run help = run_kuke(word, NULL);

		check_width(help.out.data);
		run_fini(&help);
	}
	run_fini(&overview);
	run_fini(&get);
	run_fini(&init);
}

static void test_help(void **state UNUSED)
{
	struct run overview = run_kuke("help", NULL);

	assert_int_equal(overview.code, CLI_DONE);
	for (size_t i = 0; i < n_verbs; i++) {
		AUTO_FREE char *option = xasprintf("%s --help", verbs[i]->name);
		AUTO_FREE char *word = xasprintf("help %s", verbs[i]->name);
		AUTO_FREE char *usage = xasprintf("Usage: kuke %s [OPTION...]", verbs[i]->name);
		struct run help = run_kuke(option, NULL);

		assert_int_equal(help.code, CLI_DONE);
		assert_true(str_starts_with(help.out.data, usage));
		assert_non_null(strstr(help.out.data, "\nExamples:\n  "));
		assert_non_null(strstr(help.out.data, "\n  -h, --help "));
		assert_string_equal(help.err.data, "");
		run_expect(word, NULL, CLI_DONE, help.out.data, "");
		assert_int_equal(strstr(overview.out.data, verbs[i]->name) != NULL,
				 !verbs[i]->hidden);
		run_fini(&help);
	}
	run_expect("--help", NULL, CLI_DONE, overview.out.data, "");
	run_expect("--version", NULL, CLI_DONE, "kuke " KUKEON_VERSION "*", "");
	run_fini(&overview);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kind_words),   cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_socket_paths), cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_help),         cmocka_unit_test(test_help_in_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
