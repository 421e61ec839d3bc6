/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/object.h"

#include "core/base/str.h"

static const char *name_of(const Api__Metadata *metadata, const char *id)
{
	return metadata && !str_empty(metadata->name) ? metadata->name : id;
}

/* The generated structs share names of fields, not a type. */
#define READ_NAME(object, from)                                                                    \
	((object)->name = name_of((from)->metadata, (from)->spec ? (from)->spec->id : NULL))
#define READ_SCOPE(object, from, above, field)                                                     \
	((object)->scope[above] = (from)->spec ? (from)->spec->field : NULL)
#define READ_STATUS(object, from, time)                                                            \
	do {                                                                                       \
		if (!(from)->status)                                                               \
			break;                                                                     \
		(object)->state =                                                                  \
			(from)->status->has_state ? (from)->status->state : API__STATE__Unknown;   \
		(object)->reason = (from)->status->reason;                                         \
		(object)->since = (from)->status->time;                                            \
	} while (0)

static void read_realm(const Api__Realm *realm, struct object *object)
{
	object->kind = KIND_REALM;
	READ_NAME(object, realm);
	READ_STATUS(object, realm, created_at);
}

static void read_space(const Api__Space *space, struct object *object)
{
	object->kind = KIND_SPACE;
	READ_NAME(object, space);
	READ_SCOPE(object, space, KIND_REALM, realm_id);
	READ_STATUS(object, space, created_at);
}

static void read_stack(const Api__Stack *stack, struct object *object)
{
	object->kind = KIND_STACK;
	READ_NAME(object, stack);
	READ_SCOPE(object, stack, KIND_REALM, realm_id);
	READ_SCOPE(object, stack, KIND_SPACE, space_id);
	READ_STATUS(object, stack, created_at);
}

static void read_cell(const Api__Cell *cell, struct object *object)
{
	object->kind = KIND_CELL;
	READ_NAME(object, cell);
	READ_SCOPE(object, cell, KIND_REALM, realm_id);
	READ_SCOPE(object, cell, KIND_SPACE, space_id);
	READ_SCOPE(object, cell, KIND_STACK, stack_id);
	READ_STATUS(object, cell, created_at);
}

static void read_container(const Api__Container *container, struct object *object)
{
	object->kind = KIND_CONTAINER;
	READ_NAME(object, container);
	READ_SCOPE(object, container, KIND_REALM, realm_id);
	READ_SCOPE(object, container, KIND_SPACE, space_id);
	READ_SCOPE(object, container, KIND_STACK, stack_id);
	READ_SCOPE(object, container, KIND_CELL, cell_id);
	READ_STATUS(object, container, started_at);
}

bool object_read(const Api__Object *api, struct object *ret_object)
{
	struct object object = { .api = api, .state = API__STATE__Unknown };

	if (api->object_case == API__OBJECT__OBJECT__NOT_SET || !api->realm)
		return false;
	object.message = &api->realm->base; /* every member of the union begins with it */
	switch (api->object_case) {
	case API__OBJECT__OBJECT_REALM:
		read_realm(api->realm, &object);
		break;
	case API__OBJECT__OBJECT_SPACE:
		read_space(api->space, &object);
		break;
	case API__OBJECT__OBJECT_STACK:
		read_stack(api->stack, &object);
		break;
	case API__OBJECT__OBJECT_CELL:
		read_cell(api->cell, &object);
		break;
	case API__OBJECT__OBJECT_CONTAINER:
		read_container(api->container, &object);
		break;
	default:
		return false;
	}
	*ret_object = object;
	return true;
}
