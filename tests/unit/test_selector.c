/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h> /* needs the headers above */

#include "core/base/buf.h"
#include "core/model/selector.h"

/* Labels of the object that all conditions are tried on: app=web, tier=front, empty="", and one
 * without any value. */
static Api__Metadata *labelled(void)
{
	static Api__Metadata__LabelsEntry entries[4];
	static Api__Metadata__LabelsEntry *labels[4];
	static Api__Metadata metadata = API__METADATA__INIT;
	static const char *const pairs[4][2] = {
		{ "app", "web" },
		{ "bare", NULL },
		{ "empty", "" },
		{ "tier", "front" },
	};

	for (int i = 0; i < 4; i++) {
		api__metadata__labels_entry__init(&entries[i]);
		entries[i].key = (char *)pairs[i][0];
		entries[i].value = (char *)pairs[i][1];
		labels[i] = &entries[i];
	}
	metadata.labels = labels;
	metadata.n_labels = 4;
	return &metadata;
}

static bool matches(const char *text, const Api__Metadata *metadata)
{
	struct selector *selector = NULL;
	struct error err;
	bool matched;

	if (selector_parse(text, &selector, &err) < 0)
		fail_msg("\"%s\": %s", text, err.msg);
	matched = selector_matches(selector, metadata);
	selector_free(selector);
	return matched;
}

static const struct {
	const char *text;
	bool matched, matched_without; /* with the labels above; without any */
} matching[] = {
	{ NULL, true, true },
	{ "", true, true },
	{ " \t", true, true },
	{ "app=web", true, false },
	{ "app==web", true, false },
	{ " app = web ", true, false },
	{ "app=db", false, false },
	{ "app=we", false, false },
	{ "app=webs", false, false },
	{ "app!=web", false, true },
	{ "app != db", true, true },
	{ "zone!=a", true, true },
	{ "app", true, false },
	{ "zone", false, false },
	{ "!app", false, true },
	{ "! zone", true, true },
	{ "bare", true, false },
	{ "bare=", true, false },
	{ "empty=", true, false },
	{ "empty!=", false, true },
	{ "app=", false, false },
	{ "app in (web)", true, false },
	{ "app in (db,web)", true, false },
	{ "app in(db, web )", true, false },
	{ "app in (db)", false, false },
	{ "empty in ()", true, false },
	{ "empty in (a,)", true, false },
	{ "app notin (web,db)", false, true },
	{ "app notin (db)", true, true },
	{ "zone notin (a)", true, true },
	{ "app=web,tier=front", true, false },
	{ "app=web , tier=back", false, false },
	{ "app in (web,db),!zone,tier", true, false },
	{ "in", false, false },
	{ "in=in", false, false },
	{ "in in (in)", false, false },
	{ "notin notin (notin)", true, true },
	{ "app!=a=b", true, true }, /* a value may hold '=' */
	{ "example.com/app!=x", true, true },
};

static void test_matches(void **state UNUSED)
{
	Api__Metadata *with = labelled(), without = API__METADATA__INIT;

	for (size_t i = 0; i < ARRAY_SIZE(matching); i++) {
		if (matches(matching[i].text, with) != matching[i].matched)
			fail_msg("\"%s\" with labels: %d", matching[i].text, !matching[i].matched);
		if (matches(matching[i].text, &without) != matching[i].matched_without ||
		    matches(matching[i].text, NULL) != matching[i].matched_without)
			fail_msg("\"%s\" without labels: %d", matching[i].text,
				 !matching[i].matched_without);
	}
	assert_true(selector_matches(NULL, with));
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "=web", "label selector: at byte 1, \"=web\": expected a label's key" },
	{ "app>1", "label selector: at byte 4, \">1\": expected =, !=, in or notin: labels have no "
		   "order" },
	{ "app=web,", "label selector: at its end: expected a label's key" },
	{ ",app", "label selector: at byte 1, \",app\": expected a label's key" },
	{ "!", "label selector: at its end: expected a label's key" },
	{ "!!a", "label selector: at byte 2, \"!a\": expected a label's key" },
	{ "a===b", "label selector: at byte 4, \"=b\": expected a value" },
	{ "a=!b", "label selector: at byte 3, \"!b\": expected a value" },
	{ "a=b c=d",
	  "label selector: at byte 5, \"c=d\": expected \",\" and the next condition, or the end" },
	{ "a b", "label selector: at byte 3, \"b\": expected \",\" and the next condition, or the "
		 "end" },
	{ "!a=b", "label selector: at byte 3, \"=b\": expected \",\" and the next condition, or "
		  "the end" },
	{ "a in", "label selector: at its end: expected \"(\" and the values, e.g. key in (a,b)" },
	{ "a in b", "label selector: at byte 6, \"b\": expected \"(\" and the values, e.g. key in "
		    "(a,b)" },
	{ "a in (b", "label selector: at its end: expected \",\" and one more value, or \")\"" },
	{ "a notin (b c)",
	  "label selector: at byte 12, \"c)\": expected \",\" and one more value, or \")\"" },
	{ "a)", "label selector: at byte 2, \")\": expected \",\" and the next condition, or the "
		"end" },
};

static void test_wrong(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct selector *selector = NULL;
		struct error err;

		assert_int_equal(selector_parse(wrong[i].text, &selector, &err), -22);
		assert_string_equal(err.msg, wrong[i].message);
		assert_null(selector);
	}
}

static char *repeated(const char *part, int times)
{
	AUTO_BUF struct buf text = { 0 };

	for (int i = 0; i < times; i++)
		buf_printf(&text, "%s%s", i ? "," : "", part);
	return buf_take(&text);
}

static void test_bounds(void **state UNUSED)
{
	AUTO_FREE char *most = repeated("a", SELECTOR_MAX_CONDITIONS),
		       *more = repeated("a", SELECTOR_MAX_CONDITIONS + 1),
		       *longer = repeated("ab", SELECTOR_MAX_BYTES / 3 + 1);
	struct selector *selector = NULL;
	struct error err;

	assert_true(matches(most, NULL) == false);
	assert_int_equal(selector_parse(more, &selector, &err), -22);
	assert_string_equal(err.msg, "label selector: at byte 129: at most 64 conditions are "
				     "allowed");
	assert_int_equal(selector_parse(longer, &selector, &err), -22);
	assert_string_equal(err.msg, "label selector: longer than 4096 bytes");
	assert_null(selector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
