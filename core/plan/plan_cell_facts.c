/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan/plan_cell.h"

#include <stdio.h>

#include "core/plan/restart.h"

bool container_runs(const struct container *c)
{
	return c->task == TASK_RUNNING || c->task == TASK_PAUSED || c->task == TASK_PAUSING;
}

bool container_lives(const struct container *c)
{
	return container_runs(c) || c->task == TASK_CREATED;
}

bool container_changed(const struct container *c)
{
	return c->record && !str_equal(c->seen_hash, c->hash);
}

bool container_runs_another(const struct container *c)
{
	return container_lives(c) && !str_empty(c->seen_name) && !str_equal(c->seen_name, c->name);
}

bool cell_others_live(const struct object *object)
{
	struct container *c;

	list_for_each(c, &object->cell.containers, link)
		if (!container_is_root(c) && container_lives(c))
			return true;
	return false;
}

bool container_is_over(const struct container *c, uint64_t now_ms)
{
	uint64_t at_ms;
	enum restart_verdict verdict;

	if (!c->spec || !c->exited || container_lives(c) || container_changed(c))
		return false;
	verdict = restart_judge(c, now_ms, &at_ms);
	return verdict == RESTART_DONE || verdict == RESTART_GAVE_UP;
}

/* 128 + n, for a signal that has a name. A shell says the same of a process of its own. */
static const char *signal_name(uint32_t exit_code)
{
	return exit_code > 128 && exit_code < 128 + 65 ? sigabbrev_np((int)exit_code - 128) : NULL;
}

const char *container_end_text(const struct container *c, char text[END_TEXT_BYTES])
{
	const char *name = signal_name(c->exit_code);

	snprintf(text, END_TEXT_BYTES, "%s code %u%s%s%s",
		 c->oom_killed ? "ran out of memory and exited with" : "exited with", c->exit_code,
		 name ? " (SIG" : "", name ? name : "", name ? ")" : "");
	return text;
}
