/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fake/rules.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/str.h"

enum presence { MAYBE, ABSENT, PRESENT };

static const char *const kind_names[] = { "task",   "record", "snapshot",
					  "cgroup", "pin",    "attachment" };
static const char *const verb_names[] = { "make", "use", "mend", "remove" };
static const char *const outcome_names[] = { "done", "not done", "outcome unknown" };

/* Its cgroup goes last: behind that only what begins a new life may follow. */
struct rules_cell {
	struct map_node node; /* struct rules.cells, by key */
	char *key;
	bool deleted;
};

struct thing {
	struct map_node node; /* struct rules.things, by key */
	struct list link;     /* struct rules.busy */
	char *key;            /* "<kind> <id>" */
	const char *id;       /* in key */
	enum rules_kind kind;
	struct rules_cell *cell;
	enum presence presence;
	enum presence before; /* the act that is under way */
	enum rules_verb verb;
	uint64_t busy;    /* number of the act that is under way, or 0 */
	uint64_t changed; /* struct rules.now of the last word about it */
};

/* ---- what is known ---- */

static struct thing *find(const struct rules *rules, enum rules_kind kind, const char *id)
{
	char key[RULES_ID_MAX_BYTES];

	snprintf(key, sizeof(key), "%s %s", kind_names[kind], id);
	return map_entry(map_find(&rules->things, key), struct thing, node);
}

static struct rules_cell *cell_of(struct rules *rules, const char *key)
{
	struct rules_cell *cell = map_entry(map_find(&rules->cells, key), struct rules_cell, node);

	if (cell)
		return cell;
	cell = xnew(struct rules_cell);
	cell->key = xstrdup(key);
	map_insert(&rules->cells, &cell->node, cell->key);
	return cell;
}

/* NULL: a thing that is not ours to judge. */
static struct thing *get(struct rules *rules, enum rules_kind kind, const char *cell,
			 const char *id)
{
	struct thing *thing = find(rules, kind, id);

	if (thing || !cell)
		return thing;
	thing = xnew(struct thing);
	thing->key = xasprintf("%s %s", kind_names[kind], id);
	thing->id = thing->key + strlen(kind_names[kind]) + 1;
	thing->kind = kind;
	thing->cell = cell_of(rules, cell);
	thing->presence = ABSENT;
	map_insert(&rules->things, &thing->node, thing->key);
	return thing;
}

static enum presence presence_of(const struct rules *rules, enum rules_kind kind, const char *id)
{
	const struct thing *thing = find(rules, kind, id);

	return thing ? thing->presence : ABSENT;
}

static bool of_container(enum rules_kind kind)
{
	return kind <= RULES_SNAPSHOT;
}

static bool of_network(enum rules_kind kind)
{
	return kind == RULES_PIN || kind == RULES_ATTACHMENT;
}

void rules_init(struct rules *rules)
{
	*rules = (struct rules){ 0 };
	list_init(&rules->busy);
}

static void thing_free(struct rules *rules, struct thing *thing)
{
	list_remove(&thing->link);
	map_remove(&rules->things, &thing->node);
	free(thing->key);
	free(thing);
}

const char *rules_cell_of(const struct rules *rules, enum rules_kind kind, const char *id)
{
	const struct thing *thing = find(rules, kind, id);

	return thing ? thing->cell->key : NULL;
}

enum rules_verb rules_verb_of(const struct rules *rules, uint64_t n)
{
	const struct thing *thing;

	list_for_each(thing, &rules->busy, link)
		if (thing->busy == n)
			return thing->verb;
	return RULES_USE;
}

void rules_fini(struct rules *rules)
{
	struct rules_cell *cell;
	struct thing *thing;

	map_for_each(thing, &rules->things, node)
		thing_free(rules, thing);
	map_for_each(cell, &rules->cells, node) {
		map_remove(&rules->cells, &cell->node);
		free(cell->key);
		free(cell);
	}
}

/* ---- words ---- */

