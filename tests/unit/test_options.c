/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/options.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "tests/unit/run_kuke.h" /* runs kukeond here */

enum { FLAGS_MAX = 4 };

struct fixture {
	char dir[64], file[96];
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-options-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->file, sizeof(f->file), "%s/kukeond.yaml", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

static void write_config(const struct fixture *f, const char *text)
{
	assert_int_equal(fs_write_file_atomic(f->file, text, strlen(text), 0644, NULL), 0);
}

static int read_options(const struct fixture *f, const char *const flags[],
			Api__Config **ret_config, struct error *err)
{
	char *argv[FLAGS_MAX + 4] = { (char *)"kukeond", (char *)"--config", (char *)f->file };
	int argc = 3;

	for (; flags && flags[argc - 3]; argc++)
		argv[argc] = (char *)flags[argc - 3];
	return options_read(argc, argv, ret_config, err);
}

/* ---- precedence ---- */

static const struct {
	const char *name, *flags[FLAGS_MAX];
	const char *environment[4]; /* name, value, ... */
	const char *file;
	const char *run_path, *socket;
	unsigned prune_grace;
} rows[] = {
	{ "defaults", { NULL }, { NULL }, "{}", "/opt/kukeon", "/run/kukeon/kukeond.sock", 2 },
	{ "an empty file", { NULL }, { NULL }, "", "/opt/kukeon", "/run/kukeon/kukeond.sock", 2 },
	{ "comments alone",
	  { NULL },
	  { NULL },
	  "# runPath: /x\n\n  # that is all",
	  "/opt/kukeon",
	  "/run/kukeon/kukeond.sock",
	  2 },
	{ "file over default",
	  { NULL },
	  { NULL },
	  "runPath: /file\npruneGrace: 7\n",
	  "/file",
	  "/run/kukeon/kukeond.sock",
	  7 },
	{ "environment over file",
	  { NULL },
	  { "KUKEON_RUN_PATH", "/env", "KUKEON_PRUNE_GRACE", "8" },
	  "runPath: /file\npruneGrace: 7\n",
	  "/env",
	  "/run/kukeon/kukeond.sock",
	  8 },
	{ "flag over environment",
	  { "--run-path", "/flag", "--prune-grace=9" },
	  { "KUKEON_RUN_PATH", "/env", "KUKEON_PRUNE_GRACE", "8" },
	  "runPath: /file\n",
	  "/flag",
	  "/run/kukeon/kukeond.sock",
	  9 },
	{ "a flag hides a bad variable",
	  { "--prune-grace=9" },
	  { "KUKEON_PRUNE_GRACE", "soon" },
	  "{}",
	  "/opt/kukeon",
	  "/run/kukeon/kukeond.sock",
	  9 },
	{ "zero is a value",
	  { "--prune-grace=0" },
	  { NULL },
	  "pruneGrace: 7\n",
	  "/opt/kukeon",
	  "/run/kukeon/kukeond.sock",
	  0 },
	{ "the last flag wins",
	  { "--run-path=/a", "--run-path=/b" },
	  { NULL },
	  "{}",
	  "/b",
	  "/run/kukeon/kukeond.sock",
	  2 },
	{ "the socket follows the runtime directory",
	  { "--runtime-dir=/tmp/r" },
	  { NULL },
	  "{}",
	  "/opt/kukeon",
	  "/tmp/r/kukeond.sock",
	  2 },
	{ "the socket itself",
	  { "--runtime-dir=/tmp/r" },
	  { "KUKEON_SOCKET", "/s" },
	  "{}",
	  "/opt/kukeon",
	  "/s",
	  2 },
	{ "an empty socket is none",
	  { NULL },
	  { NULL },
	  "socket: \"\"\n",
	  "/opt/kukeon",
	  "/run/kukeon/kukeond.sock",
	  2 },
};

static void test_precedence(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		Api__Config *config = NULL;
		struct error err;

		write_config(*state, rows[i].file);
		for (size_t n = 0; n < ARRAY_SIZE(rows[i].environment) && rows[i].environment[n];
		     n += 2)
			setenv(rows[i].environment[n], rows[i].environment[n + 1], 1);
		if (read_options(*state, rows[i].flags, &config, &err) < 0)
			fail_msg("%s: %s", rows[i].name, err.msg);
		for (size_t n = 0; n < ARRAY_SIZE(rows[i].environment) && rows[i].environment[n];
		     n += 2)
			unsetenv(rows[i].environment[n]);
		if (!str_equal(config->run_path, rows[i].run_path) ||
		    !str_equal(config->socket, rows[i].socket) ||
		    config->prune_grace != rows[i].prune_grace)
			fail_msg("%s: run path %s, socket %s, grace %u; expected %s, %s, %u",
				 rows[i].name, config->run_path, config->socket,
				 config->prune_grace, rows[i].run_path, rows[i].socket,
				 rows[i].prune_grace);
		protobuf_c_message_free_unpacked(&config->base, NULL);
	}
}

