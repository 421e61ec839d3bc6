/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/rivals.h"

#include <ctype.h>

#include "core/state/engine.h"

/*
 * Where a cell stands in struct engine.folded: "<space> <name> <its name> <stack> <its stack>", the
 * first of each two in lower case. No name holds a blank, so rivals by the cell's name have the
 * first two words in common and not the third; those by the stack's the first four and not the
 * fifth. Cells of one name in many stacks are passed over at once.
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

/* ---- all rivals of a cell ---- */

/* True: it is the one that was looked for. */
typedef bool (*rival_fn)(struct engine *engine, struct object *other, const struct object *cell);

/* The first node after all that begin with @prefix, which ends in a blank. */
static struct map_node *skip(const struct engine *engine, const char *prefix)
{
	AUTO_FREE char *behind = xstrdup(prefix);

	behind[strlen(behind) - 1]++;
	return map_find_from(&engine->folded, behind);
}

/* Of those that begin with @prefix and not with @but. */
static struct object *find_among(struct engine *engine, const char *prefix, const char *but,
				 const struct object *cell, rival_fn fn)
{
	struct map_node *node = map_find_from(&engine->folded, prefix);

	while (node && str_starts_with(node->key, prefix)) {
		struct object *other = container_of(node, struct object, cell.folded_node);

		if (str_starts_with(node->key, but)) {
			node = skip(engine, but);
			continue;
		}
		if (fn(engine, other, cell))
			return other;
		node = map_next(node);
	}
	return NULL;
}

/* @cell, of that key, is given to @fn and may be NULL. */
static struct object *find_rival(struct engine *engine, const char *key, const struct object *cell,
				 rival_fn fn)
{
	struct folded folded AUTO(folded_fini) = fold(key);
	struct object *other = find_among(engine, folded.by_name, folded.same_name, cell, fn);

	return other ? other : find_among(engine, folded.by_stack, folded.whole, cell, fn);
}

static bool enqueue(struct engine *engine, struct object *other, const struct object *cell UNUSED)
{
	engine_enqueue(engine, other);
	return false;
}

static bool is_there(struct engine *engine UNUSED, struct object *other UNUSED,
		     const struct object *cell UNUSED)
{
	return true;
}

static bool goes_before(struct engine *engine UNUSED, struct object *other,
			const struct object *cell)
{
	bool other_was_ready = other->status.ready_ms, was_ready = cell->status.ready_ms;

	if (other->cell.rival) /* it waits itself; it enqueues us when it does not any more */
		return false;
	if (other_was_ready != was_ready)
		return other_was_ready;
	if (other->cell.intent != cell->cell.intent)
		return other->cell.intent;
	return other->cell.folded_seq < cell->cell.folded_seq;
}

/* ---- what others ask ---- */

void rivals_forget(struct engine *engine, struct object *cell)
{
	if (!cell->cell.folded)
		return;
	map_remove(&engine->folded, &cell->cell.folded_node);
	free(take_ptr(cell->cell.folded));
}

void rivals_changed(struct engine *engine, struct object *cell)
{
	struct folded folded AUTO(folded_fini) = { 0 };

	if (cell->kind != KIND_CELL)
		return;
	rivals_forget(engine, cell);
	if (cell->wanted) {
		folded = fold(cell->key);
		cell->cell.folded = take_ptr(folded.whole);
		cell->cell.folded_seq = ++engine->seq;
		check(map_insert(&engine->folded, &cell->cell.folded_node, cell->cell.folded));
	}
	find_rival(engine, cell->key, cell, enqueue);
}

static char *clash_text(const struct object *other)
{
	return xasprintf("its name and that of cell %s differ in case only, and in one space "
			 "resolvers do not tell them apart; choose another name here or there",
			 other->key);
}

void rivals_prepare(struct engine *engine, struct object *cell)
{
	const struct object *other;
	char *rival;

	if (cell->kind != KIND_CELL)
		return;
	other = cell->wanted ? find_rival(engine, cell->key, cell, goes_before) : NULL;
	rival = other ? clash_text(other) : NULL;
	if (!str_equal(rival, cell->cell.rival))
		find_rival(engine, cell->key, cell, enqueue);
	free(cell->cell.rival);
	cell->cell.rival = rival;
}

char *rivals_clash(struct engine *engine, const char *cell_key)
{
	const struct object *other = find_rival(engine, cell_key, NULL, is_there);

	return other ? clash_text(other) : NULL;
}
