/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests as other programs print them: JSON, byte order marks, lists, several objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h> /* needs the headers above */

#include "core/manifest/manifest.h"

#define BOM "\xef\xbb\xbf"
#define REALM(name)                                                                                \
	"{\"apiVersion\":\"v1beta1\",\"kind\":\"Realm\",\"metadata\":{\"name\":\"" name "\"}}"
#define LABEL(text)                                                                                           \
	"{\"apiVersion\":\"v1beta1\",\"kind\":\"Realm\",\"metadata\":{\"name\":\"r\",\"labels\":{\"a\":" text \
	"}}}"
#define YAML_REALM(name) "apiVersion: v1beta1\nkind: Realm\nmetadata: {name: " name "}\n"
#define PAIR "\\ud83d\\ude80"
#define ROCKET "\xf0\x9f\x9a\x80"
#define NO_DOCUMENT                                                                                \
	"f: no document in the file; expected at least one with apiVersion, kind and metadata\n"

/* The keys of the documents in "[key]", with the label "a" of a realm; then the errors. */
static char *outcome(const char *data, size_t len)
{
	AUTO(manifest_fini) struct manifest manifest = { 0 };
	AUTO_BUF struct buf lines = { 0 };
	struct document *document;

	manifest_parse("f", data, len, &manifest);
	list_for_each(document, &manifest.documents, link) {
		const Api__Realm *realm = (const Api__Realm *)document->message;

		buf_printf(&lines, "[%s", document->key);
		if (document->kind == KIND_REALM && realm->metadata->n_labels)
			buf_printf(&lines, " %s", realm->metadata->labels[0]->value);
		buf_add_str(&lines, "]\n");
	}
	for (size_t i = 0; i < manifest.errors.n; i++)
		buf_printf(&lines, "%s\n", manifest.errors.items[i]);
	return buf_take(&lines);
}

static const struct {
	const char *text, *outcome;
} rows[] = {
	/* pairs of escapes */
	{ LABEL("\"a" PAIR "b" PAIR "\""), "[r a" ROCKET "b" ROCKET "]\n" },
	{ LABEL("\"\\uD83D\\uDE80\""), "[r " ROCKET "]\n" },
	{ LABEL("\"\\\\\\ud83d\\ude80\""), "[r \\" ROCKET "]\n" },
	{ LABEL("\"\\\\ud83d\\\\ude80\""), "[r \\ud83d\\ude80]\n" },
	{ LABEL("\"\\\"" PAIR "\\\"\""), "[r \"" ROCKET "\"]\n" },
	/* in YAML, too, and only within double quotes */
	{ "# " PAIR "\n" YAML_REALM("r, labels: {a: \"" PAIR "\"}"), "[r " ROCKET "]\n" },
	{ YAML_REALM("r, labels: {a: '" PAIR "'}"), "[r " PAIR "]\n" },
	{ YAML_REALM("r, labels: {a: x" PAIR "}"), "[r x" PAIR "]\n" },
	{ "apiVersion: v1beta1\nkind: Realm\nmetadata:\n  name: r\n  labels:\n    a: |-\n      \"" PAIR
	  "\"\n",
	  "[r \"" PAIR "\"]\n" },
	/* places behind pairs, in their line and in the next */
	{ "{\"kind\": \"" PAIR PAIR "\", \"x\": \"\\ud83d\"}",
	  "f:1:44: document 1: \"\\ud83d\" is half of a character; expected a pair such as "
	  "\"\\ud83d\\ude80\", or the character itself\n" },
	{ "{\"apiVersion\":\"v1beta1\",\"kind\":\"Realm\",\"metadata\":{\"name\":\"r\",\"labels\":{\"a\":\"" PAIR
	  "\"}},\"x\":1,\n\"y\":1}",
	  "f:1:94: document 1: Realm \"r\": x: unknown field; expected one of apiVersion, kind, "
	  "metadata, spec, status\n"
	  "f:2:1: document 1: Realm \"r\": y: unknown field; expected one of apiVersion, kind, "
	  "metadata, spec, status\n" },
	/* halves */
	{ LABEL("\"\\ud83d\""),
	  "f:1:78: document 1: \"\\ud83d\" is half of a character; expected a pair such as "
	  "\"\\ud83d\\ude80\", or the character itself\n" },
	{ LABEL("\"\\ude80\\ud83d\""),
	  "f:1:78: document 1: \"\\ude80\" is half of a character; expected a pair such as "
	  "\"\\ud83d\\ude80\", or the character itself\n" },
	{ LABEL("\"\\ud83d\\ud83d\\ude80\"") "\n--- " LABEL("\"" PAIR "\""),
	  "[r " ROCKET "]\n"
	  "f:1:78: document 1: \"\\ud83d\" is half of a character; expected a pair such as "
	  "\"\\ud83d\\ude80\", or the character itself\n" },
	/* byte order marks */
	{ BOM "---\n" YAML_REALM("a") BOM "---\n" YAML_REALM("b"), "[a]\n[b]\n" },
	{ YAML_REALM("a") BOM YAML_REALM("b") BOM "x: 1\n",
	  "[a]\n[b]\nf:7:1: document 3: kind: missing; add \"kind: Cell\", or Realm, Space, Stack, "
	  "Container\n" },
	{ BOM REALM("a") "\n" BOM REALM("b"), "[a]\n[b]\n" },
	{ BOM "\n" BOM, NO_DOCUMENT },
	{ YAML_REALM("a") "---\n[\n" BOM YAML_REALM("b"),
	  "[a]\n[b]\nf:6:1: document 2: not valid YAML: did not find expected node content while "
	  "parsing a flow node that begins in line 6\n" },
	/* several objects */
	{ REALM("a") "\n" REALM("b") "\n", "[a]\n[b]\n" },
	{ REALM("a") REALM("b") " [" REALM("c") "]\n\n" REALM("d"), "[a]\n[b]\n[c]\n[d]\n" },
	{ REALM("a") " {\"kind\": \"x\"}\n{\"kind\": 1}",
	  "[a]\n"
	  "f:1:74: document 2: kind: unknown kind \"x\"; expected Realm, Space, Stack, Cell or "
	  "Container\n"
	  "f:2:10: document 3: kind: unknown kind \"1\"; expected Realm, Space, Stack, Cell or "
	  "Container\n" },
	{ REALM("a") "\nkind: x\n",
	  "[a]\nf:2:1: document 2: not valid YAML: did not find expected <document start>\n" },
	{ REALM("a") "\n{\"a\": [}\n---\n" REALM("b"),
	  "[a]\n[b]\nf:2:8: document 2: not valid YAML: did not find expected node content while "
	  "parsing a flow node that begins in line 2\n" },
	/* lists */
	{ "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: \"\"}\nitems:\n- " REALM(
		  "a") "\n- kind: List\n  items: [[" REALM("b") "]]\n",
	  "[a]\n[b]\n" },
	{ "kind: List\n",
	  "f:1:1: document 1: List: items: missing; expected a list of documents\n" },
	{ "kind: List\nitems: {a: b}\n",
	  "f:2:8: document 1: List: items: expected a list of documents\n" },
	{ "kind: List\nitems: []\n", NO_DOCUMENT },
	{ "kind: List\nitems: [a]\n", "f:2:9: document 1: expected a mapping with apiVersion, "
				      "kind, metadata and spec\n" },
};

