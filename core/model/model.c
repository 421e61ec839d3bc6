/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/model.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/model/field.h"
#include "core/model/view.h"

static const ProtobufCMessageDescriptor *const descriptors[KIND_COUNT] = {
	[KIND_REALM] = &api__realm__descriptor,         [KIND_SPACE] = &api__space__descriptor,
	[KIND_STACK] = &api__stack__descriptor,         [KIND_CELL] = &api__cell__descriptor,
	[KIND_CONTAINER] = &api__container__descriptor,
};

const char *const model_scope_fields[KIND_COUNT] = { "realm_id", "space_id", "stack_id",
						     "cell_id" };
const char *const model_scope_names[KIND_COUNT] = { "realmId", "spaceId", "stackId", "cellId" };

void model_problems_fini(struct model_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		free(problems->items[i].path);
		free(problems->items[i].message);
	}
	free(problems->items);
	*problems = (struct model_problems){ 0 };
}

void model_problems_add(struct model_problems *problems, const char *path, const char *fmt, ...)
{
	char message[ERROR_MSG_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	problems->items = xrealloc(problems->items, (problems->n + 1) * sizeof(*problems->items));
	problems->items[problems->n++] =
		(struct model_problem){ .path = xstrdup(path), .message = xstrdup(message) };
}

const ProtobufCMessageDescriptor *model_descriptor(enum kind kind)
{
	check(kind < KIND_COUNT);
	return descriptors[kind];
}

const char *model_annotation(const Api__Metadata *metadata, const char *key)
{
	for (size_t i = 0; metadata && i < metadata->n_annotations; i++)
		if (str_equal(metadata->annotations[i]->key, key))
			return metadata->annotations[i]->value ? metadata->annotations[i]->value
							       : "";
	return NULL;
}

static void *member(const ProtobufCMessage *message, const char *name)
{
	const ProtobufCFieldDescriptor *field = field_find(message->descriptor, name);

	check(field);
	return field_value(message, field, 0);
}

void model_view_scope(enum kind kind, const ProtobufCMessage *spec, char **ret_scope[KIND_COUNT])
{
	for (int above = KIND_REALM; above < KIND_COUNT; above++)
		ret_scope[above] =
			above < (int)kind ? member(spec, model_scope_fields[above]) : NULL;
}

struct model_view model_view(enum kind kind, const ProtobufCMessage *message)
{
	struct model_view view = { 0 };

	check(message->descriptor == model_descriptor(kind));
	view.api_version = member(message, "api_version");
	view.kind = member(message, "kind");
	view.metadata = member(message, "metadata");
	view.spec = member(message, "spec");
	view.status = member(message, "status");
	if (*view.spec) {
		view.id = member(*view.spec, "id");
		model_view_scope(kind, *view.spec, view.scope);
	}
	return view;
}

Api__CommonStatus model_status(enum kind kind, const ProtobufCMessage *message)
{
	const ProtobufCMessage *status = *model_view(kind, message).status;
	Api__CommonStatus common = API__COMMON_STATUS__INIT;

	if (status)
		message_borrow_shared(&common.base, status);
	return common;
}

void model_give_status(enum kind kind, ProtobufCMessage *message, Api__CommonStatus *common)
{
	const ProtobufCFieldDescriptor *field = field_find(message->descriptor, "status");
	ProtobufCMessage **status = model_view(kind, message).status;

	field_clear(message, field);
	*status = message_new(field->descriptor);
	message_borrow(*status, &common->base);
	free(common);
}

ProtobufCMessage *model_new(enum kind kind)
{
	const ProtobufCMessageDescriptor *type = model_descriptor(kind);
	const ProtobufCFieldDescriptor *spec = field_find(type, "spec");
	ProtobufCMessage *message = message_new(type);

	*(ProtobufCMessage **)field_add(message, spec) = message_new(spec->descriptor);
	return message;
}

Api__Kind model_api_kind(enum kind kind)
{
	return (Api__Kind)(API__KIND__KIND_REALM + (int)kind);
}

enum kind model_kind(Api__Kind kind)
{
	bool known = kind >= API__KIND__KIND_REALM && kind <= API__KIND__KIND_CONTAINER;

	return known ? (enum kind)((int)kind - API__KIND__KIND_REALM) : KIND_COUNT;
}

Api__Metadata *model_metadata(enum kind kind, const ProtobufCMessage *message)
{
	return *model_view(kind, message).metadata;
}

bool model_has_key(enum kind kind, const ProtobufCMessage *message)
{
	struct model_view view = model_view(kind, message);
	bool valid = name_is_valid(*view.id);

	for (int above = KIND_REALM; above < (int)kind; above++)
		valid &= name_is_valid(*view.scope[above]);
	return valid;
}

char *model_key(enum kind kind, const ProtobufCMessage *message)
{
	struct model_view view = model_view(kind, message);
	const char *names[KIND_COUNT];

	for (int above = KIND_REALM; above < (int)kind; above++)
		names[above] = *view.scope[above];
	names[kind] = *view.id;
	return key_join(kind, names);
}

bool model_egress_denies(const Api__Egress *egress)
{
	return egress && str_equal(egress->default_, "deny");
}
