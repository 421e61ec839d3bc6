/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status/gone.h"

static void drop_oldest(struct gone_log *log)
{
	struct gone *oldest = &log->items[log->first];

	log->from = oldest->version;
	free(take_ptr(oldest->key));
	log->first = (log->first + 1) % GONE_MAX;
	log->n--;
}

static void on_change(struct engine_watcher *watcher, const struct object *object, bool gone)
{
	struct gone_log *log = container_of(watcher, struct gone_log, watcher);

	if (!gone || object->kind == KIND_CONTAINER)
		return;
	if (log->n == GONE_MAX)
		drop_oldest(log);
	log->items[(log->first + log->n++) % GONE_MAX] =
		(struct gone){ object->version, xstrdup(object->key) };
}

void gone_log_open(struct gone_log *log, struct engine *engine)
{
	*log = (struct gone_log){ .watcher.on_change = on_change, .engine = engine };
	log->from = engine->version;
	list_append(&engine->watchers, &log->watcher.link);
}

void gone_log_close(struct gone_log *log)
{
	list_remove(&log->watcher.link);
	while (log->n)
		drop_oldest(log);
}

bool gone_log_reaches(const struct gone_log *log, uint64_t version)
{
	return version >= log->from && version <= log->engine->version;
}

const struct gone *gone_log_at(const struct gone_log *log, size_t i)
{
	return i < log->n ? &log->items[(log->first + i) % GONE_MAX] : NULL;
}
