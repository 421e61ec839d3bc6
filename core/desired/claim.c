/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/claim.h"

static bool before(const struct claim *a, const struct claim *b)
{
	bool a_declared = a->state == CLAIM_DECLARED, b_declared = b->state == CLAIM_DECLARED;

	if (a_declared != b_declared)
		return a_declared;
	if (!a->file->path || !b->file->path)
		return a->file->path != NULL;
	return strcmp(a->file->path, b->file->path) < 0;
}

void claim_order(struct claim *claim)
{
	struct list *position;

	list_remove(&claim->object_link);
	position = claim->object->claims.next;
	while (position != &claim->object->claims &&
	       !before(claim, list_entry(position, struct claim, object_link)))
		position = position->next;
	list_insert_before(position, &claim->object_link);
}

struct claim *claim_new(struct desired_file *file, struct object *object, ProtobufCMessage *message)
{
	struct claim *claim = xnew(struct claim);

	claim->object = object;
	claim->file = file;
	claim->message = message;
	list_append(&file->claims, &claim->file_link);
	claim_order(claim);
	return claim;
}

void claim_free(struct claim *claim)
{
	list_remove(&claim->object_link);
	list_remove(&claim->file_link);
	list_remove(&claim->state_link);
	protobuf_c_message_free_unpacked(claim->message, NULL);
	free(claim->why);
	free(claim->refused);
	free(claim);
}

struct claim *claim_first(const struct object *object)
{
	return list_empty(&object->claims)
		       ? NULL
		       : list_entry(object->claims.next, struct claim, object_link);
}

struct claim *claim_find(const struct desired_file *file, const struct object *object)
{
	struct claim *claim;

	list_for_each(claim, &object->claims, object_link)
		if (claim->file == file)
			return claim;
	return NULL;
}

void claim_forget_file(struct engine *engine, struct desired_file *file)
{
	if (!file->path || file->seen || !list_empty(&file->claims))
		return;
	list_remove(&file->unread_link);
	map_remove(&engine->desired.files, &file->node);
	words_fini(&file->unread);
	strv_fini(&file->errors);
	free(file->path);
	free(file);
}
