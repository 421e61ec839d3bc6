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

/* ---- logs ---- */

bool model_size_parse(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kmgtp";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits] | 0x20) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	unsigned long long n;

	if (digits == 0 || digits > 18 || (text[digits] && (!unit || text[digits + 1])))
		return false;
	n = strtoull(text, NULL, 10);
	if (n == 0 || n > (UINT64_MAX >> 1) >> shift)
		return false;
	*ret_bytes = n << shift;
	return true;
}

struct model_log_settings model_log_settings(const Api__ContainerSpec *spec,
					     const struct model_log_settings *defaults)
{
	struct model_log_settings settings = *defaults;

	if (!spec)
		return settings;
	if (spec->log_driver != API__LOG_DRIVER__LOG_DRIVER_UNSPECIFIED)
		settings.driver = spec->log_driver;
	if (!str_empty(spec->log_max_size))
		model_size_parse(spec->log_max_size, &settings.max_bytes);
	if (spec->log_max_files)
		settings.max_files = spec->log_max_files;
	return settings;
}