static void check_outcome(const char *data, size_t len, const char *expected)
{
	AUTO_FREE char *actual = outcome(data, len);

	if (strcmp(actual, expected) != 0)
		fail_msg("%s\nexpected:\n%s\nfound:\n%s", data, expected, actual);
}

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_outcome(rows[i].text, strlen(rows[i].text), rows[i].outcome);
}

static void test_wide_encodings(void **state UNUSED)
{
#define WIDE(name)                                                                                 \
	"f:1:1: the file is text in " name "; expected UTF-8: iconv -f " name                      \
	" -t UTF-8 makes it so\n"
	check_outcome("\xff\xfek\0i\0", 6, WIDE("UTF-16"));
	check_outcome("\xfe\xff\0k\0i", 6, WIDE("UTF-16"));
	check_outcome("k\0i\0", 4, WIDE("UTF-16"));
	check_outcome("\0k\0i", 4, WIDE("UTF-16"));
	check_outcome("\xff\xfe\0\0k\0\0\0", 8, WIDE("UTF-32"));
	check_outcome("\0\0\0k", 4, WIDE("UTF-32"));
	check_outcome("\0\0\0\0", 4,
		      "f:1:1: not a text file: byte 0x00; expected YAML or JSON in UTF-8\n");
}

/* A file of @n objects of two nodes each, behind one good document. */
static char *many_objects(const char *object, size_t n)
{
	AUTO_BUF struct buf text = { 0 };

	buf_add_str(&text, REALM("a") "\n");
	for (size_t i = 0; i < n; i++)
		buf_add_str(&text, object);
	return buf_take(&text);
}

/* Whether an object comes to be does not hang on where in the file the bound was reached. */
static void test_nothing_of_a_file_beyond_the_bounds(void **state UNUSED)
{
	static const char *const objects[] = { "[]\n", "---\n- a\n", BOM "\n", "---\n\t\n" };

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		AUTO_FREE char *text = many_objects(objects[i], MANIFEST_MAX_NODES);
		AUTO_FREE char *actual = outcome(text, strlen(text));

		assert_int_not_equal(actual[0], '[');
	}
}

/* Each object begins a parser anew, and each has a pair. */
static void test_many_objects(void **state UNUSED)
{
	enum { N = 700 };
	AUTO_BUF struct buf text = { 0 };
	AUTO(manifest_fini) struct manifest manifest = { 0 };
	struct document *document;
	size_t n = 0;

	for (int i = 0; i < N; i++)
		buf_printf(&text,
			   "{\"apiVersion\":\"v1beta1\",\"kind\":\"Realm\",\"metadata\":"
			   "{\"name\":\"r%d\",\"labels\":{\"a\":\"" PAIR "\"}}}",
			   i);
	manifest_parse("f", text.data, text.len, &manifest);
	list_for_each(document, &manifest.documents, link) {
		const Api__Realm *realm = (const Api__Realm *)document->message;

		assert_string_equal(realm->metadata->labels[0]->value, ROCKET);
		n++;
	}
	assert_int_equal(n, N);
	assert_int_equal(manifest.errors.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_wide_encodings),
		cmocka_unit_test(test_nothing_of_a_file_beyond_the_bounds),
		cmocka_unit_test(test_many_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
