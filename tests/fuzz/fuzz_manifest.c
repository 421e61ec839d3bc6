/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes: no crash; and every good document, written as YAML or JSON, reads back as the
 * same message. */
#include <stdio.h>

#include "core/manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t a_len = protobuf_c_message_get_packed_size(a),
	       b_len = protobuf_c_message_get_packed_size(b);
	AUTO_FREE uint8_t *a_packed = xcalloc(a_len, 1), *b_packed = xcalloc(b_len, 1);

	protobuf_c_message_pack(a, a_packed);
	protobuf_c_message_pack(b, b_packed);
	check(a_len == b_len && memcmp(a_packed, b_packed, a_len) == 0);
}

static void check_round_trip(const struct document *document,
			     void (*emit)(const ProtobufCMessage *, struct buf *))
{
	AUTO_BUF struct buf text = { 0 };
	AUTO(manifest_fini) struct manifest again = { 0 };
	struct document *copy = NULL;

	emit(document->message, &text);
	manifest_parse_dump("again", text.data, text.len, &again);
	if (again.errors.n)
		fprintf(stderr, "%s\n%s\n", again.errors.items[0], text.data);
	check(again.errors.n == 0);
	list_for_each(copy, &again.documents, link)
		break;
	check(copy);
	check_same(document->message, copy->message);
}

/* As the store does it. */
static void check_stored(const ProtobufCMessage *message)
{
	AUTO_BUF struct buf text = { 0 };
	ProtobufCMessage *again = NULL;
	struct error err;

	manifest_emit_yaml(message, &text);
	check(manifest_parse_stored("stored", text.data, text.len, message->descriptor, &again,
				    &err) == 0);
	check_same(message, again);
	protobuf_c_message_free_unpacked(again, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(manifest_fini) struct manifest manifest = { 0 };
	struct document *document;

	manifest_parse("fuzz", (const char *)data, len, &manifest);
	check(manifest.errors.n <= MANIFEST_MAX_ERRORS + 1);
	check(manifest.errors.n || !list_empty(&manifest.documents));
	list_for_each(document, &manifest.documents, link) {
		check_round_trip(document, manifest_emit_yaml);
		check_round_trip(document, manifest_emit_json);
		check_stored(document->message);
	}
	return 0;
}
