/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/containerd/task_log.h"

#include "core/base/log.h"
#include "core/model/names.h"
#include "drivers/logs/cell_logs.h"

/* For kukeon-log to write out what a container that goes has printed last; one that does not is
 * replaced sooner. */
enum { LAST_LINES_MS = 10 * 1000 };

static struct spool_owner owner_of(const struct task_log *log, const struct log_place *place)
{
	return (struct spool_owner){ place->spool, log->namespace_, log->id };
}

/* The parts of "realm/space/stack/cell". */
static void say_whose(struct log_conf *conf, const struct log_owner *owner)
{
	char **const parts[] = { &conf->realm, &conf->space, &conf->stack, &conf->cell };
	AUTO_FREE char *key = xstrdup(owner->cell_key);
	char *rest = key;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		*parts[i] = xstrdup_maybe(strsep(&rest, "/"));
	conf->container = xstrdup(owner->container);
}

void task_log_init(struct task_log *log, struct containerd *driver, const struct container_ref *ref,
		   const Api__ContainerSpec *spec, const struct log_owner *owner)
{
	const struct log_place *place = &driver->logs;
	const struct model_log_settings settings = model_log_settings(spec, &place->defaults);

	*log = (struct task_log){ .namespace_ = xstrdup(ref->namespace_),
				  .id = xstrdup(ref->id),
				  .run = SPOOL_RUN_NONE };
	list_append(&driver->logs_made, &log->link);
	if (!owner || !place->spool || settings.driver == API__LOG_DRIVER__LOG_DRIVER_NONE)
		return;
	log->conf = (struct log_conf){
		.dir = cell_logs_dir(place->dir, owner->cell_key, owner->container),
		.driver = settings.driver == API__LOG_DRIVER__LOG_DRIVER_JOURNALD
				  ? LOG_DRIVER_JOURNALD
				  : LOG_DRIVER_FILE,
		.max_bytes = (int64_t)settings.max_bytes,
		.max_files = settings.max_files,
		.compress = place->compress,
	};
	say_whose(&log->conf, owner);
}

void task_log_fini(struct task_log *log)
{
	if (!log->id)
		return;
	list_remove(&log->link);
	log_conf_fini(&log->conf);
	spool_run_fini(&log->run);
	free(log->namespace_);
	free(log->id);
	free(log->used);
}

void task_log_make(struct task_log *log, const struct log_place *place)
{
	const struct spool_owner owner = owner_of(log, place);
	struct error err;

	if (log->conf.dir && spool_make(&owner, &log->conf, &log->run, &err) < 0)
		log_warning("what container %s prints is lost until it starts again: %s", log->id,
			    err.msg);
}

static void tell(const char *id, int status, const struct error *err)
{
	if (status < 0)
		log_warning("the log of container %s stays for now: %s", id, err->msg);
}

void task_log_settle(struct task_log *log, const struct log_place *place)
{
	const struct spool_owner owner = owner_of(log, place);
	uint64_t used = log->run.number;
	struct error err;

	if (!place->spool)
		return;
	if (log->adopts)
		used = spool_run_of(&owner, log->used);
	log->lost = log->adopts && used && !spool_is_whole(&owner, used);
	if (!log->lost)
		tell(log->id, spool_end(&owner, used, &err), &err);
}

void task_log_drop(struct task_log *log, const struct log_place *place)
{
	char entry[LOG_NAME_MAX_BYTES];
	struct error err;

	if (log->unneeded && log_entry_format(log->namespace_, log->id, log->run.number, entry))
		tell(log->id, spool_drop(place->spool, entry, &err), &err);
}

void task_log_end(const struct log_place *place, const char *namespace_, const char *id)
{
	const struct spool_owner owner = { place->spool, namespace_, id };
	struct error err;

	if (place->spool)
		tell(id, spool_end(&owner, 0, &err), &err);
}

/* kukeon-log first: what it writes afterwards, nobody would find. */
void task_log_remove(const struct log_place *place, const char *namespace_, const char *id,
		     const struct log_owner *log)
{
	const struct spool_owner owner = { place->spool, namespace_, id };
	struct error err;
	int r = place->spool ? spool_clear(&owner, LAST_LINES_MS, &err) : 0;

	if (r == 0 && place->dir)
		r = cell_logs_remove(place->dir, log->cell_key, log->container, &err);
	tell(id, r, &err);
}
