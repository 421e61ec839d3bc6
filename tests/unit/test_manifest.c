/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h> /* needs the headers above */

#include "core/base/fs.h"
#include "core/manifest/manifest.h"
#include "core/model/field.h"
#include "core/model/view.h"

#define HEAD "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"
#define NAME_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NO_NAME "is not a valid name; expected letters, digits and inner dashes, at most 63 bytes\n"

/* The errors of a text, one a line, and the keys of its documents in "[key]". */
static char *outcome(const char *data, size_t len)
{
	AUTO(manifest_fini) struct manifest manifest = { 0 };
	AUTO_BUF struct buf lines = { 0 };
	struct document *document;

	manifest_parse("f", data, len, &manifest);
	list_for_each(document, &manifest.documents, link)
		buf_printf(&lines, "[%s]\n", document->key);
	for (size_t i = 0; i < manifest.errors.n; i++)
		buf_printf(&lines, "%s\n", manifest.errors.items[i]);
	return buf_take(&lines);
}

static const struct {
	const char *text, *outcome;
} rows[] = {
	{ HEAD, "[default/default/default/web]\n" },
	{ HEAD "status: {state: Nonsense, what: ever}\n", "[default/default/default/web]\n" },
	{ "",
	  "f: no document in the file; expected at least one with apiVersion, kind and metadata\n" },
	{ "# nothing\n---\n---\n",
	  "f: no document in the file; expected at least one with apiVersion, kind and metadata\n" },
	{ HEAD "spec:\n\trealmId: a\n",
	  "f:5:1: document 1: a tab cannot indent YAML; use spaces\n" },
	{ "{\n\t\"apiVersion\": \"v1beta1\",\n\t\"kind\": \"Realm\",\n\t\"metadata\": "
	  "{\n\t\t\"name\": \"r\"\n\t}\n}\n",
	  "[r]\n" },
	/* a list of documents */
	{ "[{\"apiVersion\": \"v1beta1\", \"kind\": \"Realm\", \"metadata\": {\"name\": \"r\"}},\n"
	  "{\"apiVersion\": \"v1beta1\", \"kind\": \"Realm\", \"metadata\": {\"name\": \"s\"}},\n"
	  "{\"kind\": \"Gizmo\"}]\n",
	  "[r]\n[s]\n"
	  "f:3:10: document 1: kind: unknown kind \"Gizmo\"; expected Realm, Space, Stack, Cell or "
	  "Container\n" },
	{ "[]\n",
	  "f: no document in the file; expected at least one with apiVersion, kind and metadata\n" },
	{ "\xef\xbb\xbf" HEAD, "[default/default/default/web]\n" },
	{ HEAD "spec: {containers: [{id: a, imgae: x}]}\n",
	  "f:4:29: document 1: Cell \"web\": spec.containers[0].imgae: unknown field, did you mean "
	  "\"image\"?\n" },
	{ HEAD "spec: {zzzzzzzz: 1}\n", "f:4:8: document 1: Cell \"web\": spec.zzzzzzzz: unknown "
					"field; expected one of id, realmId, spaceId, stackId, "
					"rootContainerId, containers, nestedCgroupRuntime\n" },
	{ HEAD "spec: {containers: {id: a}, realmId: [b]}\n",
	  "f:4:20: document 1: Cell \"web\": spec.containers: expected a list, found a mapping\n"
	  "f:4:38: document 1: Cell \"web\": spec.realmId: expected text, found a list\n" },
	{ HEAD "spec: {nestedCgroupRuntime: yes}\n",
	  "f:4:29: document 1: Cell \"web\": spec.nestedCgroupRuntime: expected true or false, "
	  "found \"yes\"; yes, no, on "
	  "and off are text here\n" },
	{ HEAD "spec: {nestedCgroupRuntime: \"true\"}\n",
	  "f:4:29: document 1: Cell \"web\": spec.nestedCgroupRuntime: expected true or false, "
	  "found text; leave out the "
	  "quotes\n" },
	{ HEAD
	  "spec:\n  containers:\n  - {id: a, image: x, restartMaxRetries: -1}\n  - {id: b, "
	  "image: x, "
	  "restartMaxRetries: 010}\n  - {id: c, image: x, restartMaxRetries: 1e3}\n  - {id: d, "
	  "image: x, "
	  "restartMaxRetries: 4294967295}\n  - x\n",
	  "f:6:42: document 1: Cell \"web\": spec.containers[0].restartMaxRetries: expected a whole "
	  "number from 0 to "
	  "4294967295, found \"-1\"\n"
	  "f:7:42: document 1: Cell \"web\": spec.containers[1].restartMaxRetries: expected a whole "
	  "number without leading "
	  "zeros, found \"010\"\n"
	  "f:8:42: document 1: Cell \"web\": spec.containers[2].restartMaxRetries: expected a whole "
	  "number, found \"1e3\"\n"
	  "f:10:5: document 1: Cell \"web\": spec.containers[4]: expected a mapping, found text\n" },
	{ HEAD "spec:\n  containers:\n  - {id: a, image: x, args: [1, true, 0x10, ~]}\n",
	  "f:6:45: document 1: Cell \"web\": spec.containers[0].args[3]: expected text, found "
	  "nothing; write \"\" for an "
	  "empty one\n" },
	{ HEAD "spec:\n  containers:\n  - {id: a, image: x, root: true}\n  - {id: b, image: x, "
	       "root: true}\n",
	  "f:7:29: document 1: Cell \"web\": spec.containers[1].root: a second root: \"a\" is "
	  "marked root already; a cell has "
	  "exactly one\n" },
	{ HEAD "spec: {rootContainerId: b, containers: [{id: web, image: x}]}\n",
	  "f:4:25: document 1: Cell \"web\": spec.rootContainerId: no container has the id \"b\"; "
	  "expected an id from "
	  "spec.containers\n" },
	{ "apiVersion: v1beta1\nkind: Realm\nmetadata:\n  name: a/b\n",
	  "f:4:9: document 1: Realm \"a/b\": metadata.name: \"a/b\" " NO_NAME },
	{ "apiVersion: v1beta1\nkind: Realm\nmetadata:\n  name: ..\n",
	  "f:4:9: document 1: Realm \"..\": metadata.name: \"..\" " NO_NAME },
	{ "apiVersion: v1beta1\nkind: Realm\nmetadata:\n  name: \"a\\x1b[31m\\nb\"\n",
	  "f:4:9: document 1: Realm \"a?[31m?b\": metadata.name: \"a?[31m?b\" " NO_NAME },
	{ "apiVersion: v1beta1\nkind: Realm\nmetadata:\n  name: " NAME_64 "\n",
	  "f:4:9: document 1: Realm \"" NAME_64 "\": metadata.name: the name \"" NAME_64
	  "\" has 64 bytes, at most 63 are allowed\n" },
	{ "\x7f"
	  "ELF",
	  "f:1:1: not a text file: byte 0x7f; expected YAML or JSON in UTF-8\n" },
	{ "kind: Cell\nname: \xff\n",
	  "f:2:7: not a text file: byte 0xff; expected YAML or JSON in UTF-8\n" },
	{ HEAD "spec: {realmId: \"a\\0b\"}\n",
	  "f:4:17: document 1: the text holds a NUL character\n" },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	  "f:1:33: document 1: nested deeper than 32 levels\n" },
	{ HEAD "spec:\n  realmId: a\n  realmId: b\n",
	  "f:6:3: document 1: Cell \"web\": spec.realmId: is there twice, first in line 5\n" },
	/* also when an alias says it */
	{ HEAD "spec: {&k realmId: a, *k : b}\n",
	  "f:4:8: document 1: Cell \"web\": spec.realmId: is there twice, first in line 4\n" },
	{ HEAD "spec: &s {realmId: *s}\n",
	  "f:4:20: document 1: alias \"*s\": no anchor \"&s\" is complete before it\n" },
	{ HEAD "spec: {realmId: !!int 5}\n",
	  "f:4:17: document 1: the tag \"tag:yaml.org,2002:int\" is not supported; leave it out\n" },
	{ HEAD "spec: {<<: {realmId: a}}\n", "f:4:8: document 1: Cell \"web\": spec.<<: merge keys "
					     "are not supported; write the fields out\n" },
	{ "kind: Cell\nmetadata: {name: web}\n",
	  "f:1:1: document 1: Cell \"web\": apiVersion: missing; add \"apiVersion: v1beta1\"\n" },
	{ "apiVersion: v2\nkind: Realm\nmetadata: {name: r}\n",
	  "f:1:13: document 1: Realm \"r\": apiVersion: \"v2\" is not supported; expected "
	  "v1beta1\n" },
	{ "apiVersion: v1beta1\nmetadata: {name: web}\n",
	  "f:1:1: document 1: kind: missing; add \"kind: Cell\", or Realm, Space, Stack, "
	  "Container\n" },
	{ "kind: cell\n",
	  "f:1:7: document 1: kind: unknown kind \"cell\", did you mean \"Cell\"?\n" },
	{ "kind: Gadgetry\n", "f:1:7: document 1: kind: unknown kind \"Gadgetry\"; expected "
			      "Realm, Space, Stack, Cell or Container\n" },
	{ "- a\n",
	  "f:1:3: document 1: expected a mapping with apiVersion, kind, metadata and spec\n" },
	{ "[[]]\n",
	  "f: no document in the file; expected at least one with apiVersion, kind and metadata\n" },
	{ "a: b: c\n",
	  "f:1:5: document 1: not valid YAML: mapping values are not allowed in this context\n" },
	/* one bad document among good ones, of each sort */
	{ HEAD
	  "---\n" HEAD
	  "nonsense: 1\n---\nkind: [\n---\napiVersion: v1beta1\nkind: Realm\nmetadata: {name: r}\n",
	  "[default/default/default/web]\n[r]\n"
	  "f:8:1: document 2: Cell \"web\": nonsense: unknown field; expected one of apiVersion, "
	  "kind, metadata, spec, "
	  "status\n"
	  "f:11:1: document 3: not valid YAML: did not find expected node content while parsing a "
	  "flow node that begins in line 11\n" },
	{ HEAD "---\n" HEAD, "[default/default/default/web]\nf:5:1: document 2: Cell \"web\": the "
			     "same object is in this file twice; keep one of "
			     "them\n" },
	/* a slip does not hide what else is wrong, and is not reported twice */
	{ HEAD "spec:\n  containers:\n  - {id: a, imgae: x, restartPolicy: maybe}\n",
	  "f:6:13: document 1: Cell \"web\": spec.containers[0].imgae: unknown field, did you mean "
	  "\"image\"?\n"
	  "f:6:38: document 1: Cell \"web\": spec.containers[0].restartPolicy: expected one "
	  "of always, on-failure, never, found \"maybe\"\n" },
	{ HEAD "spec: {containers: [{id: a, image: x, ports: [80]}]}\n",
	  "f:4:47: document 1: Cell \"web\": spec.containers[0].ports[0]: \"80\": does not say which "
	  "port of the host leads to it; expected one such as \"8080:80\", "
	  "\"127.0.0.1:8080:80/tcp\" or \"53:53/udp\"\n" },
};

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *actual = outcome(rows[i].text, strlen(rows[i].text));

		if (strcmp(actual, rows[i].outcome) != 0)
			fail_msg("%s\nexpected:\n%s\nfound:\n%s", rows[i].text, rows[i].outcome,
				 actual);
	}
}