static void remember(struct rules *rules, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void remember(struct rules *rules, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(rules->recent[rules->n_recent++ % RULES_RECENT], RULES_RECENT_MAX_BYTES, fmt,
		  args);
	va_end(args);
}

static void violated(struct rules *rules, uint64_t n, const struct thing *thing, const char *rule)
{
	if (rules->violations++)
		return;
	snprintf(rules->violation, sizeof(rules->violation), "act %llu: %s of cell %s: %s",
		 (unsigned long long)n, thing->key, thing->cell->key, rule);
	remember(rules, "^ violated: %s", rule);
}

char *rules_tell_recent(const struct rules *rules)
{
	uint64_t first = rules->n_recent > RULES_RECENT ? rules->n_recent - RULES_RECENT : 0;
	AUTO_BUF struct buf text = { 0 };

	for (uint64_t i = first; i < rules->n_recent; i++)
		buf_printf(&text, "\t%s\n", rules->recent[i % RULES_RECENT]);
	return buf_take(&text);
}

/* ---- the rules ---- */

static const char *interface_of(const char *id)
{
	const char *at = strchr(id, '@');

	return at ? at + 1 : "";
}

/* An attachment of the cell, but not of this incarnation of its interface ("": any), that is not
 * known to be undone and not being undone by act @n. */
static bool is_attached(const struct rules *rules, const struct rules_cell *cell,
			const char *incarnation, uint64_t n)
{
	size_t len = strcspn(incarnation, "#");
	const struct thing *thing;

	map_for_each(thing, &rules->things, node) {
		bool same =
			strcspn(thing->id, "#") == len && strncmp(thing->id, incarnation, len) == 0;

		same |= len && strcmp(interface_of(thing->id), interface_of(incarnation)) != 0;

		if (thing->kind == RULES_ATTACHMENT && thing->cell == cell && !same &&
		    thing->presence != ABSENT && !(n && thing->busy == n))
			return true;
	}
	return false;
}

/* One call per container at a time, and one for a cell's network. */
static bool collides(const struct rules *rules, const struct thing *thing, uint64_t n)
{
	const struct thing *other;

	list_for_each(other, &rules->busy, link) {
		if (other->busy == n)
			continue;
		if (of_container(thing->kind) && of_container(other->kind) &&
		    strcmp(thing->id, other->id) == 0)
			return true;
		if (of_network(thing->kind) && of_network(other->kind) &&
		    thing->cell == other->cell)
			return true;
	}
	return false;
}

static const char *judge_task(const struct rules *rules, const struct thing *task,
			      enum rules_verb verb)
{
	bool gone = presence_of(rules, RULES_RECORD, task->id) == ABSENT &&
		    presence_of(rules, RULES_SNAPSHOT, task->id) == ABSENT;

	if (verb == RULES_REMOVE)
		return gone && task->presence == ABSENT ? "no act after delete: there is no such "
							  "container any more"
							: NULL;
	if (verb == RULES_USE)
		return task->presence == ABSENT ? "no act after delete: it has no task" : NULL;
	if (task->presence == PRESENT)
		return "one task per container: it has one";
	if (presence_of(rules, RULES_RECORD, task->id) == ABSENT ||
	    presence_of(rules, RULES_SNAPSHOT, task->id) == ABSENT)
		return "no act after delete: there is no such container";
	if (presence_of(rules, RULES_PIN, task->cell->key) == ABSENT)
		return "a task without a network namespace";
	return presence_of(rules, RULES_CGROUP, task->cell->key) == ABSENT
		       ? "a task without its cell's cgroup"
		       : NULL;
}

static const char *judge_stored(const struct rules *rules, const struct thing *thing,
				enum rules_verb verb)
{
	if (verb == RULES_MAKE)
		return thing->presence == PRESENT ? "made twice" : NULL;
	if (presence_of(rules, RULES_TASK, thing->id) == PRESENT)
		return "removed under its task";
	if (presence_of(rules, RULES_RECORD, thing->id) == ABSENT &&
	    presence_of(rules, RULES_SNAPSHOT, thing->id) == ABSENT)
		return "no act after delete: there is no such container any more";
	return NULL;
}

static const char *judge_attachment(const struct rules *rules, const struct thing *thing,
				    enum rules_verb verb)
{
	if (verb != RULES_MAKE)
		return NULL;
	if (thing->presence != ABSENT)
		return "one attachment per cell: this one has not been undone";
	if (is_attached(rules, thing->cell, thing->id, 0))
		return "one attachment per cell: an earlier one has not been undone";
	return presence_of(rules, RULES_PIN, thing->cell->key) == ABSENT
		       ? "attached without a network namespace"
		       : NULL;
}

/* Of what must have gone before the cell's cgroup, which goes last. */
static const char *judge_end(const struct rules *rules, const struct rules_cell *cell)
{
	const struct thing *thing;

	map_for_each(thing, &rules->things, node)
		if (thing->cell == cell && thing->presence == PRESENT &&
		    (of_container(thing->kind) || thing->kind == RULES_PIN))
			return "removed while something of the cell is there";
	return is_attached(rules, cell, "", 0) ? "removed while the cell is attached" : NULL;
}

static const char *judge(const struct rules *rules, const struct thing *thing,
			 const struct rules_act *act)
{
	if (thing->cell->deleted)
		return "no act after delete: the cell is gone";
	if (collides(rules, thing, act->n))
		return "two acts at once";
	switch (thing->kind) {
	case RULES_TASK:
		return judge_task(rules, thing, act->verb);
	case RULES_RECORD:
	case RULES_SNAPSHOT:
		return judge_stored(rules, thing, act->verb);
	case RULES_ATTACHMENT:
		return judge_attachment(rules, thing, act->verb);
	case RULES_PIN:
		return act->verb == RULES_REMOVE && is_attached(rules, thing->cell, "", act->n)
			       ? "removed before the attachment was undone"
			       : NULL;
	case RULES_CGROUP:
		return act->verb == RULES_REMOVE ? judge_end(rules, thing->cell) : NULL;
	}
	return NULL;
}

/* ---- what is told ---- */

static bool begins_life(const struct rules_act *act)
{
	return act->verb == RULES_MAKE && act->kind != RULES_TASK && act->kind != RULES_RECORD &&
	       act->kind != RULES_ATTACHMENT;
}

void rules_begin(struct rules *rules, const struct rules_act *act)
{
	struct thing *thing = get(rules, act->kind, act->cell, act->id);
	const char *rule;

	rules->now++;
	if (!thing)
		return;
	remember(rules, "%llu %s %s", (unsigned long long)act->n, verb_names[act->verb],
		 thing->key);
	if (begins_life(act))
		thing->cell->deleted = false;
	rule = judge(rules, thing, act);
	if (rule)
		violated(rules, act->n, thing, rule);
	thing->before = thing->presence;
	thing->verb = act->verb;
	thing->busy = act->n;
	list_remove(&thing->link);
	list_append(&rules->busy, &thing->link);
	thing->changed = rules->now;
	if (act->verb != RULES_USE)
		thing->presence = MAYBE;
}

static void settle(struct rules *rules, struct thing *thing, enum rules_outcome outcome)
{
	remember(rules, "%llu %s %s: %s", (unsigned long long)thing->busy, verb_names[thing->verb],
		 thing->key, outcome_names[outcome]);
	thing->busy = 0;
	list_remove(&thing->link);
	thing->changed = rules->now;
	if (thing->verb == RULES_USE)
		return;
	if (outcome == RULES_DONE)
		thing->presence = thing->verb == RULES_REMOVE ? ABSENT : PRESENT;
	else if (outcome == RULES_NOT_DONE ||
		 (thing->verb == RULES_REMOVE && thing->before == ABSENT &&
		  thing->kind != RULES_ATTACHMENT))
		thing->presence = thing->before;
	if (thing->kind == RULES_CGROUP && outcome == RULES_DONE)
		thing->cell->deleted = thing->verb == RULES_REMOVE;
	if (thing->kind == RULES_ATTACHMENT && thing->presence == ABSENT)
		thing_free(rules, thing); /* they are many, and few come again */
}

void rules_end(struct rules *rules, uint64_t n, enum rules_outcome outcome)
{
	struct thing *thing;

	rules->now++;
	list_for_each(thing, &rules->busy, link)
		if (thing->busy == n)
			settle(rules, thing, outcome);
}

void rules_died(struct rules *rules)
{
	struct thing *thing;

	rules->now++;
	remember(rules, "a daemon begins");
	list_for_each(thing, &rules->busy, link)
		settle(rules, thing, RULES_UNKNOWN);
}

static void see(struct thing *thing, bool there, uint64_t since)
{
	if (!thing->busy && thing->changed <= since)
		thing->presence = there ? PRESENT : ABSENT;
}

void rules_seen(struct rules *rules, const struct rules_sight *sight)
{
	struct thing *thing = get(rules, sight->kind, sight->there ? sight->cell : NULL, sight->id);

	if (thing)
		see(thing, sight->there, sight->since);
}

void rules_seen_tasks(struct rules *rules, const char *prefix,
		      bool (*is_there)(const char *id, void *ctx), void *ctx, uint64_t since)
{
	struct thing *thing;

	map_for_each(thing, &rules->things, node)
		if (thing->kind == RULES_TASK && str_starts_with(thing->id, prefix))
			see(thing, is_there(thing->id + strlen(prefix), ctx), since);
}

void rules_doubt(struct rules *rules, enum rules_kind kind, const char *id)
{
	struct thing *thing = find(rules, kind, id);

	rules->now++;
	if (!thing)
		return;
	remember(rules, "another hand on %s", thing->key);
	thing->presence = thing->before = MAYBE;
	thing->changed = rules->now;
}

void rules_finish(struct rules *rules)
{
	struct thing *thing;

	rules_died(rules);
	map_for_each(thing, &rules->things, node) {
		if (thing->kind == RULES_ATTACHMENT && thing->presence != ABSENT)
			violated(rules, 0, thing, "never undone: no DEL of it succeeded");
		else if (thing->presence == PRESENT)
			violated(rules, 0, thing, "left in the end");
	}
}
