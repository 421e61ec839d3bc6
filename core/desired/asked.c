/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/asked.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/journal/journal.h"

/* "asked/<cell key>/<role>": "<pid> <wall clock in ms>", the latter 0 unless it was withdrawn. */
#define PREFIX "asked/"

enum { VALUE_BYTES = 40 };

struct note {
	uint32_t pid;
	int64_t until_wall_ms;
};

static char *key_of(const struct container *c)
{
	return xasprintf(PREFIX "%s/%s", c->object->key, c->role);
}

static bool find(const struct engine *engine, const struct container *c, struct note *ret)
{
	AUTO_FREE char *key = engine->journal ? key_of(c) : NULL;
	const struct journal_record *record = key ? journal_find(engine->journal, key) : NULL;
	char value[VALUE_BYTES];

	if (!record || record->value_len >= sizeof(value))
		return false;
	memcpy(value, record->value, record->value_len);
	value[record->value_len] = '\0';
	return sscanf(value, "%" SCNu32 " %" SCNd64, &ret->pid, &ret->until_wall_ms) == 2;
}

static void put(struct engine *engine, const struct container *c, int64_t until_wall_ms,
		struct call *call)
{
	AUTO_FREE char *key = key_of(c);
	char value[VALUE_BYTES];
	int len = snprintf(value, sizeof(value), "%" PRIu32 " %" PRId64, c->run_pid, until_wall_ms);

	journal_put(engine->journal, key, value, (size_t)len, false, call);
}

bool asked_note(struct engine *engine, const struct container *container, struct call *call)
{
	struct note note;
	bool noted = find(engine, container, &note) && note.pid == container->run_pid &&
		     !note.until_wall_ms;

	if (!engine->journal || noted)
		return false;
	put(engine, container, 0, call);
	return true;
}

void asked_withdraw(struct engine *engine, const struct container *container, uint64_t until_ms)
{
	uint64_t now_ms = loop_now_ms(engine->loop);
	int64_t ahead_ms = until_ms > now_ms ? (int64_t)(until_ms - now_ms) : 0;

	if (engine->journal)
		put(engine, container, loop_wall_ms(engine->loop) + ahead_ms,
		    journal_errand(engine->journal));
}

void asked_recall(struct engine *engine, struct container *container,
		  const struct container_fact *fact)
{
	int64_t now_wall_ms = loop_wall_ms(engine->loop), ahead_ms;
	int64_t ended_ms =
		fact->task == TASK_STOPPED && fact->exited_at_ms ? fact->exited_at_ms : now_wall_ms;
	struct note note;

	if (!find(engine, container, &note) || note.pid != container->run_pid)
		return;
	if (note.until_wall_ms && note.until_wall_ms < ended_ms)
		return;
	/* One that has ended is judged right away. */
	ahead_ms = note.until_wall_ms ? note.until_wall_ms - ended_ms
				      : (int64_t)container->stop_grace_ms;
	container->may_stop_until_ms = loop_now_ms(engine->loop) + (uint64_t)ahead_ms + 1;
}

static void forget(struct engine *engine, const char *key)
{
	if (journal_find(engine->journal, key))
		journal_remove(engine->journal, key, false, journal_errand(engine->journal));
}

void asked_forget(struct engine *engine, const struct container *container)
{
	AUTO_FREE char *key = engine->journal ? key_of(container) : NULL;

	if (key)
		forget(engine, key);
}

void asked_forget_unknown(struct engine *engine)
{
	const struct journal_record *record =
		engine->journal ? journal_first(engine->journal, PREFIX) : NULL;
	struct strv unknown = { 0 };

	for (; record; record = journal_next(record, PREFIX)) {
		AUTO_FREE char *cell_key = key_parent(record->key + strlen(PREFIX));
		struct object *cell = cell_key ? engine_find(engine, cell_key) : NULL;
		const struct container *c;

		c = cell ? cell_find_container(cell, key_name(record->key)) : NULL;
		if (!c || (c->slot.known && c->task == TASK_NONE))
			strv_add(&unknown, record->key);
	}
	for (size_t i = 0; i < unknown.n; i++)
		forget(engine, unknown.items[i]);
	strv_fini(&unknown);
}