static void test_nul_byte(void **state UNUSED)
{
	AUTO_FREE char *actual = outcome("a: \0", 4);

	assert_string_equal(actual,
			    "f:1:4: not a text file: byte 0x00; expected YAML or JSON in UTF-8\n");
}

static void test_large_file(void **state UNUSED)
{
	size_t len = 2 * 1024 * 1024;
	AUTO_FREE char *data = xcalloc(len, 1), *actual = NULL;

	memset(data, '#', len);
	actual = outcome(data, len);
	assert_string_equal(
		actual, "f: the file has 2097152 bytes, at most 1048576 are allowed; split it\n");
}

static void test_alias_bomb(void **state UNUSED)
{
	AUTO_BUF struct buf yaml = { 0 };
	AUTO_FREE char *actual = NULL;

	buf_add_str(&yaml, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++)
		buf_printf(&yaml,
			   "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
			   i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	actual = outcome(yaml.data, yaml.len);
	assert_string_equal(actual, "f:5:10: document 1: the file has more than 10000 nodes "
				    "(aliases count as often as they "
				    "expand); split it\n");
}

static void add_times(struct buf *buf, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add_str(buf, text);
}

/* Few nodes, and each of them is the whole file again. */
static void test_alias_bomb_of_text(void **state UNUSED)
{
	AUTO_BUF struct buf yaml = { 0 };
	AUTO_FREE char *actual = NULL;

	buf_add_str(&yaml, HEAD "spec:\n  containers:\n  - id: web\n    image: x\n    args:\n"
				"    - &a ");
	add_times(&yaml, "0123456789", 90 * 1000);
	add_times(&yaml, "\n    - *a", 2000);
	actual = outcome(yaml.data, yaml.len);
	assert_string_equal(actual,
			    "f:11:7: document 1: the file has more than 2097152 bytes of text "
			    "(aliases count as often as they expand); split it, or mount large "
			    "texts as files\n");
}

enum { PART_BYTES = 100 * 1000 }; /* of a text: no single one is longer than the kernel takes */

/* A file without aliases is never refused for its text: escapes make three bytes of two at most. */
static void test_longest_text(void **state UNUSED)
{
	AUTO_BUF struct buf yaml = { 0 };
	AUTO_FREE char *actual = NULL;

	buf_add_str(&yaml, HEAD "spec: {containers: [{id: web, image: x, args: [\"");
	while (yaml.len < MANIFEST_MAX_BYTES - 2 * PART_BYTES) {
		add_times(&yaml, "\\L",
			  PART_BYTES / 3); /* one argument is as long as the kernel takes */
		buf_add_str(&yaml, "\", \"");
	}
	buf_add_str(&yaml, "\"]}]}\n");
	actual = outcome(yaml.data, yaml.len);
	assert_string_equal(actual, "[default/default/default/web]\n");
}

/* Things that a parser does for each of the things before it. */
static void test_nothing_is_quadratic(void **state UNUSED)
{
	AUTO_BUF struct buf tags = { 0 }, broken = { 0 };
	AUTO_FREE char *of_tags = NULL, *of_broken = NULL;

	for (int i = 0; i < 60 * 1000; i++)
		buf_printf(&tags, "%%TAG !t%d! x\n", i);
	of_tags = outcome(tags.data, tags.len);
	assert_string_equal(of_tags, "f:51:1: more than 50 lines begin with '%': directives are of "
				     "no use here; leave them out\n");
	add_times(&broken, "--- [\n", 100 * 1000);
	of_broken = outcome(broken.data, broken.len);
	assert_true(str_ends_with(of_broken,
				  "f:51:1: document 51: 50 documents before it are not valid "
				  "YAML; the rest of the file is not read\n"));
}

static void test_errors_are_bounded(void **state UNUSED)
{
	AUTO(manifest_fini) struct manifest manifest = { 0 };
	AUTO_BUF struct buf yaml = { 0 };

	add_times(&yaml, "---\n\t\n", 20);
	add_times(&yaml, "---\nkind: x\n", 500);
	buf_add_str(&yaml, "---\n" HEAD "spec:\n");
	add_times(&yaml, "  containres: x\n", 300); /* all but the first is there twice, too */
	add_times(&yaml, "  containers: [{id: a, image: x, env: [", 1);
	add_times(&yaml, "a, ", 100);
	buf_add_str(&yaml, "]}]\n");
	manifest_parse("f", yaml.data, yaml.len, &manifest);
	assert_int_equal(manifest.errors.n, MANIFEST_MAX_ERRORS + 1);
	assert_string_equal(manifest.errors.items[MANIFEST_MAX_ERRORS], "f: 820 more errors");
}

static void test_one_error_too_many(void **state UNUSED)
{
	AUTO(manifest_fini) struct manifest manifest = { 0 };
	AUTO_BUF struct buf yaml = { 0 };

	add_times(&yaml, "---\nkind: x\n", MANIFEST_MAX_ERRORS + 1);
	manifest_parse("f", yaml.data, yaml.len, &manifest);
	assert_string_equal(manifest.errors.items[MANIFEST_MAX_ERRORS], "f: 1 more error");
}

/* ---- what is written reads back ---- */

static const char *random_text(void)
{
	static const char *const texts[] = {
		"",
		"web",
		"yes",
		"No",
		"null",
		"~",
		"1",
		"0755",
		"1e3",
		"0x1f",
		"-1",
		".5",
		".inf",
		"12:30:45",
		"2001-01-01",
		"true",
		"<<",
		"=",
		"a: b",
		"a #b",
		"#",
		"- a",
		"-",
		"?",
		"{a",
		"[a",
		"'",
		"\"",
		"\\",
		"%a",
		"@a",
		"`a",
		"!a",
		"&a",
		"*a",
		"|",
		">",
		"a,b",
		" a",
		"a ",
		"\t",
		"a\tb",
		"a\nb",
		"a\nb\n",
		"a\n\nb\n\n",
		"\n",
		" a\nb",
		"a \nb",
		"a\n b\n",
		"\r\n",
		"\x01\x7f\x1b",
		"\xc2\x85",
		"\xe2\x80\xa8",
		"\xef\xbb\xbf",
		"\xc3\xa9\xf0\x9f\x98\x80",
		"---",
		"...",
		"--- a\n...\n",
		"/bin/sh -c \"x 'y'\"",
		("a long line, long enough for an emitter to fold it at its eightieth column, "
		 "which "
		 "would change nothing"),
	};

	return texts[rand() % (int)ARRAY_SIZE(texts)];
}

static ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *type);