/* ---- lists ---- */

static const struct {
	const char *flag, *environment, *file, *pools;
} list_rows[] = {
	{ NULL, NULL, "{}", "10.88.0.0/16 172.24.0.0/20 192.168.128.0/22" },
	{ NULL, NULL, "subnetPool: []\n", "10.88.0.0/16 172.24.0.0/20 192.168.128.0/22" },
	{ NULL, NULL, "subnetPool: [10.1.0.0/16, 10.2.0.0/16]\n", "10.1.0.0/16 10.2.0.0/16" },
	/* as it was written while it was one range */
	{ NULL, NULL, "subnetPool: 10.1.0.0/16\n", "10.1.0.0/16" },
	{ NULL, "10.3.0.0/16", "subnetPool: [10.1.0.0/16]\n", "10.3.0.0/16" },
	{ "--subnet-pool=10.4.0.0/16,10.5.0.0/16", "10.3.0.0/16", "{}", "10.4.0.0/16 10.5.0.0/16" },
};

static void test_lists(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(list_rows); i++) {
		const char *const flags[] = { list_rows[i].flag, NULL };
		AUTO_BUF struct buf pools = { 0 };
		Api__Config *config = NULL;
		struct error err;

		write_config(*state, list_rows[i].file);
		if (list_rows[i].environment)
			setenv("KUKEON_SUBNET_POOL", list_rows[i].environment, 1);
		if (read_options(*state, flags, &config, &err) < 0)
			fail_msg("row %zu: %s", i, err.msg);
		unsetenv("KUKEON_SUBNET_POOL");
		for (size_t n = 0; n < config->n_subnet_pool; n++)
			buf_printf(&pools, "%s%s", n ? " " : "", config->subnet_pool[n]);
		assert_string_equal(pools.data, list_rows[i].pools);
		protobuf_c_message_free_unpacked(&config->base, NULL);
	}
}

/* ---- what is wrong ---- */

static const struct {
	const char *variable, *value, *file;
	const char *error; /* "%s" is the file */
} bad_rows[] = {
	{ "KUKEON_RESYNC", "soon", "{}", "KUKEON_RESYNC: \"soon\" is not a number of seconds" },
	{ "KUKEON_RESYNC", "-1", "{}", "KUKEON_RESYNC: \"-1\" is not a number of seconds" },
	{ "KUKEON_RESYNC", "1s", "{}", "KUKEON_RESYNC: \"1s\" is not a number of seconds" },
	{ "KUKEON_RESYNC", "", "{}", "KUKEON_RESYNC: \"\" is not a number of seconds" },
	{ "KUKEON_RESYNC", "4294967296", "{}",
	  "KUKEON_RESYNC: \"4294967296\" is not a number of seconds" },
	{ "KUKEON_IMAGES_MAX_MIB", "1G", "{}",
	  "KUKEON_IMAGES_MAX_MIB: \"1G\" is not a number of MiB" },
	{ "KUKEON_IMAGES_CHECK_EVERY", "1d", "{}",
	  "KUKEON_IMAGES_CHECK_EVERY: \"1d\" is not a number of seconds" },
	{ "KUKEON_IMAGES_MAX_DAYS", "-2", "{}",
	  "KUKEON_IMAGES_MAX_DAYS: \"-2\" is not a number of days" },
	{ NULL, NULL, "runPaht: /x\n",
	  "%s:1:1: runPaht: unknown field, did you mean \"runPath\"?" },
};

