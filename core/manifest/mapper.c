/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manifest/mapper.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/manifest/mapper_scalar.h"
#include "core/model/field.h"
#include "core/model/naming.h"

bool mapper_has_words(const struct mapper *m)
{
	return m->n_errors < m->options->max_worded;
}

void mapper_fail(struct mapper *m, const struct node *node, const char *fmt, ...)
{
	char message[ERROR_MSG_MAX_BYTES] = "";
	va_list args;

	va_start(args, fmt);
	if (mapper_has_words(m))
		vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	m->n_errors++;
	m->options->on_error(m->options->ctx, node, m->path.data ? m->path.data : "", message);
}

/* Adds a name or an index to the path; returns what path_pop() takes back. */
static size_t path_push(struct mapper *m, const char *name)
{
	size_t before = m->path.len;

	buf_printf(&m->path, "%s%.80s", before ? "." : "", name);
	return before;
}

static size_t path_push_index(struct mapper *m, size_t i)
{
	size_t before = m->path.len;

	buf_printf(&m->path, "[%zu]", i);
	return before;
}

static void path_pop(struct mapper *m, size_t before)
{
	m->path.len = before;
	m->path.data[before] = '\0';
}

static void say_unknown_field(struct mapper *m, const struct node *key, const struct node *value,
			      const ProtobufCMessageDescriptor *type)
{
	AUTO_FREE char *hint =
		m->options->hint_field ? m->options->hint_field(type, key, value) : NULL;
	struct field_name *names = xcalloc(type->n_fields, sizeof(*names));
	const char **list = xcalloc(type->n_fields, sizeof(*list));
	AUTO_BUF struct buf known = { 0 };
	const char *nearest;

	for (unsigned i = 0; i < type->n_fields; i++) {
		names[i] = naming_of_field(&type->fields[i]);
		list[i] = names[i].text;
		buf_printf(&known, "%s%s", i ? ", " : "", list[i]);
	}
	nearest = str_nearest(key->text, list, type->n_fields);
	if (key->plain && str_equal(key->text, "<<"))
		mapper_fail(m, key, "merge keys are not supported; write the fields out");
	else if (hint)
		mapper_fail(m, key, "unknown field; %s", hint);
	else if (nearest)
		mapper_fail(m, key, "unknown field, did you mean \"%s\"?", nearest);
	else
		mapper_fail(m, key, "unknown field; expected one of %s",
			    known.data ? known.data : "none");
	free(list);
	free(names);
}

static void fail_unknown_field(struct mapper *m, const struct node *key, const struct node *value,
			       const ProtobufCMessageDescriptor *type)
{
	if (mapper_has_words(m))
		say_unknown_field(m, key, value, type);
	else
		mapper_fail(m, key, "unknown field");
}

void mapper_fail_type(struct mapper *m, const struct node *node,
		      const ProtobufCFieldDescriptor *field, bool is_entry, const char *expected)
{
	AUTO_FREE char *hint = NULL;

	if (mapper_has_words(m) && field && m->options->hint_value)
		hint = m->options->hint_value(field, is_entry, node);
	mapper_fail(m, node, "expected %s, found %s%s%s", expected, node_type_name(node),
		    hint ? "; write " : "", hint ? hint : "");
}

/* @field is the one that it is the value of, or an entry; NULL for the outermost. */
static ProtobufCMessage *map_message(struct mapper *m, const struct node *node,
				     const ProtobufCMessageDescriptor *type,
				     const ProtobufCFieldDescriptor *field);

static bool is_entry(const ProtobufCFieldDescriptor *field)
{
	return field && field->label == PROTOBUF_C_LABEL_REPEATED;
}

/* Appends one value; what cannot be read leaves an empty value behind, so that the next ones keep
 * their index. */
static void map_value(struct mapper *m, const struct node *node,
		      const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	void *storage = field_add(message, field);

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		*(ProtobufCMessage **)storage = map_message(m, node, field->descriptor, field);
	else
		mapper_map_scalar(m, node, field, storage);
}

static void map_list(struct mapper *m, const struct node *node,
		     const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	if (node->type == NODE_SCALAR && m->options->lone_is_list)
		return map_value(m, node, field, message);
	if (node->type != NODE_LIST) {
		mapper_fail_type(m, node, field, false, "a list");
		return;
	}
	for (size_t i = 0; i < node->n_children; i++) {
		size_t before = path_push_index(m, i);

		map_value(m, node->children[i], field, message);
		path_pop(m, before);
	}
}

/* The keys of a mapping by their text, then by their place: each is looked for among thousands. */
struct keys {
	const struct node *mapping;
	size_t *order; /* indexes into its children */
	size_t n;
};

static int compare_keys(const void *a, const void *b, void *ctx)
{
	const size_t *x = a, *y = b;
	const struct keys *keys = ctx;
	int order = strcmp(keys->mapping->children[*x]->text, keys->mapping->children[*y]->text);

	return order ? order : (*x > *y) - (*x < *y);
}