static void add_random_value(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *value = field_add(message, field);

	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)value = random_message(field->descriptor);
		break;
	case PROTOBUF_C_TYPE_STRING:
		*(char **)value = xstrdup(random_text());
		break;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)value = rand() % 2;
		break;
	case PROTOBUF_C_TYPE_ENUM:
		*(int *)value =
			1 + rand() % ((int)((const ProtobufCEnumDescriptor *)field->descriptor)
					      ->n_values -
				      1);
		break;
	case PROTOBUF_C_TYPE_INT32:
		*(int32_t *)value = rand() % 2 ? rand() : INT32_MIN;
		break;
	case PROTOBUF_C_TYPE_UINT32:
		*(uint32_t *)value = rand() % 2 ? (uint32_t)rand() : UINT32_MAX;
		break;
	case PROTOBUF_C_TYPE_UINT64:
		*(uint64_t *)value = rand() % 2 ? (uint64_t)rand() << 32 : UINT64_MAX;
		break;
	default:
		fail_msg("field %s has a type without a test", field->name);
	}
}

/* Keys of a map must differ; values may be anything. */
static void add_random_map(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	for (int i = rand() % 4; i > 0; i--) {
		ProtobufCMessage *entry = message_new(field->descriptor);

		*(char **)field_add(entry, &entry->descriptor->fields[0]) =
			xasprintf("%s%d", random_text(), i);
		*(char **)field_add(entry, &entry->descriptor->fields[1]) = xstrdup(random_text());
		*(ProtobufCMessage **)field_add(message, field) = entry;
	}
	field_sort_map(message, field);
}

static ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = message_new(type);
	unsigned oneof = type->n_fields ? (unsigned)rand() % type->n_fields : 0;

	for (unsigned f = 0; f < type->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &type->fields[f];

		if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ? f != oneof : rand() % 3 == 0)
			continue;
		if (field_is_map(field))
			add_random_map(message, field);
		else if (field->label == PROTOBUF_C_LABEL_REPEATED)
			for (int i = rand() % 4; i > 0; i--)
				add_random_value(message, field);
		else
			add_random_value(message, field);
	}
	return message;
}

static void check_round_trip(const ProtobufCMessage *message,
			     void (*emit)(const ProtobufCMessage *, struct buf *))
{
	AUTO_BUF struct buf text = { 0 }, again = { 0 };
	ProtobufCMessage *copy = NULL;
	size_t len = protobuf_c_message_get_packed_size(message);
	AUTO_FREE uint8_t *packed = xcalloc(len, 1), *copy_packed = NULL;
	struct error err;

	emit(message, &text);
	if (manifest_parse_stored("f", text.data, text.len, message->descriptor, &copy, &err) < 0)
		fail_msg("%s\n%s", err.msg, text.data);
	emit(copy, &again);
	assert_string_equal(again.data, text.data);
	assert_int_equal(protobuf_c_message_get_packed_size(copy), len);
	copy_packed = xcalloc(len, 1);
	protobuf_c_message_pack(message, packed);
	protobuf_c_message_pack(copy, copy_packed);
	assert_memory_equal(packed, copy_packed, len);
	protobuf_c_message_free_unpacked(copy, NULL);
}

