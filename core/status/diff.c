/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/diff.h"

#include "api/kukeon.pb-c.h"
#include "core/model/field.h"
#include "core/model/naming.h"

struct diff {
	struct strv *paths;
	size_t n;
};

struct pair {
	const ProtobufCMessage *before, *after; /* NULL: not set */
};

static void diff_message(struct diff *diff, const char *prefix, struct pair pair);

static void add(struct diff *diff, const char *path)
{
	if (diff->n < MODEL_DIFF_MAX_PATHS)
		strv_add(diff->paths, path);
	else if (diff->n == MODEL_DIFF_MAX_PATHS)
		strv_add(diff->paths, "...");
	diff->n++;
}

static size_t count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return message ? field_count(message, field) : 0;
}

static void *value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i)
{
	return i < count(message, field) ? field_value(message, field, i) : NULL;
}

static const char *string_at(const void *storage)
{
	return storage ? *(char *const *)storage : NULL;
}

static const ProtobufCMessage *message_at(const void *storage)
{
	return storage ? *(ProtobufCMessage *const *)storage : NULL;
}

/* Whether false says something else than nothing: the space's default would stand then. */
static bool false_counts(const ProtobufCFieldDescriptor *field)
{
	return field_find(&api__container_defaults__descriptor, field->name);
}

static bool bools_equal(const ProtobufCFieldDescriptor *field, const protobuf_c_boolean *a,
			const protobuf_c_boolean *b)
{
	if (false_counts(field) && !a != !b)
		return false;
	return (a && *a) == (b && *b);
}

/* @a and @b are storage, NULL when not set. Not for messages. */
static bool scalars_equal(const ProtobufCFieldDescriptor *field, const void *a, const void *b)
{
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return str_equal(string_at(a), string_at(b));
	if (field->type == PROTOBUF_C_TYPE_BOOL)
		return bools_equal(field, a, b);
	return a && b ? memcmp(a, b, field_bytes(field)) == 0 : a == b;
}

static const char *map_key(const ProtobufCMessage *entry)
{
	const char *key = string_at(value(entry, &entry->descriptor->fields[0], 0));

	return key ? key : "";
}

/* Entries are in the order of their keys. */
static const ProtobufCMessage *map_find(const ProtobufCMessage *message,
					const ProtobufCFieldDescriptor *field, const char *key)
{
	size_t low = 0, high = count(message, field);

	while (low < high) {
		size_t middle = (low + high) / 2;
		const ProtobufCMessage *entry = message_at(value(message, field, middle));
		int order = strcmp(map_key(entry), key);

		if (order == 0)
			return entry;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Entries of @from that @in has not, or (with @values) has with another value. */
static void diff_entries(struct diff *diff, const char *path, const ProtobufCFieldDescriptor *field,
			 const ProtobufCMessage *from, const ProtobufCMessage *in, bool values)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	const ProtobufCFieldDescriptor *content = &type->fields[1];

	for (size_t i = 0; i < count(from, field); i++) {
		const ProtobufCMessage *entry = message_at(value(from, field, i)),
				       *other = map_find(in, field, map_key(entry));
		AUTO_FREE char *name = xasprintf("%s.%s", path, map_key(entry));

		if (!other || (values && !scalars_equal(content, value(entry, content, 0),
							value(other, content, 0))))
			add(diff, name);
	}
}

static void diff_list(struct diff *diff, const char *path, const ProtobufCFieldDescriptor *field,
		      struct pair pair)
{
	size_t n = count(pair.before, field);

	if (n != count(pair.after, field)) {
		add(diff, path);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const void *a = value(pair.before, field, i), *b = value(pair.after, field, i);
		AUTO_FREE char *item = xasprintf("%s[%zu]", path, i);

		if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
			diff_message(diff, item, (struct pair){ message_at(a), message_at(b) });
		} else if (!scalars_equal(field, a, b)) {
			add(diff, path); /* of args or env no single place is worth naming */
			return;
		}
	}
}

static void diff_field(struct diff *diff, const char *path, const ProtobufCFieldDescriptor *field,
		       struct pair pair)
{
	const void *a, *b;

	if (field_is_map(field)) {
		diff_entries(diff, path, field, pair.before, pair.after, true);
		diff_entries(diff, path, field, pair.after, pair.before, false);
		return;
	}
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		diff_list(diff, path, field, pair);
		return;
	}
	a = value(pair.before, field, 0);
	b = value(pair.after, field, 0);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		diff_message(diff, path, (struct pair){ message_at(a), message_at(b) });
	else if (!scalars_equal(field, a, b))
		add(diff, path);
}

static void diff_message(struct diff *diff, const char *prefix, struct pair pair)
{
	const ProtobufCMessage *either = pair.before ? pair.before : pair.after;

	for (unsigned i = 0; either && i < either->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &either->descriptor->fields[i];
		AUTO_FREE char *path = xasprintf("%s%s%s", prefix, *prefix ? "." : "",
						 naming_of_field(field).text);

		if (*prefix || !str_equal(field->name, "status"))
			diff_field(diff, path, field, pair);
	}
}

void model_diff(const ProtobufCMessage *before, const ProtobufCMessage *after,
		struct strv *ret_paths)
{
	struct diff diff = { .paths = ret_paths };

	diff_message(&diff, "", (struct pair){ before, after });
}
