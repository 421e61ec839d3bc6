/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/log_things.h"

#include "core/base/log.h"
#include "drivers/containerd/task_log.h"
#include "drivers/logs/log_files.h"

/* For kukeon-log to write out what it still has of a run that nobody writes to any more. */
enum { LAST_LINES_MS = 1000 };

void log_finds_fini(struct log_finds *finds)
{
	strv_fini(&finds->entries);
	strv_fini(&finds->cells);
	strv_fini(&finds->stdouts);
}

int log_finds_read(const struct containerd *driver, struct log_finds *finds, struct error *err)
{
	const struct log_place *place = &driver->logs;
	struct error ignored;
	int r = place->spool ? spool_list(place->spool, &finds->entries, err) : 0;

	if (r == 0 && place->dir &&
	    log_files_list(place->dir, driver->ctd.instance, &finds->cells, &ignored) < 0)
		log_debug("log files were not looked for: %s", ignored.msg);
	return r;
}

/* ---- FIFOs ---- */

static const char *owner_of(const struct host_things *things, const char *name)
{
	for (size_t i = 0; i < things->n; i++)
		if ((things->items[i].kind == HOST_CONTAINER ||
		     things->items[i].kind == HOST_SNAPSHOT) &&
		    str_equal(things->items[i].name, name))
			return things->items[i].owner;
	return NULL;
}

static bool is_written(const struct log_place *place, const struct log_finds *finds,
		       const char *entry)
{
	char file[LOG_NAME_MAX_BYTES];
	AUTO_FREE char *path = NULL;

	if (!log_spool_format(entry, LOG_SPOOL_OUT, file))
		return false;
	path = xasprintf("%s/%s", place->spool, file);
	return strv_has(&finds->stdouts, path);
}

/* Its task may be there a moment later. */
static bool is_being_made(const struct containerd *driver, const char *namespace_, const char *id)
{
	const struct task_log *log;

	list_for_each(log, &driver->logs_made, link)
		if (str_equal(log->namespace_, namespace_) && str_equal(log->id, id))
			return true;
	return false;
}

/* "<namespace>/<id>/<run>" */
static void add_entry(const struct containerd *driver, const struct log_finds *finds,
		      const char *entry, struct host_things *things)
{
	char namespace_[LOG_NAME_MAX_BYTES], id[LOG_NAME_MAX_BYTES];
	AUTO_FREE char *container = NULL, *name = NULL;
	struct host_thing *thing;
	bool written = is_written(&driver->logs, finds, entry);
	const char *owner;
	uint64_t run;

	if (!log_entry_parse(entry, namespace_, id, &run))
		return;
	container = xasprintf("%s/%s", namespace_, id);
	name = xasprintf("%s/%llu", container, (unsigned long long)run);
	owner = owner_of(things, container);
	thing = host_things_add(things, HOST_LOG_FIFOS, name, written ? owner : NULL);
	thing->id = xstrdup(id);
	thing->in_use = !written && (is_being_made(driver, namespace_, id) ||
				     (owner && spool_is_done(driver->logs.spool, entry)));
	thing->why = xstrdup(owner ? "no task writes to them" : "their container is gone");
}

/* ---- files ---- */

static void add_files(const struct log_place *place, const char *cell, struct host_things *things)
{
	AUTO_FREE char *name = xasprintf("%s/%s", place->dir, cell);

	host_things_add(things, HOST_LOG_FILES, name, cell);
}

void log_finds_add(const struct containerd *driver, const struct log_finds *finds,
		   struct host_things *things)
{
	for (size_t i = 0; i < finds->entries.n; i++)
		add_entry(driver, finds, finds->entries.items[i], things);
	for (size_t i = 0; i < finds->cells.n; i++)
		add_files(&driver->logs, finds->cells.items[i], things);
}

/* ---- taking away ---- */

int log_fifos_discard(const struct log_place *place, const char *name, struct error *err)
{
	AUTO_FREE char *namespace_ = xstrndup(name, strcspn(name, "/"));
	const char *rest = name + strlen(namespace_) + 1;
	AUTO_FREE char *id = xstrndup(rest, strcspn(rest, "/"));
	const struct spool_owner owner = { place->spool, namespace_, id };

	return place->spool ? spool_clear_run(&owner, strtoull(rest + strlen(id) + 1, NULL, 10),
					      LAST_LINES_MS, err)
			    : 0;
}

int log_files_discard(const struct log_place *place, const char *name, struct error *err)
{
	const char *cell = name + strlen(place->dir) + 1;

	return log_files_remove(place->dir, cell, NULL, err);
}