/* With the unit tests some of what takes long, with the sims all of it. One thread has no races:
 * there it is enough to see that it works at all. */
static unsigned slow_step(void)
{
#ifdef __SANITIZE_THREAD__
	return 4;
#else
	return getenv("KUKEON_TEST_ALL") ? 1 : 4;
#endif
}

static void test_round_trips(void **state UNUSED)
{
	srand(7);
	for (unsigned i = 0; i < 1200 / slow_step(); i++) {
		unsigned kind = i % (KIND_COUNT + 1);
		ProtobufCMessage *message =
			random_message(kind < KIND_COUNT ? model_descriptor((enum kind)kind)
							 : &api__object__descriptor);

		check_round_trip(message, manifest_emit_yaml);
		check_round_trip(message, manifest_emit_json);
		protobuf_c_message_free_unpacked(message, NULL);
	}
}

/* ---- what the bounds allow can be stored ---- */

/* Every field of it, with as much as it may hold at all. */
static ProtobufCMessage *full_message(const ProtobufCMessageDescriptor *type, const char *text,
				      size_t n)
{
	ProtobufCMessage *message = message_new(type);

	for (unsigned f = 0; f < type->n_fields; f++) {
		const ProtobufCFieldDescriptor *field = &type->fields[f];
		bool list = field->label == PROTOBUF_C_LABEL_REPEATED;

		for (size_t i = 0; i < (list ? n : 1); i++) {
			if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
				ProtobufCMessage *part = full_message(field->descriptor, text, n);

				*(ProtobufCMessage **)field_add(message, field) = part;
			} else if (field->type == PROTOBUF_C_TYPE_STRING) {
				*(char **)field_add(message, field) = xstrdup(text);
			} else {
				*(protobuf_c_boolean *)field_add(message, field) =
					field->type == PROTOBUF_C_TYPE_ENUM;
			}
		}
	}
	return message;
}

