/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/api_marks.h"

#include "core/base/util.h"

struct mark *mark_find(const struct map *map, const char *key)
{
	return map_entry(map_find(map, key), struct mark, node);
}

struct mark *mark_add(struct map *map, const char *key)
{
	struct mark *mark = mark_find(map, key);

	if (mark)
		return mark;
	mark = xnew(struct mark);
	mark->key = xstrdup(key);
	map_insert(map, &mark->node, mark->key);
	return mark;
}

void mark_free(struct map *map, struct mark *mark)
{
	map_remove(map, &mark->node);
	list_remove(&mark->link);
	free(mark->key);
	free(mark);
}

void marks_free(struct map *map)
{
	struct mark *mark;

	while ((mark = map_entry(map_first(map), struct mark, node)))
		mark_free(map, mark);
}
