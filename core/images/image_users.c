/* SPDX-License-Identifier: Apache-2.0 */
/* Whose an image is: cells of its realm that declare it or run it. */
#include "core/images/image_users.h"

#include "core/registry/reference.h"

/* Images with one digest; for containers that run what no name they declare stands for. */
struct same_digest {
	struct map_node node; /* by digest */
	struct strv cells;
};

static struct image_fact *find_fact(const struct image_facts *facts, const char *name)
{
	size_t low = 0, high = facts->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(facts->items[middle].name, name);

		if (order == 0)
			return &facts->items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Its containers come one after the other. */
static void add_cell(struct strv *cells, const char *key)
{
	if (!cells->n || !str_equal(cells->items[cells->n - 1], key))
		strv_add(cells, key);
}

static void note_running(struct map *by_digest, const struct container *c)
{
	struct same_digest *same =
		map_entry(map_find(by_digest, c->image_digest), struct same_digest, node);

	if (!same) {
		same = xnew(struct same_digest);
		map_insert(by_digest, &same->node, c->image_digest);
	}
	add_cell(&same->cells, c->object->key);
}

static void note_container(const struct image_facts *facts, struct image_users *users,
			   struct map *by_digest, const struct container *c)
{
	AUTO_FREE char *name = c->spec && c->spec->image ? reference_name_of(c->spec->image) : NULL;
	const struct image_fact *declared = name ? find_fact(facts, name) : NULL;

	if (declared)
		add_cell(&users->of[declared - facts->items], c->object->key);
	if (c->record && !str_empty(c->image_digest) &&
	    !(declared && str_equal(declared->digest, c->image_digest)))
		note_running(by_digest, c);
}

static void note_cells(const struct engine *engine, const struct object *realm,
		       const struct image_facts *facts, struct image_users *users,
		       struct map *by_digest)
{
	AUTO_FREE char *prefix = xasprintf("%s/", realm->key);
	struct map_node *node = map_find_from(&engine->objects, prefix);

	for (; node && str_starts_with(node->key, prefix); node = map_next(node)) {
		struct object *object = container_of(node, struct object, node);
		struct container *c;

		if (object->kind != KIND_CELL)
			continue;
		list_for_each(c, &object->cell.containers, link)
			note_container(facts, users, by_digest, c);
	}
}

/* Both by key, as the objects are walked: so one pass, however many they are. */
static void add_running(const struct strv *cells, struct strv *users)
{
	size_t n_declared = users->n, at = 0;

	for (size_t i = 0; i < cells->n; i++) {
		while (at < n_declared && strcmp(users->items[at], cells->items[i]) < 0)
			at++;
		if (at == n_declared || !str_equal(users->items[at], cells->items[i]))
			strv_add(users, cells->items[i]);
	}
}

void image_users_find(const struct engine *engine, const struct object *realm,
		      const struct image_facts *facts, struct image_users *ret_users)
{
	struct map by_digest = { 0 };
	struct same_digest *same;

	ret_users->n = facts->n;
	ret_users->of = xcalloc(facts->n, sizeof(*ret_users->of));
	note_cells(engine, realm, facts, ret_users, &by_digest);
	for (size_t i = 0; i < facts->n; i++) {
		same = map_entry(map_find(&by_digest, facts->items[i].digest), struct same_digest,
				 node);
		if (same)
			add_running(&same->cells, &ret_users->of[i]);
	}
	map_for_each(same, &by_digest, node) {
		map_remove(&by_digest, &same->node);
		strv_fini(&same->cells);
		free(same);
	}
}

void image_users_fini(struct image_users *users)
{
	for (size_t i = 0; i < users->n; i++)
		strv_fini(&users->of[i]);
	free(users->of);
	*users = (struct image_users){ 0 };
}

void image_users_add_text(const struct strv *cells, struct buf *out)
{
	enum { SHOWN_MAX = 5 };

	buf_printf(out, "cell%s ", str_s(cells->n));
	for (size_t i = 0; i < cells->n && i < SHOWN_MAX; i++)
		buf_printf(out, "%s%s", i ? ", " : "", cells->items[i]);
	if (cells->n > SHOWN_MAX)
		buf_printf(out, " and %zu more", cells->n - SHOWN_MAX);
}

const char *image_users_unknown(const struct engine *engine, const struct object *realm)
{
	if (!engine->relisted.runtime || !engine->runtime_up)
		return "containerd has not said yet what runs";
	if (realm->backing.unlisted_why)
		return realm->backing.unlisted_why;
	if (!engine->desired.complete)
		return "the manifests have not all been read";
	return engine->unread ? engine->unread : engine->unread_text;
}