/* As the engine bounds it: as many containers as a cell may have and as many on their way out,
 * messages of 512 bytes. */
static Api__CellStatus *full_status(void)
{
	AUTO_BUF struct buf text = { 0 };

	add_times(&text, "\x01", 511);
	return (Api__CellStatus *)full_message(&api__cell_status__descriptor, text.data, 16);
}

static void add_containers(Api__CellStatus *status, size_t n)
{
	const ProtobufCFieldDescriptor *field =
		field_find(&api__cell_status__descriptor, "containers");

	while (status->n_containers < n)
		*(ProtobufCMessage **)field_add(&status->base, field) =
			full_message(&api__container_status__descriptor, "\x01\x01\x01\x01", 1);
}

static Api__ContainerSpec *add_container(Api__Cell *cell, const char *id, size_t n_args)
{
	const ProtobufCFieldDescriptor *field =
		field_find(cell->spec->base.descriptor, "containers");
	Api__ContainerSpec *container =
		(Api__ContainerSpec *)message_new(&api__container_spec__descriptor);

	*(Api__ContainerSpec **)field_add(&cell->spec->base, field) = container;
	container->id = xstrdup(id);
	container->image = xstrdup("img");
	container->args = xcalloc(n_args, sizeof(char *));
	return container;
}

/* A cell with @n times @text as few arguments of two containers, and @n_empty empty ones. */
static Api__Cell *large_cell(const char *text, size_t n, size_t n_empty)
{
	Api__Cell *cell = (Api__Cell *)model_new(KIND_CELL);
	size_t per_part = PART_BYTES / strlen(text), n_parts = (n + per_part - 1) / per_part;
	Api__ContainerSpec *containers[] = { add_container(cell, "web", n_parts + n_empty),
					     add_container(cell, "side", n_parts + n_empty) };
	size_t part = 0;

	cell->spec->id = xstrdup("web");
	for (size_t left = n, now; left; left -= now) {
		Api__ContainerSpec *container = containers[part++ % 2];
		AUTO_BUF struct buf arg = { 0 };

		now = left < per_part ? left : per_part;
		add_times(&arg, text, now);
		container->args[container->n_args++] = buf_take(&arg);
	}
	for (size_t i = 0; i < n_empty; i++)
		containers[i % 2]->args[containers[i % 2]->n_args++] = xstrdup("");
	model_set_defaults(KIND_CELL, &cell->base);
	return cell;
}

