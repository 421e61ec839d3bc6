/* SPDX-License-Identifier: Apache-2.0 */
/* What the acts of all things share. */
#include "core/reconcile/act_table.h"
#include "core/store/store.h"

const char *act_namespace(struct object *object)
{
	while (object->parent)
		object = object->parent;
	if (!object->backing.namespace_)
		object->backing.namespace_ = engine_namespace(object);
	return object->backing.namespace_;
}

void act_nothing(struct run *run UNUSED)
{
}

bool act_takes_dir(struct run *run)
{
	struct store *store = run->engine->store;
	struct error err;
	int r = store ? store_take_dir(store, run->object->key, &err) : 0;

	if (r < 0)
		call_complete(&run->call, r, &err);
	return r == 0;
}

bool act_is_current(const struct run *run)
{
	return run->slot->wanted_seq < run->seq;
}
