/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/strset.h"

struct strset_item {
	struct map_node node; /* struct strset.by_text */
	char text[];
};

void strset_fini(struct strset *set)
{
	struct strset_item *item;

	map_for_each(item, &set->by_text, node) {
		map_remove(&set->by_text, &item->node);
		free(item);
	}
	free(set->items);
	*set = (struct strset){ 0 };
}

bool strset_has(const struct strset *set, const char *s)
{
	return map_find(&set->by_text, s);
}

bool strset_add(struct strset *set, const char *s)
{
	size_t bytes = strlen(s) + 1;
	struct strset_item *item;

	if (strset_has(set, s))
		return false;
	item = xcalloc(1, sizeof(*item) + bytes);
	memcpy(item->text, s, bytes);
	map_insert(&set->by_text, &item->node, item->text);
	set->items = xrealloc(set->items, (set->n + 1) * sizeof(*set->items));
	set->items[set->n++] = item->text;
	return true;
}