static size_t n_problems(enum kind kind, const ProtobufCMessage *message)
{
	struct model_problems problems = { 0 };
	size_t n;

	model_validate(kind, message, &problems);
	n = problems.n;
	for (size_t i = 0; i < n; i++)
		print_message("%s: %s\n", problems.items[i].path, problems.items[i].message);
	model_problems_fini(&problems);
	return n;
}

static void test_what_is_accepted_can_be_stored(void **state UNUSED)
{
	static const char *const texts[] = {
		"\x01", "\t", "a\n", "\r", "\"", "\xc2\x80", "\xef\xbb\xbf", "\xf0\x9f\x98\x80",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i += slow_step()) {
		size_t room = (MODEL_MAX_TEXT_BYTES - 1024) / slow_step();
		size_t n_empty = MODEL_MAX_NODES - 200;
		Api__Cell *cell = large_cell(texts[i], room / strlen(texts[i]), n_empty);

		assert_int_equal(n_problems(KIND_CELL, &cell->base), 0);
		cell->status = full_status();
		add_containers(cell->status, 128);
		check_round_trip(&cell->base, manifest_emit_yaml);
		protobuf_c_message_free_unpacked(&cell->base, NULL);
	}
}

/* What the API takes is bounded as a file is, or the store could not read it back. */
static void test_too_large_documents(void **state UNUSED)
{
	Api__Cell *long_text = large_cell("a", MODEL_MAX_TEXT_BYTES, 0);
	Api__Cell *many = large_cell("a", 1, MODEL_MAX_NODES);
	struct model_problems problems = { 0 };

	model_validate(KIND_CELL, &long_text->base, &problems);
	model_validate(KIND_CELL, &many->base, &problems);
	assert_int_equal(problems.n, 2);
	assert_string_equal(problems.items[0].path, "spec");
	assert_string_equal(problems.items[0].message,
			    "has 2097251 bytes of text in all, at most 2097152 are allowed; mount "
			    "large texts as files");
	assert_string_equal(problems.items[1].message,
			    "has 12052 fields and entries in all, at most 12000 are allowed");
	model_problems_fini(&problems);
	protobuf_c_message_free_unpacked(&long_text->base, NULL);
	protobuf_c_message_free_unpacked(&many->base, NULL);
}

/* What kuke prints of one object it takes again. */
static void test_what_is_printed_can_be_applied(void **state UNUSED)
{
	Api__Cell *cell = large_cell("\x01", (MODEL_MAX_TEXT_BYTES - 1024) / slow_step(),
				     MODEL_MAX_NODES - 200);
	void (*const emit[])(const ProtobufCMessage *, struct buf *) = { manifest_emit_yaml,
									 manifest_emit_json };

	for (size_t i = 0; i < ARRAY_SIZE(emit); i++) {
		AUTO(manifest_fini) struct manifest manifest = { 0 };
		AUTO_BUF struct buf text = { 0 };

		emit[i](&cell->base, &text);
		manifest_parse_dump("f", text.data, text.len, &manifest);
		assert_int_equal(manifest.errors.n, 0);
		assert_false(list_empty(&manifest.documents));
	}
	protobuf_c_message_free_unpacked(&cell->base, NULL);
}

