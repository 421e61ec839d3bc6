/* SPDX-License-Identifier: Apache-2.0 */
/* Files of lines that never move: what is patched into a copy of the text before is the text after.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/hosts/hosts_lines.h"

enum { NAMES = 60, ROUNDS = 3000, TEXT_BYTES = 64 * 1024 };

struct reader {
	char text[TEXT_BYTES];
	size_t len;
	unsigned wholes;
};

/* As a file is brought up to date. */
static void apply(struct reader *reader, const struct hosts_lines *lines)
{
	assert_int_equal(reader->len, lines->len_before);
	assert_in_range(lines->text.len, 0, TEXT_BYTES - 1);
	if (lines->whole)
		memcpy(reader->text, lines->text.data, lines->text.len);
	for (size_t i = 0; !lines->whole && i < lines->n_patches; i++)
		memcpy(reader->text + lines->patches[i].at, lines->text.data + lines->patches[i].at,
		       lines->patches[i].len);
	reader->wholes += lines->whole;
	reader->len = lines->text.len;
	assert_memory_equal(reader->text, lines->text.data ? lines->text.data : "", reader->len);
}

static void update(struct hosts_lines *lines, struct reader *reader, const char *text)
{
	hosts_lines_update(lines, text);
	apply(reader, lines);
	reader->text[reader->len] = '\0';
}

static void test_one_comes_and_goes(void **state UNUSED)
{
	struct hosts_lines lines = { 0 };
	struct reader reader = { 0 };

	update(&lines, &reader, "1\ta\n3\tc\n");
	assert_string_equal(reader.text, "1\ta\n3\tc\n");
	update(&lines, &reader, "1\ta\n2\tb\n3\tc\n");
	assert_string_equal(reader.text, "1\ta\n3\tc\n2\tb\n");
	assert_false(lines.whole);
	assert_int_equal(lines.n_patches, 1);
	assert_int_equal(lines.patches[0].len, 4);
	update(&lines, &reader, "2\tb\n3\tc\n");
	assert_string_equal(reader.text, "#  \n3\tc\n2\tb\n");
	update(&lines, &reader, "2\tb\n3\tc\n");
	assert_int_equal(lines.n_patches, 0);
	assert_int_equal(reader.wholes, 1);
	hosts_lines_fini(&lines);
}

/* Exactly the lines that shall be there, and comments. */
static void expect_lines(const struct reader *reader, const bool there[NAMES], unsigned generation)
{
	char text[32];
	size_t n = 0, found = 0;

	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u\tname\n", generation, i);
		n += there[i];
		assert_true(!there[i] || strstr(reader->text, text));
	}
	for (const char *line = reader->text; *line; line = strchr(line, '\n') + 1)
		found += *line != '#';
	assert_int_equal(found, n);
}

static void test_random(void **state UNUSED)
{
	struct hosts_lines lines = { 0 };
	struct reader reader = { 0 };
	bool there[NAMES] = { 0 };

	srandom(1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned generation = round / 500, changes = 1 + (unsigned)random() % 4;
		AUTO_BUF struct buf text = { 0 };

		for (unsigned i = 0; i < changes; i++)
			there[random() % NAMES] ^= true;
		buf_add_str(&text, "");
		for (unsigned i = 0; i < NAMES; i++)
			if (there[i])
				buf_printf(&text, "10.0.%u.%u\tname\n", generation, i);
		update(&lines, &reader, text.data);
		expect_lines(&reader, there, generation);
	}
	assert_in_range(reader.wholes, 1, ROUNDS / 10);
	hosts_lines_fini(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_comes_and_goes),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
