/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/field.h"
#include "core/model/view.h"

static const char API_VERSION[] = "v1beta1";
static const char DEFAULT_SCOPE[] = "default";

void model_default_string(char **field, const char *value)
{
	if (!str_empty(*field) || str_empty(value))
		return;
	free(*field);
	*field = xstrdup(value);
}

/* What is Kukeon's own to say. */
static void clear_output(enum kind kind, ProtobufCMessage *message)
{
	ProtobufCMessage *metadata = &model_metadata(kind, message)->base;

	field_clear(metadata, field_find(metadata->descriptor, "uid"));
	field_clear(metadata, field_find(metadata->descriptor, "generation"));
	field_clear(message, field_find(message->descriptor, "status"));
}

uint64_t model_take_version(enum kind kind, ProtobufCMessage *message)
{
	Api__Metadata *metadata = model_metadata(kind, message);
	uint64_t version = metadata->has_resource_version ? metadata->resource_version : 0;

	metadata->has_resource_version = false;
	return version;
}

static void default_sections(enum kind kind, ProtobufCMessage *message)
{
	struct model_view view = model_view(kind, message);

	if (!*view.metadata)
		*view.metadata = (Api__Metadata *)message_new(&api__metadata__descriptor);
	if (!*view.spec)
		*view.spec = message_new(field_find(message->descriptor, "spec")->descriptor);
	clear_output(kind, message);
	model_default_string(view.api_version, API_VERSION);
	model_default_string(view.kind, kind_name(kind));
}

static void default_scope(enum kind kind, char **const scope[KIND_COUNT])
{
	for (int above = KIND_REALM; above < (int)kind && above < KIND_CELL; above++)
		model_default_string(scope[above], DEFAULT_SCOPE);
}

static void default_containers(Api__CellSpec *spec)
{
	for (size_t i = 0; i < spec->n_containers; i++) {
		Api__ContainerSpec *container = spec->containers[i];

		model_default_string(&container->realm_id, spec->realm_id);
		model_default_string(&container->space_id, spec->space_id);
		model_default_string(&container->stack_id, spec->stack_id);
		model_default_string(&container->cell_id, spec->id);
	}
}

void model_set_defaults(enum kind kind, ProtobufCMessage *message)
{
	struct model_view view;

	default_sections(kind, message);
	view = model_view(kind, message);
	model_default_string(&(*view.metadata)->name, *view.id);
	model_default_string(view.id, (*view.metadata)->name);
	default_scope(kind, view.scope);
	if (kind == KIND_CELL)
		default_containers((Api__CellSpec *)*view.spec);
	field_sort_map(&(*view.metadata)->base, field_find(&api__metadata__descriptor, "labels"));
	field_sort_map(&(*view.metadata)->base,
		       field_find(&api__metadata__descriptor, "annotations"));
}
