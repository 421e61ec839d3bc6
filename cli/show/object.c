/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/object.h"

#include "cli/args/kinds.h"
#include "core/base/str.h"
#include "core/model/view.h"

static const Api__Object__ObjectCase cases[KIND_COUNT] = {
	[KIND_REALM] = API__OBJECT__OBJECT_REALM,         [KIND_SPACE] = API__OBJECT__OBJECT_SPACE,
	[KIND_STACK] = API__OBJECT__OBJECT_STACK,         [KIND_CELL] = API__OBJECT__OBJECT_CELL,
	[KIND_CONTAINER] = API__OBJECT__OBJECT_CONTAINER,
};

Api__Object object_wrap(enum kind kind, ProtobufCMessage *message)
{
	Api__Object object = API__OBJECT__INIT;

	check(message->descriptor == model_descriptor(kind));
	object.object_case = cases[kind];
	object.realm = (Api__Realm *)message; /* every member of the union is a pointer */
	return object;
}

static bool kind_of(const Api__Object *api, enum kind *ret_kind)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		if (api->object_case == cases[kind]) {
			*ret_kind = (enum kind)kind;
			return api->realm != NULL;
		}
	}
	return false;
}

static void read_status(struct object *object)
{
	const Api__CommonStatus status = model_status(object->kind, object->message);

	object->state = status.has_state ? status.state : API__STATE__STATE_UNKNOWN;
	object->reason = status.reason;
	object->explanation = status.message;
	object->since = status.created_at;
	if (object->kind == KIND_CELL && object->api->cell->status)
		object->intent = object->api->cell->status->intent;
	if (object->kind == KIND_CONTAINER && object->api->container->status) {
		object->intent = object->api->container->status->intent;
		object->since = object->api->container->status->started_at;
	}
}

bool object_read(const Api__Object *api, struct object *ret_object)
{
	struct object object = { .api = api };
	struct model_view view;

	if (!kind_of(api, &object.kind))
		return false;
	object.message = &api->realm->base; /* every kind begins with it */
	view = model_view(object.kind, object.message);
	if (*view.metadata && !str_empty((*view.metadata)->name))
		object.name = (*view.metadata)->name;
	else if (view.id)
		object.name = *view.id;
	for (int above = KIND_REALM; above < (int)object.kind; above++)
		object.scope[above] = view.scope[above] ? *view.scope[above] : NULL;
	read_status(&object);
	*ret_object = object;
	return true;
}

void object_add_name(const struct object *object, struct buf *out)
{
	buf_add_str(out, kinds_singular(object->kind));
	for (int above = KIND_REALM; above < (int)object->kind; above++)
		buf_printf(out, "/%s", object->scope[above] ? object->scope[above] : "");
	buf_printf(out, "/%s", object->name ? object->name : "");
}
