/* SPDX-License-Identifier: Apache-2.0 */
/* Files of ours, of the store or settings: one document of a known type, taken as it is. */
#include <errno.h>
#include <stdio.h>

#include "core/base/text.h"
#include "core/manifest/manifest.h"
#include "core/manifest/mapper.h"
#include "core/manifest/reader.h"

struct stored {
	const char *name;
	const ProtobufCMessageDescriptor *type;
	ProtobufCMessage *message;
	size_t n_documents;
	bool failed;
	struct error first; /* of the errors */
};

static void fail(struct stored *s, unsigned line, unsigned column, const char *path,
		 const char *message)
{
	if (s->failed)
		return;
	s->failed = true;
	error_set(&s->first, -EINVAL, "%s:%u:%u: %s%s%s", s->name, line, column, path,
		  *path ? ": " : "", message);
	text_flatten(s->first.msg);
}

static void on_mapper_error(void *ctx, const struct node *node, const char *path,
			    const char *message)
{
	fail(ctx, node->line, node->column, path, message);
}

static void on_reader_error(void *ctx, unsigned document UNUSED, unsigned line, unsigned column,
			    const char *message)
{
	fail(ctx, line, column, "", message);
}

static void on_document(void *ctx, unsigned number UNUSED, const struct node *root)
{
	struct stored *s = ctx;
	const struct mapper_options options = {
		.max_worded = 1, /* the first is the one that is told */
		.lone_is_list = true,
		.on_error = on_mapper_error,
		.ctx = s,
	};

	if (s->n_documents++ == 0)
		s->message = mapper_map(root, s->type, &options);
	else
		fail(s, root->line, root->column, "", "a second document; expected one");
}

int manifest_parse_stored(const char *name, const char *data, size_t len,
			  const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message,
			  struct error *err)
{
	static const struct reader_bounds bounds = {
		.nodes = MANIFEST_STORED_MAX_NODES,
		.text_bytes = MANIFEST_STORED_MAX_TEXT_BYTES,
	};
	struct stored s = { .name = name, .type = type };
	const struct reader_handlers handlers = {
		.on_document = on_document,
		.on_error = on_reader_error,
		.ctx = &s,
	};

	if (len > MANIFEST_STORED_MAX_BYTES)
		return error_set(err, -EFBIG, "%s has %zu bytes, at most %d are allowed", name, len,
				 MANIFEST_STORED_MAX_BYTES);
	reader_read(data, len, &bounds, &handlers);
	if (!s.failed && !s.message)
		fail(&s, 1, 1, "", "no document in the file; expected one");
	if (s.failed) {
		if (s.message)
			protobuf_c_message_free_unpacked(s.message, NULL);
		return error_set(err, -EINVAL, "%s", s.first.msg);
	}
	*ret_message = s.message;
	return 0;
}
