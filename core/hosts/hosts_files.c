/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hosts/hosts_private.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/hosts/cellfiles.h"
#include "core/hosts/hosts.h"
#include "core/hosts/hosts_lines.h"
#include "core/plan/plan_cell.h"
#include "core/state/engine.h"

enum {
	PAUSE_MIN_MS = 100,  /* between two rounds of writing, which gathers changes */
	PAUSE_MAX_MS = 500,  /* the longest such pause */
	PAUSE_PER_ROUND = 4, /* so much longer than the round: a fifth of one worker at most */
	RETRY_MS = 2000,     /* after a file that could not be written */
	NS_PER_MS = 1000 * 1000,
};

/* ---- sets of spaces ---- */

void space_set_add(struct map *set, const char *space)
{
	struct space_name *space_name;

	if (map_find(set, space))
		return;
	space_name = xnew(struct space_name);
	space_name->space = xstrdup(space);
	map_insert(set, &space_name->node, space_name->space);
}

void space_set_clear(struct map *set)
{
	struct space_name *space_name;

	map_for_each(space_name, set, node) {
		map_remove(set, &space_name->node);
		free(space_name->space);
		free(space_name);
	}
}

bool space_set_has_any(const struct map *set, const struct strv *spaces)
{
	for (size_t i = 0; i < spaces->n; i++)
		if (map_find(set, spaces->items[i]))
			return true;
	return false;
}

/* ---- rounds ---- */

static void start_soon(struct engine *engine);

static void run_round(struct work *work)
{
	struct hosts_job *job = container_of(work, struct hosts_files, work)->job;
	uint64_t began_ns = uv_hrtime();

	job->status = hosts_job_write(job, &job->err);
	job->took_ns = uv_hrtime() - began_ns;
}

static uint64_t pause_after(uint64_t took_ns)
{
	uint64_t pause_ms = PAUSE_PER_ROUND * took_ns / NS_PER_MS;

	if (pause_ms < PAUSE_MIN_MS)
		return PAUSE_MIN_MS;
	return pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
}

/* A file that could not be written is tried again with all others: those cost a look. */
static void note_result(struct engine *engine, const struct hosts_job *job)
{
	struct hosts_files *files = engine->hosts_files;
	uint64_t pause_ms = job->status < 0 ? RETRY_MS : pause_after(job->took_ns);

	files->rounds++;
	files->took_ns = job->took_ns;
	files->not_before_ms = loop_now_ms(engine->loop) + pause_ms;
	files->all |= job->status < 0;
	if (job->status < 0 && !files->failed)
		log_warning("the hosts files of cells are not up to date: %s", job->err.msg);
	if (job->status == 0 && files->failed)
		log_info("the hosts files of cells are up to date again");
	files->failed = job->status < 0;
}

/* What another hand has written meanwhile may be half of each: it is written again. */
static void note_file(struct engine *engine, const struct hosts_job *job, struct hosts_file *file)
{
	struct object *object = engine_find(engine, file->cell);
	struct hosts_known *known;

	if (!object)
		return;
	known = &object->cell.hosts;
	if (known->other_writers != file->other_writers) {
		hosts_files_cell_changed(engine, object);
		return;
	}
	str_replace(&known->ip, file->ip);
	str_replace(&known->ip6, file->ip6);
	known->files = file->written;
	file->written = (struct cellfiles_written){ 0 };
	known->text = job->views[file->view].text->id;
	known->version = file->version;
}

static void on_round(struct work *work)
{
	struct engine *engine = container_of(work, struct hosts_files, work)->engine;
	struct hosts_job *job = engine->hosts_files->job;

	for (size_t i = 0; i < job->n_files; i++)
		note_file(engine, job, &job->files[i]);
	note_result(engine, engine->hosts_files->job);
	hosts_job_free(take_ptr(engine->hosts_files->job));
	start_soon(engine);
	pending_end(&engine->under_way);
}

static void on_due(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct hosts_files, pause)->engine;
	struct hosts_files *files = engine->hosts_files;

	files->job = hosts_job_round(engine);
	files->all = false;
	space_set_clear(&files->changed);
	if (!files->job)
		return;
	pending_begin(&engine->under_way);
	loop_work(engine->loop, &files->work, run_round, on_round);
}

/* Aliases of cells that cannot be read are not known: they stay where they are written. */
static bool is_unknown(const struct engine *engine)
{
	return engine->unread_text;
}

static void start_soon(struct engine *engine)
{
	struct hosts_files *files = engine->hosts_files;

	if (!files->open || engine->closing || files->job || timer_active(&files->pause) ||
	    is_unknown(engine) || (!files->all && !files->changed.count))
		return;
	timer_start_at(engine->loop, &files->pause, files->not_before_ms, on_due);
}

void hosts_files_check_all(struct engine *engine)
{
	engine->hosts_files->all = true;
	start_soon(engine);
}

void hosts_files_space_changed(struct engine *engine, const char *space_key)
{
	if (!engine->run_path)
		return;
	space_set_add(&engine->hosts_files->changed, space_key);
	start_soon(engine);
}

void hosts_files_cell_changed(struct engine *engine, const struct object *cell)
{
	const struct join *join;

	hosts_files_space_changed(engine, hosts_space_of(cell)->key);
	list_for_each(join, &cell->cell.joins, link)
		if (hosts_addresses_of_join(join).ip) /* its aliases stand there too */
			hosts_files_space_changed(engine, join->space_key);
}

void hosts_files_init(struct engine *engine)
{
	engine->hosts_files = xnew(struct hosts_files);
	engine->hosts_files->engine = engine;
}

void hosts_files_open(struct engine *engine)
{
	if (engine->hosts_files->open || !engine->run_path)
		return;
	engine->hosts_files->open = engine->hosts_files->all = true;
	start_soon(engine);
}

void hosts_files_close(struct engine *engine)
{
	timer_stop(&engine->hosts_files->pause);
}

void hosts_files_fini(struct engine *engine)
{
	struct hosts_text *text;

	check(!engine->hosts_files->job);
	map_for_each(text, &engine->hosts_files->texts, node)
		hosts_text_free(engine->hosts_files, text);
	timer_stop(&engine->hosts_files->pause);
	space_set_clear(&engine->hosts_files->changed);
	free(take_ptr(engine->hosts_files));
}
