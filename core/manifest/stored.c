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
	const struct manifest_beside *beside; /* NULL: nothing */
	ProtobufCMessage *message, *found_beside;
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

static ProtobufCMessage *map(struct stored *s, const struct node *node,
			     const ProtobufCMessageDescriptor *type, const char *skip,
			     const char *lax)
{
	const struct mapper_options options = {
		.skip = skip,
		.lax = lax,
		.max_worded = 1, /* the first is the one that is told */
		.lone_is_list = true,
		.on_error = on_mapper_error,
		.ctx = s,
	};

	return mapper_map(node, type, &options);
}

static void map_beside(struct stored *s, const struct node *root)
{
	const struct node *own = node_get(root, s->beside->name),
			  *node = own ? own : node_get(root, s->beside->earlier);

	if (node)
		s->found_beside = map(s, node, s->beside->type, NULL, "");
}

static void on_document(void *ctx, unsigned number UNUSED, const struct node *root)
{
	struct stored *s = ctx;

	if (s->n_documents++)
		return fail(s, root->line, root->column, "", "a second document; expected one");
	if (!s->beside) {
		s->message = map(s, root, s->type, NULL, NULL);
		return;
	}
	s->message = map(s, root, s->type, s->beside->name, "status");
	map_beside(s, root);
}

/* What it finds is in @s; nothing is when it fails. */
static int read_stored(struct stored *s, const char *data, size_t len, struct error *err)
{
	static const struct reader_bounds bounds = {
		.nodes = MANIFEST_STORED_MAX_NODES,
		.text_bytes = MANIFEST_STORED_MAX_TEXT_BYTES,
	};
	const struct reader_handlers handlers = {
		.on_document = on_document,
		.on_error = on_reader_error,
		.ctx = s,
	};

	if (len > MANIFEST_STORED_MAX_BYTES)
		return error_set(err, -EFBIG, "%s has %zu bytes, at most %d are allowed", s->name,
				 len, MANIFEST_STORED_MAX_BYTES);
	reader_read(data, len, &bounds, &handlers);
	if (!s->failed && !s->message)
		fail(s, 1, 1, "", "no document in the file; expected one");
	if (!s->failed)
		return 0;
	protobuf_c_message_free_unpacked(s->message, NULL);
	protobuf_c_message_free_unpacked(s->found_beside, NULL);
	return error_set(err, -EINVAL, "%s", s->first.msg);
}

int manifest_parse_stored(const char *name, const char *data, size_t len,
			  const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message,
			  struct error *err)
{
	struct stored s = { .name = name, .type = type };
	int r = read_stored(&s, data, len, err);

	if (r == 0)
		*ret_message = s.message;
	return r;
}

int manifest_parse_stored_object(const char *name, const struct buf *data,
				 const ProtobufCMessageDescriptor *type,
				 struct manifest_beside *beside, ProtobufCMessage **ret_message,
				 struct error *err)
{
	struct stored s = { .name = name, .type = type, .beside = beside };
	int r = read_stored(&s, data->data ? data->data : "", data->len, err);

	if (r < 0)
		return r;
	*ret_message = s.message;
	beside->message = s.found_beside;
	return 0;
}
