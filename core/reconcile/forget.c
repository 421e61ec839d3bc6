/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reconcile/forget.h"

#include "core/desired/rivals.h"
#include "core/images/pulls_follow.h"
#include "core/network/addresses_count.h"
#include "core/network/bridges.h"
#include "core/network/filter.h"
#include "core/network/joins.h"
#include "core/network/network_ports.h"
#include "core/updates/image_updates.h"

static void remove_containers(struct engine *engine, struct object *object)
{
	struct container *container;

	list_for_each(container, &object->cell.containers, link) {
		pulls_leave(container);
		image_updates_leave(container);
		engine_remove_container(engine, container);
	}
}

void forget_object(struct engine *engine, struct object *object)
{
	engine->forgot_seq = ++engine->seq;
	queue_remove(&engine->queue, object);
	if (object->kind == KIND_SPACE)
		filter_mark_stale(engine);
	remove_containers(engine, object);
	engine_set_link(engine, &object->cell.link, NULL, NULL);
	bridges_use(engine, &object->cell.on_bridge, NULL);
	joins_forget(engine, object);
	ports_forget(engine, object);
	rivals_forget(engine, object);
	free(take_ptr(object->cell.ip));
	addresses_count(engine, object);
	engine_released(engine, object);
	throttle_end(&engine->throttle, &object->cell.ticket);
	engine_drop(engine, object);
}
