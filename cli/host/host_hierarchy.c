/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host/host_hierarchy.h"

#define DEFAULT_NAME "default"

/* The cell of the daemon itself: core/state/self.h. */

/* One object of each kind with all that it points to. Strings are only read. */
struct layer {
	Api__Metadata metadata;
	union {
		Api__Realm realm;
		Api__Space space;
		Api__Stack stack;
		Api__Cell cell;
	};
	union {
		Api__SpaceSpec space_spec;
		Api__StackSpec stack_spec;
		Api__CellSpec cell_spec;
	};
	Api__Object object;
};

enum { LAYERS = 7 };

static struct layer *begin(struct layer *layer, const char *name)
{
	api__metadata__init(&layer->metadata);
	layer->metadata.name = (char *)name;
	api__object__init(&layer->object);
	return layer;
}

static void make_realm(struct layer *layer, const char *name)
{
	begin(layer, name);
	api__realm__init(&layer->realm);
	layer->realm.metadata = &layer->metadata;
	layer->object.object_case = API__OBJECT__OBJECT_REALM;
	layer->object.realm = &layer->realm;
}

static void make_space(struct layer *layer, const char *realm, const char *name)
{
	begin(layer, name);
	api__space__init(&layer->space);
	api__space_spec__init(&layer->space_spec);
	layer->space_spec.realm_id = (char *)realm;
	layer->space.metadata = &layer->metadata;
	layer->space.spec = &layer->space_spec;
	layer->object.object_case = API__OBJECT__OBJECT_SPACE;
	layer->object.space = &layer->space;
}

static void make_stack(struct layer *layer, const char *realm, const char *space, const char *name)
{
	begin(layer, name);
	api__stack__init(&layer->stack);
	api__stack_spec__init(&layer->stack_spec);
	layer->stack_spec.realm_id = (char *)realm;
	layer->stack_spec.space_id = (char *)space;
	layer->stack.metadata = &layer->metadata;
	layer->stack.spec = &layer->stack_spec;
	layer->object.object_case = API__OBJECT__OBJECT_STACK;
	layer->object.stack = &layer->stack;
}

static void make_system_cell(struct layer *layer)
{
	begin(layer, SYSTEM_CELL);
	api__cell__init(&layer->cell);
	api__cell_spec__init(&layer->cell_spec);
	layer->cell_spec.realm_id = (char *)SYSTEM_REALM;
	layer->cell_spec.space_id = (char *)SYSTEM_NAME;
	layer->cell_spec.stack_id = (char *)SYSTEM_NAME;
	layer->cell.metadata = &layer->metadata;
	layer->cell.spec = &layer->cell_spec;
	layer->object.object_case = API__OBJECT__OBJECT_CELL;
	layer->object.cell = &layer->cell;
}

int host_create_hierarchy(struct client *client, const char *realm, const char *space,
			  struct results *ret_results, struct error *err)
{
	Api__ApplyRequest request = API__APPLY_REQUEST__INIT;
	AUTO_REPLY Api__ApplyResponse *reply = NULL;
	Api__Object *objects[LAYERS];
	struct layer layers[LAYERS];
	int r;

	realm = realm ? realm : DEFAULT_NAME;
	space = space ? space : DEFAULT_NAME;
	make_realm(&layers[0], realm);
	make_space(&layers[1], realm, space);
	make_stack(&layers[2], realm, space, DEFAULT_NAME);
	make_realm(&layers[3], SYSTEM_REALM);
	make_space(&layers[4], SYSTEM_REALM, SYSTEM_NAME);
	make_stack(&layers[5], SYSTEM_REALM, SYSTEM_NAME, SYSTEM_NAME);
	make_system_cell(&layers[6]);
	for (size_t i = 0; i < LAYERS; i++)
		objects[i] = &layers[i].object;
	request.n_objects = LAYERS;
	request.objects = objects;
	request.has_create_only = request.create_only = true;
	r = client_apply(client, &request, &reply, err);
	if (r == 0)
		results_take(ret_results, reply->results, &reply->n_results);
	return r;
}