static void keys_init(struct keys *keys, const struct node *mapping)
{
	*keys = (struct keys){ .mapping = mapping,
			       .order = xcalloc(mapping->n_children / 2 + 1, sizeof(size_t)) };
	for (size_t i = 0; i + 1 < mapping->n_children; i += 2)
		if (mapping->children[i]->type == NODE_SCALAR)
			keys->order[keys->n++] = i;
	qsort_r(keys->order, keys->n, sizeof(*keys->order), compare_keys, keys);
}

static void keys_fini(struct keys *keys)
{
	free(keys->order);
}

/* The first entry with the key of entry @i, which may be that one. */
static size_t first_same_key(const struct keys *keys, size_t i)
{
	const struct node *const *children = (const struct node *const *)keys->mapping->children;
	size_t low = 0, high = keys->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(children[keys->order[middle]]->text, children[i]->text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return keys->order[low];
}

/* The key of entry @i of a mapping; reported and false when it is no key or was there before. */
static bool check_key(struct mapper *m, const struct keys *keys, size_t i)
{
	const struct node *key = keys->mapping->children[i];
	size_t first, length;

	if (key->type != NODE_SCALAR) {
		mapper_fail(m, key, "expected a name in front of the ':', found %s",
			    node_type_name(key));
		return false;
	}
	first = first_same_key(keys, i);
	if (first == i)
		return true;
	length = path_push(m, key->text);
	mapper_fail(m, key, "is there twice, first in line %u",
		    keys->mapping->children[first]->line);
	path_pop(m, length);
	return false;
}

static void map_entries(struct mapper *m, const struct node *node,
			const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	AUTO(keys_fini) struct keys keys = { 0 };

	if (node->type != NODE_MAPPING) {
		mapper_fail_type(m, node, field, false, "a mapping of names to text");
		return;
	}
	keys_init(&keys, node);
	for (size_t i = 0; i + 1 < node->n_children; i += 2) {
		ProtobufCMessage *entry;
		size_t before;

		if (!check_key(m, &keys, i))
			continue;
		before = path_push(m, node->children[i]->text);
		entry = message_new(field->descriptor);
		*(ProtobufCMessage **)field_add(message, field) = entry;
		*(char **)field_add(entry, &entry->descriptor->fields[0]) =
			xstrdup(node->children[i]->text);
		map_value(m, node->children[i + 1], &entry->descriptor->fields[1], entry);
		path_pop(m, before);
	}
	field_sort_map(message, field);
}

/* Only one member of a oneof may be set. */
static bool check_oneof(struct mapper *m, const struct node *key,
			const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		return true;
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *other = &type->fields[i];

		if (!(other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
		    other->quantifier_offset != field->quantifier_offset ||
		    !field_count(message, other))
			continue;
		mapper_fail(m, key, "cannot stand beside %s; keep one of them",
			    naming_of_field(other).text);
		return false;
	}
	return true;
}

/* The path is that of the field. */
static bool may_be_unknown(const struct mapper *m)
{
	const char *lax = m->options->lax;
	size_t len = lax ? strlen(lax) : 0;

	return lax && (!len || (strncmp(m->path.data, lax, len) == 0 && m->path.data[len] == '.'));
}

static void map_field(struct mapper *m, const struct node *key, const struct node *value,
		      ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = naming_find_field(message->descriptor, key->text);
	bool outermost = m->path.len == strlen(key->text);

	if (outermost && m->options->skip && str_equal(key->text, m->options->skip))
		return;
	else if (!field && may_be_unknown(m))
		return;
	else if (!field)
		fail_unknown_field(m, key, value, message->descriptor);
	else if (value->plain && scalar_is_null(value->text))
		return; /* as if it were not there */
	else if (field_is_map(field))
		map_entries(m, value, field, message);
	else if (field->label == PROTOBUF_C_LABEL_REPEATED)
		map_list(m, value, field, message);
	else if (check_oneof(m, key, field, message))
		map_value(m, value, field, message);
}

static ProtobufCMessage *map_message(struct mapper *m, const struct node *node,
				     const ProtobufCMessageDescriptor *type,
				     const ProtobufCFieldDescriptor *field)
{
	ProtobufCMessage *message = message_new(type);
	AUTO(keys_fini) struct keys keys = { 0 };

	if (node->type != NODE_MAPPING) {
		mapper_fail_type(m, node, field, is_entry(field), "a mapping");
		return message;
	}
	keys_init(&keys, node);
	for (size_t i = 0; i + 1 < node->n_children; i += 2) {
		size_t before;

		if (!check_key(m, &keys, i))
			continue;
		before = path_push(m, node->children[i]->text);
		map_field(m, node->children[i], node->children[i + 1], message);
		path_pop(m, before);
	}
	return message;
}

ProtobufCMessage *mapper_map(const struct node *root, const ProtobufCMessageDescriptor *type,
			     const struct mapper_options *options)
{
	struct mapper m = { .options = options };
	ProtobufCMessage *message = map_message(&m, root, type, NULL);

	buf_fini(&m.path);
	return message;
}
