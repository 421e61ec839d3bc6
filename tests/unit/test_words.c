/* SPDX-License-Identifier: Apache-2.0 */
/* Which names may be in a text that nobody could parse: never a wrong no. */
#include "core/base/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/buf.h"

static bool may_have(const struct words *words, const char *name)
{
	struct words_name asked = { .hash = words_hash(name) };

	return words_find(words, &asked, 1, words) == 1;
}

static const struct {
	const char *text, *name;
	bool may;
} rows[] = {
	{ "metadata: {name: web}", "web", true },
	{ "metadata: {name: web}", "we", false },
	{ "metadata: {name: web-1}", "web", false },
	{ "metadata: {name: web-1}", "web-1", true },
	{ "name: \"web\"", "web", true },
	{ "web", "web", true },
	{ "", "web", false },
	{ "name: \"we\\x62\"", "web", true }, /* an escape can spell any letter */
	{ "name: \"w\\\neb\"", "web", true }, /* so can a line that goes on */
	{ "name: \"a\\tb\"", "web", false },  /* this one cannot */
	{ "n\xc3\xa4me: [web", "web", true },
};

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct words words;

		words_read(rows[i].text, strlen(rows[i].text), &words);
		if (may_have(&words, rows[i].name) != rows[i].may)
			fail_msg("%s in %s", rows[i].name, rows[i].text);
		words_fini(&words);
	}
}

static void test_nul_bytes(void **state UNUSED)
{
	struct words words;

	words_read("w\0e\0b\0", 6, &words);
	assert_true(may_have(&words, "web"));
	words_fini(&words);
}

static void test_too_many(void **state UNUSED)
{
	AUTO_BUF struct buf text = { 0 };
	struct words words;

	for (int i = 0; i <= WORDS_MAX; i++)
		buf_printf(&text, "w%d ", i);
	words_read(text.data, text.len, &words);
	assert_true(may_have(&words, "web"));
	words_fini(&words);
}

enum { NAMES = 50 };

static void ask_for(struct words_name names[NAMES], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%zu", i / 2); /* each twice */
		names[i] = (struct words_name){ .hash = words_hash(name), .ctx = (void *)(i / 2) };
	}
	words_sort_names(names, n);
}

/* Fewer names than words, and more: the same answers. */
static void test_many_names(void **state UNUSED)
{
	static const char few_words[] = "c3 c7 x", other_words[] = "c3 c8";
	AUTO_BUF struct buf text = { 0 };
	struct words_name names[NAMES];
	struct words few, many, other;

	buf_add_str(&text, "c3 c7");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, " x%d", i);
	words_read(few_words, strlen(few_words), &few);
	words_read(other_words, strlen(other_words), &other);
	words_read(text.data, text.len, &many);
	for (int i = 0; i < 2; i++) {
		const struct words *words = i ? &many : &few;

		ask_for(names, NAMES);
		assert_int_equal(words_find(words, names, NAMES, words), 4);
		assert_int_equal(words_find(&other, names, NAMES, &other), 2); /* c3 is found */
		for (size_t n = 0; n < NAMES; n++) {
			size_t number = (size_t)names[n].ctx;
			const void *expected = number == 3 || number == 7 ? (const void *)words
					       : number == 8              ? &other
									  : NULL;

			assert_ptr_equal(names[n].found, expected);
		}
	}
	words_set_any(&few);
	assert_int_equal(words_find(&few, names, NAMES, &few), NAMES - 6);
	words_fini(&few);
	words_fini(&many);
	words_fini(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
