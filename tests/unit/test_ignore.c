/* SPDX-License-Identifier: Apache-2.0 */
/* The patterns of .kukeonignore: what they name, what is wrong with them, what they cost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/manifest/ignore.h"

static bool is_ignored(const char *text, const char *path)
{
	AUTO(ignore_fini) struct ignore ignore = { 0 };
	AUTO_FREE char *name = xstrdup(path);
	bool is_directory = str_ends_with(path, "/");
	uint64_t steps = 0;
	struct error err;

	if (ignore_parse("f", text, strlen(text), &ignore, &err) < 0)
		fail_msg("%s", err.msg);
	if (is_directory)
		name[strlen(name) - 1] = '\0';
	return ignore_judge(&ignore, name, is_directory, &steps) == IGNORE_YES;
}

static void test_patterns(void **state UNUSED)
{
	static const struct {
		const char *text, *ignored[8], *others[8]; /* a "/" at the end: a directory */
	} rows[] = {
		{ "", { NULL }, { "a.yaml", "a/" } },
		{ "# a.yaml\n\n   \n\\#b\n\\!c\n", { "#b", "!c" }, { "a.yaml", "# a.yaml" } },
		{ "docker-compose.yml",
		  { "docker-compose.yml", "x/y/docker-compose.yml", "docker-compose.yml/" },
		  { "docker-compose.yaml", "adocker-compose.yml", "docker-compose.ymlx" } },
		{ "/a.yaml\r\n", { "a.yaml" }, { "b/a.yaml" } },
		{ "b/a.yaml", { "b/a.yaml" }, { "c/b/a.yaml", "a.yaml", "b/" } },
		{ "charts/", { "charts/", "x/charts/" }, { "charts" } },
		{ "/charts/", { "charts/" }, { "x/charts/", "charts" } },
		{ "x/charts/", { "x/charts/" }, { "charts/", "y/x/charts/" } },
		{ "*.json", { "a.json", ".json", "b/c.json" }, { "a.jsonx", "json" } },
		{ "a*b*c", { "abc", "axxbxxc", "abcbc", "a*b*c" }, { "abcd", "ab/c", "acb" } },
		{ "?.yaml", { "a.yaml", "b/x.yaml" }, { ".yaml", "ab.yaml" } },
		{ "[a-c]x[!0-9]", { "axz", "cx-" }, { "dxz", "ax1", "ax" } },
		{ "[]a]x", { "]x", "ax" }, { "bx", "x" } },
		{ "[\\]-^]", { "]", "^" }, { "\\", "a" } },
		{ "**/a", { "a", "x/a", "x/y/a" }, { "xa", "a/b" } },
		{ "a/**", { "a/b", "a/b/c" }, { "a", "a/", "x/a/b" } },
		{ "a/**/b", { "a/b", "a/x/b", "a/x/y/b" }, { "a/xb", "ab", "a/b/c", "x/a/b" } },
		{ "a/**/**/b", { "a/b", "a/x/b" }, { "b" } },
		{ "**", { "a", "a/b/c" }, { NULL } },
		{ "a**b", { "ab", "axb" }, { "a/b" } },
		{ "x/*/z/**/*.yml", { "x/y/z/a.yml", "x/y/z/b/c/a.yml" }, { "x/z/a.yml" } },
		{ "*.yaml\n!web.yaml", { "a.yaml" }, { "web.yaml", "b/web.yaml" } },
		{ "*.yaml\n!web.yaml\n/web.yaml", { "web.yaml" }, { "b/web.yaml" } },
		{ "a \nb\\ ", { "a", "b " }, { "a ", "b" } },
		{ "\xef\xbb\xbf"
		  "a\n",
		  { "a" },
		  { NULL } },
		{ "a\\*", { "a*" }, { "ab", "a\\*" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int k = 0; k < 8; k++) {
			if (rows[i].ignored[k] && !is_ignored(rows[i].text, rows[i].ignored[k]))
				fail_msg("\"%s\" does not ignore %s", rows[i].text,
					 rows[i].ignored[k]);
			if (rows[i].others[k] && is_ignored(rows[i].text, rows[i].others[k]))
				fail_msg("\"%s\" ignores %s", rows[i].text, rows[i].others[k]);
		}
}

static void expect_error(const char *text, size_t len, const char *expected)
{
	struct ignore ignore = { 0 };
	struct error err;

	assert_int_equal(ignore_parse("m/.kukeonignore", text, len, &ignore, &err), -EINVAL);
	assert_string_equal(err.msg, expected);
	assert_int_equal(ignore.n, 0);
}

static void test_errors(void **state UNUSED)
{
	static const struct {
		const char *text, *err;
	} rows[] = {
		{ "a\n\n[b\n", "m/.kukeonignore:3: the \"[\" has no \"]\"" },
		{ "a\\", "m/.kukeonignore:1: it ends in a backslash" },
		{ "/\n", "m/.kukeonignore:1: it names nothing" },
		{ "!\n", "m/.kukeonignore:1: it names nothing" },
		{ "a//b\n", "m/.kukeonignore:1: a name is missing between two slashes" },
		{ "b\n./a\n", "m/.kukeonignore:2: \".\" and \"..\" name nothing here: begin with "
			      "\"/\" for this directory" },
		{ "[[:alpha:]]", "m/.kukeonignore:1: classes such as [:alpha:] are not known" },
		{ "\xff\n", "m/.kukeonignore:1: it is no text in UTF-8" },
	};
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_error(rows[i].text, strlen(rows[i].text), rows[i].err);
	expect_error("a\0b", 3, "m/.kukeonignore:1: it is no text in UTF-8");
	for (int i = 0; i <= IGNORE_PATTERNS_MAX; i++)
		buf_add_str(&text, "a\n");
	expect_error(text.data, text.len, "m/.kukeonignore:1001: more than 1000 patterns");
	for (int i = 0; i <= IGNORE_FILE_MAX_BYTES; i++)
		buf_add_str(&text, "#");
	expect_error(text.data, text.len, "m/.kukeonignore has more than 65536 bytes");
	buf_fini(&text);
	for (int i = 0; i <= IGNORE_PATTERN_MAX_BYTES; i++)
		buf_add_str(&text, "x");
	expect_error(text.data, text.len, "m/.kukeonignore:1: it is longer than 256 bytes");
	buf_fini(&text);
	for (int i = 0; i <= IGNORE_NAMES_MAX; i++)
		buf_add_str(&text, "/x");
	expect_error(text.data, text.len, "m/.kukeonignore:1: it has more names than 32");
}

/* No pattern and no name make it take more than their lengths multiplied. */
static void test_cost(void **state UNUSED)
{
	static const char pattern[] = "**/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b/**/*a*a*a*a*ab";
	AUTO(ignore_fini) struct ignore ignore = { 0 };
	AUTO_BUF struct buf path = { 0 };
	uint64_t steps = 0;
	struct error err;

	for (int name = 0; name < 16; name++)
		for (int i = 0; i < 250; i++)
			buf_add_str(&path, i == 249 && name < 15 ? "/" : "a");
	assert_int_equal(ignore_parse("f", pattern, strlen(pattern), &ignore, &err), 0);
	assert_int_equal(ignore_judge(&ignore, path.data, false, &steps), IGNORE_SAYS_NOTHING);
	assert_true(steps < path.len * strlen(pattern));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