static void test_bad_values(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad_rows); i++) {
		AUTO_FREE char *expected =
			str_starts_with(bad_rows[i].error, "%s")
				? xasprintf("%s%s", f->file, bad_rows[i].error + 2)
				: xstrdup(bad_rows[i].error);
		Api__Config *config = NULL;
		struct error err = { 0 };

		write_config(f, bad_rows[i].file);
		if (bad_rows[i].variable)
			setenv(bad_rows[i].variable, bad_rows[i].value, 1);
		assert_true(read_options(f, NULL, &config, &err) < 0);
		if (bad_rows[i].variable)
			unsetenv(bad_rows[i].variable);
		assert_null(config);
		assert_string_equal(err.msg, expected);
	}
}

/* A file that was named must be there; the default one need not. */
static void test_missing_file(void **state)
{
	Api__Config *config = NULL;
	struct error err;

	assert_int_equal(read_options(*state, NULL, &config, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "cannot open "));
}

/* ---- handed on to a daemon that another program starts ---- */

static void test_handed_on(void **state UNUSED)
{
	static const char *const expected[] = { "--config=/c", "--socket=/s", "--run-path=/r" };
	AUTO(strv_fini) struct strv flags = { 0 };
	struct options options = { 0 };

	options_add_flags(&options, &flags);
	assert_int_equal(flags.n, 0);
	assert_false(options_given(&options));
	options_give_socket(&options, "/s");
	assert_false(options_given(&options));
	setenv("KUKEON_RUN_PATH", "/e", 1);
	assert_true(options_given(&options));
	unsetenv("KUKEON_RUN_PATH");
	for (size_t i = 0; i < OPTIONS_COUNT + 1; i++) {
		if (str_equal(options_flags[i].name, "run-path"))
			assert_true(options_take(&options, options_flags[i].key, "/r"));
	}
	assert_true(options_given(&options));
	options.config_file = "/c";
	assert_false(options_take(&options, ARGP_KEY_END, NULL));
	options_add_flags(&options, &flags);
	assert_int_equal(flags.n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < flags.n; i++)
		assert_string_equal(flags.items[i], expected[i]);
}

/* ---- the program ---- */

static const struct {
	const char *line;
	int code;
	const char *out, *err;
} runs[] = {
	{ "--version", 0, "kukeond " KUKEON_VERSION "*", "" },
	{ "--help", 0, "Usage: *", "" },
	{ "--prune-grace=soon", 2, "", "<3>--prune-grace: \"soon\" is not a number of seconds\n" },
	{ "--resync 4294967296", 2, "",
	  "<3>--resync: \"4294967296\" is not a number of seconds\n" },
	{ "--run-path", 2, "", NULL },
	{ "--nope", 2, "", NULL },
	{ "stray", 2, "", "kuke: unexpected argument \"stray\"\n*" },
	{ "--config /nonexistent/kukeond.yaml", 2, "",
	  "<3>cannot open /nonexistent/kukeond.yaml: *" },
	{ "--log-level loud", 2, "",
	  "<3>log level \"loud\" is none of error, warning, info, debug\n" },
};

static void test_program(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		run_expect(runs[i].line, NULL, runs[i].code, runs[i].out, runs[i].err);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* Settings of whoever runs the tests. */
static void forget_environment(void)
{
	char **variable = environ;

	while (*variable) {
		AUTO_FREE char *name = xstrdup(*variable);

		name[strcspn(name, "=")] = '\0';
		if (str_starts_with(name, "KUKEON_"))
			unsetenv(name);
		else
			variable++;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_precedence),   TEST(test_lists),     TEST(test_bad_values),
		TEST(test_missing_file), TEST(test_handed_on), TEST(test_program),
	};

	forget_environment();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
