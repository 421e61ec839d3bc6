/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects a request speaks of, and what is given of each. */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/desired/effective.h"
#include "core/status/status.h"

static bool part_matches(const char *wanted, const char *have)
{
	return str_empty(wanted) || strcmp(wanted, have) == 0;
}

static bool scope_matches(const Api__Selector *selector, const struct key_parts *parts)
{
	const char *wanted[] = { selector->realm, selector->space, selector->stack,
				 selector->cell };

	for (int kind = 0; kind < (int)parts->kind && kind < (int)ARRAY_SIZE(wanted); kind++)
		if (!part_matches(wanted[kind], parts->part[kind]))
			return false;
	return true;
}

/* An object of the kind, or for containers the cell they are in. */
static bool object_selected(const Api__Selector *selector, const struct object *object)
{
	enum kind wanted = model_kind(selector->kind),
		  kind = wanted == KIND_CONTAINER ? KIND_CELL : wanted;
	struct key_parts parts;

	if (object->kind != kind || !object->spec || !key_split(object->key, &parts))
		return false;
	if (!scope_matches(selector, &parts))
		return false;
	if (wanted == KIND_CONTAINER)
		return part_matches(selector->cell, parts.part[KIND_CELL]);
	return part_matches(selector->name, parts.part[kind]);
}

static const Api__Object__ObjectCase object_cases[] = {
	[KIND_REALM] = API__OBJECT__OBJECT_REALM,         [KIND_SPACE] = API__OBJECT__OBJECT_SPACE,
	[KIND_STACK] = API__OBJECT__OBJECT_STACK,         [KIND_CELL] = API__OBJECT__OBJECT_CELL,
	[KIND_CONTAINER] = API__OBJECT__OBJECT_CONTAINER,
};

bool api_object_kind(const Api__Object *object, enum kind *ret_kind)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(object_cases); kind++) {
		if (object->object_case != object_cases[kind] || !object->realm)
			continue;
		*ret_kind = (enum kind)kind;
		return true;
	}
	return false;
}

static Api__Object *wrap(enum kind kind, ProtobufCMessage *message)
{
	Api__Object *object = xnew(Api__Object);

	api__object__init(object);
	object->object_case = object_cases[kind];
	object->realm = (Api__Realm *)message; /* all members of the union are message pointers */
	return object;
}

/* Takes @message. */
static void give_matching(const struct api_selection *selection, enum kind kind,
			  ProtobufCMessage *message)
{
	if (selector_matches(selection->labels, model_metadata(kind, message)))
		selection->give(selection->ctx, wrap(kind, message));
	else
		protobuf_c_message_free_unpacked(message, NULL);
}

static void give_containers(const struct api_selection *selection, const struct object *cell)
{
	struct engine *engine = selection->api->options.engine;
	const char *name = selection->selector->name;
	struct container *c;

	if (self_is_key(cell->key) && cell->wanted && part_matches(name, SELF_CONTAINER))
		give_matching(selection, KIND_CONTAINER, &status_render_self(engine, cell)->base);
	list_for_each(c, &cell->cell.containers, link)
		if (part_matches(name, c->name))
			give_matching(selection, KIND_CONTAINER,
				      &status_render_container(engine, cell, c)->base);
}

void api_select_object(const struct api_selection *selection, const struct object *object)
{
	if (!object_selected(selection->selector, object))
		return;
	if (selection->selector->kind == API__KIND__KIND_CONTAINER)
		give_containers(selection, object);
	else
		give_matching(selection, object->kind,
			      status_render(selection->api->options.engine, object));
}

int api_selection_init(struct api_selection *selection, struct api *api,
		       const Api__Selector *selector, struct error *err)
{
	*selection = (struct api_selection){ .api = api, .selector = selector };
	if (!selector || model_kind(selector->kind) == KIND_COUNT)
		return error_set(err, -EINVAL, "the request selects no kind");
	return selector_parse(selector->labels, &selection->labels, err);
}

void api_selection_fini(struct api_selection *selection)
{
	selector_free(selection->labels);
}

/* ---- one object ---- */

Api__Object *api_object_gone(const char *key)
{
	return wrap(key_kind(key), effective_implicit_document(key));
}

char *api_selector_key(const Api__Selector *selector, struct error *err)
{
	const char *names[KIND_COUNT];
	enum kind kind;

	if (!selector || model_kind(selector->kind) == KIND_COUNT) {
		error_set(err, -EINVAL, "the request names no object");
		return NULL;
	}
	kind = model_kind(selector->kind);
	names[KIND_REALM] = selector->realm;
	names[KIND_SPACE] = selector->space;
	names[KIND_STACK] = selector->stack;
	names[KIND_CELL] = selector->cell;
	names[kind] = selector->name;
	for (int above = KIND_REALM; above <= (int)kind; above++) {
		if (!str_empty(names[above]) && name_is_valid(names[above]))
			continue;
		error_set(err, -EINVAL, "the %s of a %s is %s%.80s%s; expected a name",
			  kind_name((enum kind)above), kind_name(kind),
			  str_empty(names[above]) ? "missing" : "\"",
			  str_empty(names[above]) ? "" : names[above],
			  str_empty(names[above]) ? "" : "\"");
		return NULL;
	}
	return key_join(kind, names);
}

struct container *api_find_container(const struct object *cell, const char *name)
{
	struct container *c;

	list_for_each(c, &cell->cell.containers, link)
		if (c->spec && str_equal(c->name, name))
			return c;
	return NULL;
}
