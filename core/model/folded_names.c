/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/folded_names.h"

#include <ctype.h>

#include "core/base/str.h"
#include "core/model/names.h"

/*
 * Where a cell stands in the map: "<space> <name> <its name> <stack> <its stack>", the first of
 * each two in lower case. No name holds a blank, so rivals by the cell's name have the first two
 * words in common and not the third; those by the stack's the first four and not the fifth. Cells
 * of one name in many stacks are passed over at once.
 */
struct folded {
	char *by_name, *same_name; /* the first two words, three words */
	char *by_stack, *whole;    /* four words, all */
};

static char *lower_case(const char *name)
{
	char *copy = xstrdup(name);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static struct folded fold(const char *cell_key)
{
	AUTO_FREE char *stack_key = key_parent(cell_key);
	AUTO_FREE char *space_key = key_parent(stack_key);
	const char *name = key_name(cell_key), *stack = key_name(stack_key);
	AUTO_FREE char *lower_name = lower_case(name);
	AUTO_FREE char *lower_stack = lower_case(stack);
	struct folded folded;

	folded.by_name = xasprintf("%s %s ", space_key, lower_name);
	folded.same_name = xasprintf("%s%s ", folded.by_name, name);
	folded.by_stack = xasprintf("%s%s ", folded.same_name, lower_stack);
	folded.whole = xasprintf("%s%s ", folded.by_stack, stack);
	return folded;
}

static void folded_fini(struct folded *folded)
{
	free(folded->by_name);
	free(folded->same_name);
	free(folded->by_stack);
	free(folded->whole);
}

bool folded_names_add(struct map *names, struct folded_name *name, const char *cell_key)
{
	struct folded folded AUTO(folded_fini) = fold(cell_key);

	if (!map_insert(names, &name->node, folded.whole))
		return false;
	name->text = take_ptr(folded.whole);
	return true;
}

void folded_names_remove(struct map *names, struct folded_name *name)
{
	if (!name->text)
		return;
	map_remove(names, &name->node);
	free(take_ptr(name->text));
}

/* The first node after all that begin with @prefix, which ends in a blank. */
static struct map_node *skip(const struct map *names, const char *prefix)
{
	AUTO_FREE char *behind = xstrdup(prefix);

	behind[strlen(behind) - 1]++;
	return map_find_from(names, behind);
}

/* Of those that begin with @prefix and not with @but. */
static struct folded_name *find_among(const struct map *names, const char *prefix, const char *but,
				      folded_name_fn fn, void *ctx)
{
	struct map_node *node = map_find_from(names, prefix);

	while (node && str_starts_with(node->key, prefix)) {
		struct folded_name *other = container_of(node, struct folded_name, node);

		if (str_starts_with(node->key, but)) {
			node = skip(names, but);
			continue;
		}
		if (!fn || fn(other, ctx))
			return other;
		node = map_next(node);
	}
	return NULL;
}

struct folded_name *folded_names_find(const struct map *names, const char *cell_key,
				      folded_name_fn fn, void *ctx)
{
	struct folded folded AUTO(folded_fini) = fold(cell_key);
	struct folded_name *rival = find_among(names, folded.by_name, folded.same_name, fn, ctx);

	return rival ? rival : find_among(names, folded.by_stack, folded.whole, fn, ctx);
}
