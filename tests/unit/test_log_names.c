/* SPDX-License-Identifier: Apache-2.0 */
/* The names and files of the spool, there and back. */
#include "core/logs/log_names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char *const odd_entries[] = {
	"",       "a",      "a+b",     "a+b+",   "+b+1",    "a++1",   "a+b+01",
	"a+b+-1", "a+b+1x", "a+b+1+2", ".a+b+1", "a/x+b+1", "a+..+1", "a+b+99999999999999999999",
};

static void entries_there_and_back(void **state UNUSED)
{
	char entry[LOG_NAME_MAX_BYTES], namespace[LOG_NAME_MAX_BYTES], id[LOG_NAME_MAX_BYTES];
	uint64_t run;

	assert_true(log_entry_format("default.kukeon.io", "web_db-1", 1790000000123, entry));
	assert_string_equal(entry, "default.kukeon.io+web_db-1+1790000000123");
	assert_true(log_entry_parse(entry, namespace, id, &run));
	assert_string_equal(namespace, "default.kukeon.io");
	assert_string_equal(id, "web_db-1");
	assert_int_equal(run, 1790000000123);
	assert_false(log_entry_format("a+b", "c", 1, entry));
	assert_false(log_entry_format("../b", "c", 1, entry));
	for (size_t i = 0; i < ARRAY_SIZE(odd_entries); i++) {
		if (log_entry_parse(odd_entries[i], NULL, NULL, NULL))
			fail_msg("\"%s\" is taken for an entry", odd_entries[i]);
	}
}

static void files_of_the_spool(void **state UNUSED)
{
	static const char *const others[] = { ".ping",  ".pulse", ".lock",
					      ".state", "a+b+1",  "a+b+1.conf~",
					      "a+b+1.", "x.conf", ".a+b+1.conf.tmp" };
	char name[LOG_NAME_MAX_BYTES], entry[LOG_NAME_MAX_BYTES], long_id[300];
	enum log_suffix suffix;

	for (int i = 0; i < LOG_SPOOL_N; i++) {
		assert_true(log_spool_format("ns.x+id.y+7", (enum log_suffix)i, name));
		assert_true(log_spool_parse(name, entry, &suffix));
		assert_string_equal(entry, "ns.x+id.y+7");
		assert_int_equal(suffix, i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(log_spool_parse(others[i], entry, &suffix));
	memset(long_id, 'a', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	assert_false(log_entry_format("a", long_id, 1, entry));
	assert_false(log_spool_parse(long_id, entry, &suffix));
}

static void files_of_a_container(void **state UNUSED)
{
	static const char *const others[] = { "7.log.0",   "7.log.",     "x.log",
					      "7.log.zst", "7.log.1.gz", "7",
					      ".log",      "7.logs",     "7.log.1x" };
	unsigned int old;
	uint64_t run;
	bool zst;

	AUTO_FREE char *now = log_file_path("/l", 7, 0, true);
	AUTO_FREE char *second = log_file_path("/l", 7, 2, true);
	assert_string_equal(now, "/l/7.log");
	assert_string_equal(second, "/l/7.log.2.zst");
	assert_true(log_file_parse("7.log", &run, &old, &zst) && run == 7 && old == 0 && !zst);
	assert_true(log_file_parse("7.log.2.zst", &run, &old, &zst) && run == 7 && old == 2 && zst);
	assert_true(log_file_parse("8.log.1", &run, &old, &zst) && run == 8 && old == 1 && !zst);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (log_file_parse(others[i], &run, &old, &zst))
			fail_msg("\"%s\" is taken for a log file", others[i]);
	}
}

static void conf_there_and_back(void **state UNUSED)
{
	struct log_conf conf = { .dir = (char *)"/var/log/a b",
				 .run = 7,
				 .driver = LOG_DRIVER_JOURNALD,
				 .max_bytes = 1 << 20,
				 .max_files = 5,
				 .compress = true,
				 .realm = (char *)"r",
				 .space = (char *)"s",
				 .stack = (char *)"t",
				 .cell = (char *)"c=d",
				 .container = (char *)"two\nlines" };
	AUTO(log_conf_fini) struct log_conf back = { 0 };
	AUTO_BUF struct buf text = { 0 };

	log_conf_format(&conf, &text);
	assert_int_equal(log_conf_parse(text.data, text.len, &back, NULL), 0);
	assert_string_equal(back.dir, conf.dir);
	assert_string_equal(back.cell, "c=d");
	assert_null(back.container);
	assert_int_equal(back.run, 7);
	assert_int_equal(back.driver, LOG_DRIVER_JOURNALD);
	assert_int_equal(back.max_bytes, 1 << 20);
	assert_int_equal(back.max_files, 5);
	assert_true(back.compress);
}

static void conf_of_others(void **state UNUSED)
{
	static const struct {
		const char *text;
		int r;
		int64_t max_bytes;
		uint32_t max_files;
	} rows[] = {
		{ "dir=/l\n", 0, LOG_DEFAULT_BYTES, LOG_DEFAULT_FILES },
		{ "dir=/l\nnew_key=x", 0, LOG_DEFAULT_BYTES, LOG_DEFAULT_FILES },
		{ "driver=journald", 0, LOG_DEFAULT_BYTES, LOG_DEFAULT_FILES },
		{ "dir=/l\nmax_bytes=1\nmax_files=0", 0, LOG_MIN_BYTES, 1 },
		{ "dir=/l\nmax_files=4000000000", 0, LOG_DEFAULT_BYTES, LOG_FILES_MAX },
		{ "", -EINVAL, 0, 0 },
		{ "dir=l", -EINVAL, 0, 0 },
		{ "dir=/l\nmax_bytes=-1", -EINVAL, 0, 0 },
		{ "dir=/l\nmax_bytes=", -EINVAL, 0, 0 },
		{ "dir=/l\ndriver=syslog", -EINVAL, 0, 0 },
		{ "dir=/l\nword", -EINVAL, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(log_conf_fini) struct log_conf conf = { 0 };

		assert_int_equal(log_conf_parse(rows[i].text, strlen(rows[i].text), &conf, NULL),
				 rows[i].r);
		if (rows[i].r == 0) {
			assert_int_equal(conf.max_bytes, rows[i].max_bytes);
			assert_int_equal(conf.max_files, rows[i].max_files);
		}
	}
}

static void stat_there_and_back(void **state UNUSED)
{
	struct log_stat stat = { 12, 345 }, back;
	AUTO_BUF struct buf text = { 0 };

	log_stat_format(&stat, &text);
	log_stat_parse(text.data, text.len, &back);
	assert_int_equal(back.dropped_lines, 12);
	assert_int_equal(back.dropped_bytes, 345);
	log_stat_parse("nonsense", 8, &back);
	assert_int_equal(back.dropped_lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_there_and_back), cmocka_unit_test(files_of_the_spool),
		cmocka_unit_test(files_of_a_container),   cmocka_unit_test(conf_there_and_back),
		cmocka_unit_test(conf_of_others),         cmocka_unit_test(stat_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
