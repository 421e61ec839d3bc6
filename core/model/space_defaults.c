/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the containers of a cell take from their space.
 *
 * A field that holds one value is taken when the container leaves it out ("" is leaving it out).
 * Lists are joined, the space's entries first, without those that the container has its own of: env
 * by name, mounts by target whichever list they stand in, capabilities by name. So a space that
 * drops ALL keeps doing so for a container that adds one. A privileged container has asked for
 * every capability: the space's do not touch it.
 */
#include "core/model/capability.h"
#include "core/model/field.h"
#include "core/model/model.h"
#include "core/model/target.h"

static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field_count(message, field) == 0)
		return false;
	return field->type != PROTOBUF_C_TYPE_STRING ||
	       **(char **)field_value(message, field, 0) != '\0';
}

static void take_value(ProtobufCMessage *spec, const ProtobufCFieldDescriptor *field,
		       const ProtobufCMessage *defaults, const ProtobufCFieldDescriptor *from)
{
	void *value = field_value(defaults, from, 0);

	check(field && field->type == from->type);
	if (!is_set(defaults, from) || is_set(spec, field))
		return;
	field_clear(spec, field);
	if (from->type == PROTOBUF_C_TYPE_STRING)
		*(char **)field_add(spec, field) = xstrdup(*(char **)value);
	else
		memcpy(field_add(spec, field), value, field_bytes(field));
}

/* Every field of one value, whatever the schema has there. */
static void take_values(ProtobufCMessage *spec, const ProtobufCMessage *defaults)
{
	for (unsigned f = 0; f < defaults->descriptor->n_fields; f++) {
		const ProtobufCFieldDescriptor *from = &defaults->descriptor->fields[f];

		if (from->label != PROTOBUF_C_LABEL_REPEATED &&
		    from->type != PROTOBUF_C_TYPE_MESSAGE)
			take_value(spec, field_find(spec->descriptor, from->name), defaults, from);
	}
}

/* ---- lists ---- */

/* A list of pointers with @more, which is given away, in front; @items is used up. */
static void *prepend(void *items, size_t *n, void *more, size_t n_more)
{
	char *list = xrealloc(more, (n_more + *n + 1) * sizeof(void *));

	if (*n)
		memcpy(list + n_more * sizeof(void *), items, *n * sizeof(void *));
	free(items);
	*n += n_more;
	return list;
}

static bool same_variable(const char *a, const char *b)
{
	size_t len;

	if (*a != *b) /* most of the time; there may be thousands */
		return false;
	len = strcspn(a, "=");
	return strcspn(b, "=") == len && strncmp(a, b, len) == 0;
}

static bool has_string(char *const *items, size_t n, const char *s,
		       bool (*same)(const char *, const char *))
{
	for (size_t i = 0; i < n; i++)
		if (same(items[i], s))
			return true;
	return false;
}

static void take_strings(char ***items, size_t *n, char *const *from, size_t n_from,
			 bool (*same)(const char *, const char *))
{
	char **more = xcalloc(n_from + 1, sizeof(*more));
	size_t n_more = 0;

	for (size_t i = 0; i < n_from; i++)
		if (!has_string(*items, *n, from[i], same))
			more[n_more++] = xstrdup(from[i]);
	*items = prepend(*items, n, more, n_more);
}

/* Whatever it puts there. */
static bool has_mount(const Api__ContainerSpec *spec, const char *target)
{
	for (size_t i = 0; i < spec->n_volumes; i++)
		if (target_equal(spec->volumes[i]->target, target))
			return true;
	for (size_t i = 0; i < spec->n_tmpfs; i++)
		if (target_equal(spec->tmpfs[i]->target, target))
			return true;
	for (size_t i = 0; i < spec->n_devices; i++)
		if (target_equal(model_device_target(spec->devices[i]), target))
			return true;
	return false;
}

/* Both lists are judged before either grows: the space's own entries do not shadow each other. */
static void take_mounts(Api__ContainerSpec *spec, const Api__ContainerDefaults *defaults)
{
	void **volumes = xcalloc(defaults->n_volumes + 1, sizeof(void *));
	void **tmpfs = xcalloc(defaults->n_tmpfs + 1, sizeof(void *));
	size_t n_volumes = 0, n_tmpfs = 0;

	for (size_t i = 0; i < defaults->n_volumes; i++)
		if (!has_mount(spec, defaults->volumes[i]->target))
			volumes[n_volumes++] = model_copy(&defaults->volumes[i]->base);
	for (size_t i = 0; i < defaults->n_tmpfs; i++)
		if (!has_mount(spec, defaults->tmpfs[i]->target))
			tmpfs[n_tmpfs++] = model_copy(&defaults->tmpfs[i]->base);
	spec->volumes = prepend(spec->volumes, &spec->n_volumes, volumes, n_volumes);
	spec->tmpfs = prepend(spec->tmpfs, &spec->n_tmpfs, tmpfs, n_tmpfs);
}

/* ---- capabilities ---- */

static bool drops(const char *dropped, const char *name)
{
	return capability_is_all(dropped) || capability_equal(dropped, name);
}

/* Dropping comes before adding, so the space's additions stand back behind what the container
 * drops.
 */
static void take_additions(Api__Capabilities *own, const Api__Capabilities *defaults)
{
	char **more = xcalloc(defaults->n_add + 1, sizeof(*more));
	size_t n_more = 0;

	for (size_t i = 0; i < defaults->n_add; i++)
		if (!has_string(own->add, own->n_add, defaults->add[i], capability_equal) &&
		    !has_string(own->drop, own->n_drop, defaults->add[i], drops))
			more[n_more++] = xstrdup(defaults->add[i]);
	own->add = prepend(own->add, &own->n_add, more, n_more);
}

static void take_capabilities(Api__ContainerSpec *spec, const Api__Capabilities *defaults)
{
	Api__Capabilities *own;

	if (!defaults || spec->privileged)
		return;
	if (!spec->capabilities)
		spec->capabilities =
			(Api__Capabilities *)message_new(&api__capabilities__descriptor);
	own = spec->capabilities;
	take_additions(own, defaults);
	take_strings(&own->drop, &own->n_drop, defaults->drop, defaults->n_drop, capability_equal);
}

static void apply(Api__ContainerSpec *spec, const Api__ContainerDefaults *defaults)
{
	take_values(&spec->base, &defaults->base);
	take_strings(&spec->env, &spec->n_env, defaults->env, defaults->n_env, same_variable);
	take_mounts(spec, defaults);
	take_capabilities(spec, defaults->capabilities);
}

void model_apply_space_defaults(Api__CellSpec *cell, const Api__SpaceSpec *space)
{
	if (!space || !space->defaults || !space->defaults->container)
		return;
	for (size_t i = 0; i < cell->n_containers; i++)
		apply(cell->containers[i], space->defaults->container);
}