static void test_broken_utf8_is_repaired(void **state UNUSED)
{
	Api__StackStatus status = API__STACK_STATUS__INIT;
	AUTO_BUF struct buf yaml = { 0 }, json = { 0 };

	status.message = (char[]){ "a\xff"
				   "b" };
	manifest_emit_yaml(&status.base, &yaml);
	manifest_emit_json(&status.base, &json);
	assert_string_equal(yaml.data, "message: \"a\xef\xbf\xbd"
				       "b\"\n");
	assert_string_equal(json.data, "{\n  \"message\": \"a\xef\xbf\xbd"
				       "b\"\n}");
}

static void test_stored_errors(void **state UNUSED)
{
	static const struct {
		const char *text, *message;
	} stored[] = {
		{ "", "f:1:1: no document in the file; expected one" },
		{ "kind: a\n---\nkind: b\n", "f:3:1: a second document; expected one" },
		{ "status: {state: Raedy}\n",
		  "f:1:17: status.state: unknown value \"Raedy\", did you mean \"Ready\"?" },
		{ "spec: {containers: [{restartPolicy: no}]}\n",
		  "f:1:37: spec.containers[0].restartPolicy: expected one of always, on-failure, "
		  "never, found \"no\"" },
		{ "spec: {containers: [{restartPolicy: onfailure}]}\n",
		  "f:1:37: spec.containers[0].restartPolicy: unknown value \"onfailure\", did you "
		  "mean \"on-failure\"?" },
		{ "spec: {containers: [{volumes: [{kind: UNSPECIFIED}]}]}\n",
		  "f:1:39: spec.containers[0].volumes[0].kind: expected one of bind, tmpfs, found "
		  "\"UNSPECIFIED\"" },
		{ "{", "f:2:1: not valid YAML: did not find expected node content while parsing a "
		       "flow node that begins in line 2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(stored); i++) {
		ProtobufCMessage *message = NULL;
		struct error err;

		assert_true(manifest_parse_stored("f", stored[i].text, strlen(stored[i].text),
						  &api__cell__descriptor, &message, &err) < 0);
		assert_string_equal(err.msg, stored[i].message);
		assert_null(message);
	}
}

static void test_oneof(void **state UNUSED)
{
	static const char text[] = "realm: {}\nspace: {}\n";
	ProtobufCMessage *message = NULL;
	struct error err;

	assert_true(manifest_parse_stored("f", text, strlen(text), &api__object__descriptor,
					  &message, &err) < 0);
	assert_string_equal(err.msg, "f:2:1: space: cannot stand beside realm; keep one of them");
}

/* What people copy from must be right. */
static unsigned check_examples(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		AUTO(manifest_fini) struct manifest manifest = { 0 };
		AUTO_BUF struct buf text = { 0 };

		if (entry->d_type != DT_REG)
			continue;
		assert_int_equal(
			fs_read_file(dirfd(dir), entry->d_name, MANIFEST_MAX_BYTES, &text, NULL),
			0);
		manifest_parse(entry->d_name, text.data, text.len, &manifest);
		if (manifest.errors.n)
			fail_msg("%s", manifest.errors.items[0]);
		n++;
	}
	closedir(dir);
	return n;
}

static void test_examples(void **state UNUSED)
{
	assert_true(check_examples("manifests.d") >= 1);
	assert_true(check_examples("manifests.d/examples") >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_large_file),
		cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_alias_bomb_of_text),
		cmocka_unit_test(test_longest_text),
		cmocka_unit_test(test_nothing_is_quadratic),
		cmocka_unit_test(test_errors_are_bounded),
		cmocka_unit_test(test_one_error_too_many),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_what_is_accepted_can_be_stored),
		cmocka_unit_test(test_too_large_documents),
		cmocka_unit_test(test_what_is_printed_can_be_applied),
		cmocka_unit_test(test_broken_utf8_is_repaired),
		cmocka_unit_test(test_stored_errors),
		cmocka_unit_test(test_oneof),
		cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
