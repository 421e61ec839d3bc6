/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/runs.h"

#include <string.h>

#include "cli/show/table.h"

static bool ended_later(const Api__ContainerStatus *a, const Api__ContainerStatus *b)
{
	return a && a->finished_at && (!b || strcmp(a->finished_at, b->finished_at) > 0);
}

static void add_run(const Api__ContainerStatus *status, struct runs *runs)
{
	time_t start = status ? time_parse(status->started_at) : 0;

	runs->restarts += status ? status->restart_count : 0;
	runs->last_start = start > runs->last_start ? start : runs->last_start;
	if (ended_later(status, runs->last_end))
		runs->last_end = status;
}

struct runs runs_of(const struct object *object)
{
	const Api__CellStatus *status = NULL;
	struct runs runs = { 0 };

	if (object->kind == KIND_CONTAINER)
		add_run(object->api->container->status, &runs);
	else if (object->kind == KIND_CELL)
		status = object->api->cell->status;
	for (size_t i = 0; status && i < status->n_containers; i++)
		add_run(status->containers[i], &runs);
	return runs;
}

bool runs_for_long(const struct runs *runs, unsigned steady_ms)
{
	return time(NULL) > runs->last_start + 1 + steady_ms / 1000;
}
