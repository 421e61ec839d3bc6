/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/desired_private.h"

#include "core/desired/effective.h"
#include "core/desired/hold.h"
#include "core/desired/refusal.h"

/* Read late, it may be of a file that by now declares it no more. */
static void restore_of_file(struct engine *engine, struct desired_file *file, const char *key,
			    const char *held, ProtobufCMessage *message)
{
	bool gone = file->seen ? !file->errors.n : engine->desired.complete;
	struct claim *claim = desired_claim_set(engine, file, key, message);

	if (!str_empty(held))
		hold_restore(engine, claim, held);
	else if (gone)
		hold_lost(engine, claim, NULL);
}

void desired_restore(struct engine *engine, const char *source, const char *key, const char *held,
		     ProtobufCMessage *message)
{
	static const char manifest[] = DESIRED_SOURCE_MANIFEST;
	const struct object *object = engine_find(engine, key);

	if (engine->desired.purging || (object && !list_empty(&object->claims)))
		protobuf_c_message_free_unpacked(message, NULL); /* it has been said anew */
	else if (str_equal(source, DESIRED_SOURCE_API))
		desired_claim_set(engine, &engine->desired.api, key, message);
	else if (source && str_starts_with(source, manifest))
		restore_of_file(engine, desired_file_get(engine, source + strlen(manifest)), key,
				held, message);
	else
		protobuf_c_message_free_unpacked(message, NULL);
}

void desired_for_each_restored_file(struct engine *engine,
				    void (*give)(void *ctx, const char *path), void *ctx)
{
	const struct desired_file *file;

	map_for_each(file, &engine->desired.files, node)
		if (!file->reported)
			give(ctx, file->path);
}

void desired_set_api(struct engine *engine, const char *key, ProtobufCMessage *message)
{
	struct object *object = engine_find(engine, key);

	if (engine->desired.purging || (object && desired_manifest(object)))
		protobuf_c_message_free_unpacked(message, NULL);
	else
		desired_claim_set(engine, &engine->desired.api, key, message);
}

void desired_drop_api(struct engine *engine, struct object *object)
{
	struct claim *claim;

	list_for_each(claim, &object->claims, object_link) {
		struct desired_file *file = claim->file;

		if (file->path && claim->state == CLAIM_DECLARED)
			continue;
		claim_free(claim);
		claim_forget_file(engine, file);
	}
	hold_claims_changed(engine, object);
}

const ProtobufCMessage *desired_api_message(const struct object *object)
{
	const struct claim *claim;

	list_for_each(claim, &object->claims, object_link)
		if (!claim->file->path)
			return claim->message;
	return NULL;
}

const char *desired_manifest(const struct object *object)
{
	const struct claim *claim = claim_first(object);

	return claim && claim->state == CLAIM_DECLARED ? claim->file->path : NULL;
}

const char *desired_held(const struct object *object)
{
	const struct claim *claim = claim_first(object);

	return claim && claim->state == CLAIM_HELD ? claim->why : NULL;
}
