/* SPDX-License-Identifier: Apache-2.0 */
/* The containers of a cell, and its further spaces. */
#include "core/state/object.h"

void container_forget_past(struct container *container)
{
	bool lives = container->task != TASK_NONE && container->task != TASK_STOPPED;

	if (!lives) /* one that is just being stopped still ends as one that was asked to */
		container->exited = container->stopping = false;
	container->restarts = container->restarts_in_row = 0;
	container->renew = true;
	slot_retry_now(&container->slot);
}

void container_forget_update(struct container *container)
{
	struct image_update *update = &container->update;

	free(take_ptr(update->image));
	free(take_ptr(update->from));
	free(take_ptr(update->to));
	free(take_ptr(update->pin));
	update->until_ms = update->ready_ms = 0;
}

void container_keep_update(struct container *container, const char *image)
{
	if (container->update.image && !str_equal(container->update.image, image))
		container_forget_update(container);
}

const char *container_image(const struct container *container)
{
	return container->update.pin ? container->update.pin : container->spec->image;
}

bool container_tries_image(const struct container *container)
{
	return container->update.from && !container->update.pin;
}

void container_forget_signals(struct container *container)
{
	container->stop_tried_ms = container->stop_sent_ms = container->kill_sent_ms = 0;
	container->kills = 0;
}

struct container *cell_find_container(struct object *object, const char *role)
{
	struct container *container;

	list_for_each(container, &object->cell.containers, link)
		if (strcmp(container->role, role) == 0)
			return container;
	return NULL;
}

struct container *cell_add_container(struct object *object, const char *role, const char *name)
{
	struct container *container = xnew(struct container);

	container->role = xstrdup(role);
	container->name = xstrdup(name);
	container->containerd_id = name_containerd_id(object->key, role);
	container->index_key = xasprintf("%.*s/%s", (int)strcspn(object->key, "/"), object->key,
					 container->containerd_id);
	container->object = object;
	container->slot.known = true;
	container->stop_grace_ms = model_stop_grace_ms(NULL);
	list_append(&object->cell.containers, &container->link);
	return container;
}

void cell_remove_container(struct container *container)
{
	check(!container->slot.busy && !container->pull.pull && !container->update.check);
	container_forget_update(container);
	list_remove(&container->link);
	slot_fini(&container->slot);
	free(container->role);
	free(container->name);
	free(container->containerd_id);
	free(container->index_key);
	free(container->seen_hash);
	free(container->image_digest);
	free(container->seen_name);
	free(container);
}

struct join *cell_find_join(const struct object *object, const char *space_key)
{
	struct join *join;

	list_for_each(join, &object->cell.joins, link)
		if (strcmp(join->space_key, space_key) == 0)
			return join;
	return NULL;
}

struct join *cell_add_join(struct object *object, const char *space_key)
{
	struct join *join = xnew(struct join);
	struct list *position = object->cell.joins.next;

	join->object = object;
	join->space_key = xstrdup(space_key);
	join->index_key = xasprintf("%s %s", space_key, object->key);
	join->slot.known = true;
	while (position != &object->cell.joins &&
	       strcmp(list_entry(position, struct join, link)->space_key, space_key) < 0)
		position = position->next;
	list_insert_before(position, &join->link);
	return join;
}

void cell_remove_join(struct join *join)
{
	check(!join->slot.busy);
	list_remove(&join->link);
	slot_fini(&join->slot);
	free(join->index_key);
	free(join->space_key);
	free(join->interface);
	free(join->ip);
	free(join->ip6);
	free(join->bridge);
	free(join->reservation);
	free(join->reservation6);
	free(join->drift);
	free(join->last_ip);
	free(join->last_ip6);
	free(join->link_on_host.name);
	free(join);
}

bool container_is_gone(const struct container *c)
{
	return !c->spec && !c->record && !c->snapshot && c->task == TASK_NONE && !c->slot.busy &&
	       c->slot.known;
}

bool container_is_root(const struct container *container)
{
	return strcmp(container->role, "root") == 0;
}

struct container *cell_root(const struct object *object)
{
	return cell_find_container((struct object *)object, "root");
}

void container_settle_stored_restart(struct container *c)
{
	struct object *object = c->object;
	bool done = c->run_pid && c->run_pid != c->restart_of;

	if (!c->restart_stored)
		return;
	c->restart_stored = false;
	if (done && c->run == INTENT_RESTART)
		c->run = INTENT_RUN;
	if (done && container_is_root(c) && object->cell.run == INTENT_RESTART)
		object->cell.run = INTENT_RUN;
}
