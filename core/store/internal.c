/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/internal.h"

#include "core/manifest/manifest.h"

static Api__InternalJoin *render_join(const struct join *join)
{
	Api__InternalJoin *stored = xnew(Api__InternalJoin);

	api__internal_join__init(stored);
	stored->space = xstrdup(join->space_key);
	stored->last_ip = join->ip ? NULL : str_dup_filled(join->last_ip);
	stored->last_ip6 = join->ip6 ? NULL : str_dup_filled(join->last_ip6);
	return stored;
}

static bool has_left(const struct join *join)
{
	return (!join->ip && !str_empty(join->last_ip)) ||
	       (!join->ip6 && !str_empty(join->last_ip6));
}

static void render_joins(const struct object *cell, Api__Internal *internal)
{
	struct join *join;
	size_t n = 0;

	list_for_each(join, &cell->cell.joins, link)
		n += has_left(join);
	internal->joins = n ? xcalloc(n, sizeof(*internal->joins)) : NULL;
	list_for_each(join, &cell->cell.joins, link)
		if (has_left(join))
			internal->joins[internal->n_joins++] = render_join(join);
}

static Api__InternalImageUpdate *render_update(const struct image_update *update)
{
	Api__InternalImageUpdate *stored;

	if (!update->from)
		return NULL;
	stored = xnew(Api__InternalImageUpdate);
	api__internal_image_update__init(stored);
	stored->image = str_dup_filled(update->image);
	stored->from = str_dup_filled(update->from);
	stored->to = str_dup_filled(update->to);
	stored->pin = str_dup_filled(update->pin);
	return stored;
}

static Api__InternalContainer *render_container(const struct container *c)
{
	Api__InternalContainer *stored = xnew(Api__InternalContainer);

	api__internal_container__init(stored);
	stored->id = xstrdup(c->name);
	stored->has_root = stored->root = container_is_root(c);
	stored->has_restarts_in_row = c->restarts_in_row != 0;
	stored->restarts_in_row = c->restarts_in_row;
	stored->has_ended = stored->ended = c->exited && !c->stopping;
	if (!c->spec) /* another one may have its name by now */
		return stored;
	stored->uid = str_dup_filled(c->identity.uid);
	stored->has_generation = c->identity.generation != 0;
	stored->generation = c->identity.generation;
	stored->has_changed = c->identity.changed != 0;
	stored->changed = c->identity.changed;
	stored->image_update = render_update(&c->update);
	return stored;
}

static void render_containers(const struct object *cell, Api__Internal *internal)
{
	struct container *c;
	size_t n = 0;

	list_for_each(c, &cell->cell.containers, link)
		n++;
	internal->containers = n ? xcalloc(n, sizeof(*internal->containers)) : NULL;
	list_for_each(c, &cell->cell.containers, link)
		internal->containers[internal->n_containers++] = render_container(c);
}

Api__Internal *internal_render(const struct object *object)
{
	Api__Internal *internal = xnew(Api__Internal);

	api__internal__init(internal);
	if (!object)
		return internal;
	internal->last_ip = object->cell.ip ? NULL : str_dup_filled(object->cell.last_ip);
	internal->last_ip6 = object->cell.ip6 ? NULL : str_dup_filled(object->cell.last_ip6);
	render_joins(object, internal);
	render_containers(object, internal);
	return internal;
}

static void restore_address(char **last, const char *stored)
{
	if (!str_empty(stored))
		str_replace(last, stored);
}

static void restore_join(struct object *cell, const Api__InternalJoin *stored)
{
	struct join *join = stored->space ? cell_find_join(cell, stored->space) : NULL;

	if (!join)
		return;
	restore_address(&join->last_ip, stored->last_ip);
	restore_address(&join->last_ip6, stored->last_ip6);
}

void internal_restore(struct object *object, const Api__Internal *internal)
{
	restore_address(&object->cell.last_ip, internal->last_ip);
	restore_address(&object->cell.last_ip6, internal->last_ip6);
	for (size_t i = 0; i < internal->n_joins; i++)
		restore_join(object, internal->joins[i]);
}

const Api__InternalContainer *internal_container(const Api__Internal *internal, const char *id,
						 bool root)
{
	static const Api__InternalContainer none = API__INTERNAL_CONTAINER__INIT;

	for (size_t i = 0; i < internal->n_containers; i++)
		if (str_equal(internal->containers[i]->id, id) &&
		    internal->containers[i]->root == root)
			return internal->containers[i];
	return &none;
}

/* ---- files ---- */

char *internal_text(const struct object *object, const struct identity *identity,
		    const ProtobufCMessage *message)
{
	Api__InternalFile file = API__INTERNAL_FILE__INIT;
	struct buf text = { 0 };

	manifest_emit_yaml(message, &text);
	file.internal = internal_render(object);
	file.internal->has_changed = identity && identity->changed;
	file.internal->changed = identity ? identity->changed : 0;
	if (protobuf_c_message_get_packed_size(&file.internal->base))
		manifest_emit_yaml(&file.base, &text); /* one mapping with what stands before */
	protobuf_c_message_free_unpacked(&file.internal->base, NULL);
	return buf_take(&text);
}

int internal_parse(const char *path, const struct buf *text, enum kind kind,
		   struct internal_file *ret_file, struct error *err)
{
	struct manifest_beside beside = {
		.name = "internal",
		.earlier = "status",
		.type = &api__internal__descriptor,
	};
	int r = manifest_parse_stored_object(path, text, model_descriptor(kind), &beside,
					     &ret_file->document, err);

	if (r == 0)
		ret_file->internal = (Api__Internal *)beside.message;
	return r;
}

void internal_file_fini(struct internal_file *file)
{
	protobuf_c_message_free_unpacked(file->document, NULL);
	protobuf_c_message_free_unpacked((ProtobufCMessage *)file->internal, NULL);
	*file = (struct internal_file){ 0 };
}
