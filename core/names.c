/* SPDX-License-Identifier: Apache-2.0 */
#include "core/names.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/cellfiles.h"
#include "core/engine.h"
#include "core/model/hosts.h"
#include "core/plan_cell.h"
#include "core/reconcile.h"
#include "core/store.h"

enum {
	PAUSE_MIN_MS = 100,
	PAUSE_MAX_MS = 500,
	PAUSE_PER_ROUND = 4, /* so much longer than the round: a fifth of one worker at most */
	RETRY_MS = 2000,
	NS_PER_MS = 1000 * 1000,
};

struct touched {
	struct map_node node; /* struct names.touched */
	char *space;
};

/* A cell whose files are written. */
struct names_file {
	char *cell;
	char *ip, *ip6;
	char *role, *hostname; /* of one container; NULL: all of the cell */
	size_t view;
};

/* All strings are its own: a worker has it. */
struct names_job {
	char *run_path;
	bool make; /* files that are missing */
	struct hosts_entry *entries;
	size_t n_entries, entries_capacity;
	struct names_file *files;
	size_t n_files, files_capacity;
	struct hosts_view *views;
	size_t n_views;
	struct map spaces; /* struct touched.node: those that some view shows */

	uint64_t took_ns;
	int status;
	struct error err;
};

/* ---- sets of spaces ---- */

static void set_add(struct map *set, const char *space)
{
	struct touched *touched;

	if (map_find(set, space))
		return;
	touched = xnew(struct touched);
	touched->space = xstrdup(space);
	map_insert(set, &touched->node, touched->space);
}

static void set_clear(struct map *set)
{
	struct touched *touched;

	map_for_each(touched, set, node) {
		map_remove(set, &touched->node);
		free(touched->space);
		free(touched);
	}
}

static bool set_has_any(const struct map *set, const struct strv *spaces)
{
	for (size_t i = 0; i < spaces->n; i++)
		if (map_find(set, spaces->items[i]))
			return true;
	return false;
}

/* ---- what a cell shows and sees ---- */

static const struct object *space_of(const struct object *cell)
{
	return cell->parent->parent;
}

/*
 * While a running cell's network is mended it is still found where it was: names that go and come
 * back would be taken for a cell that went.
 */
static struct cell_addresses addresses_at(const struct object *object)
{
	const struct cell *cell = &object->cell;
	const struct container *root = cell_root(object);

	if (cell->ip)
		return (struct cell_addresses){ cell->ip, cell->ip6 };
	if (cell->intent && root && container_runs(root))
		return (struct cell_addresses){ cell->last_ip, cell->last_ip6 };
	return (struct cell_addresses){ 0 };
}

static struct cell_addresses addresses_of_join(const struct join *join)
{
	const struct container *root = cell_root(join->object);

	if (join->ip)
		return (struct cell_addresses){ join->ip, join->ip6 };
	if (join->intent && root && container_runs(root))
		return (struct cell_addresses){ join->last_ip, join->last_ip6 };
	return (struct cell_addresses){ 0 };
}

static void fill_view(const struct object *cell, struct hosts_view *view)
{
	const struct join *join;

	view->stack = xstrdup(cell->parent->key);
	strv_add(&view->spaces, space_of(cell)->key);
	list_for_each(join, &cell->cell.joins, link)
		if (addresses_of_join(join).ip)
			strv_add(&view->spaces, join->space_key);
}

static void add_aliases(const struct object *object, struct strv *aliases)
{
	const Api__CellSpec *spec = object->cell.effective;

	for (size_t i = 0; spec && i < spec->n_containers; i++)
		for (size_t j = 0; j < spec->containers[i]->n_networks_aliases; j++)
			strv_add(aliases, spec->containers[i]->networks_aliases[j]);
}

static void add_entry(struct names_job *job, const struct object *cell, const char *space,
		      const char *address)
{
	struct hosts_entry *entry;

	if (!address || !map_find(&job->spaces, space))
		return;
	if (job->n_entries == job->entries_capacity) {
		job->entries_capacity = job->entries_capacity ? 2 * job->entries_capacity : 64;
		job->entries = xrealloc(job->entries, job->entries_capacity * sizeof(*entry));
	}
	entry = &job->entries[job->n_entries++];
	*entry = (struct hosts_entry){ .space = xstrdup(space),
				       .cell = xstrdup(cell->key),
				       .address = xstrdup(address) };
	add_aliases(cell, &entry->aliases);
}

/* ---- jobs ---- */

static struct names_job *job_new(const struct engine *engine)
{
	struct names_job *job = xnew(struct names_job);

	job->run_path = xstrdup_maybe(engine->run_path);
	return job;
}

/* Cells that see the same share a view. They stand beside each other in the engine's order. */
static size_t take_view(struct names_job *job, struct hosts_view *view)
{
	if (job->n_views && hosts_view_equal(&job->views[job->n_views - 1], view)) {
		hosts_view_fini(view);
		return job->n_views - 1;
	}
	for (size_t i = 0; i < view->spaces.n; i++)
		set_add(&job->spaces, view->spaces.items[i]);
	job->views = xrealloc(job->views, (job->n_views + 1) * sizeof(*job->views));
	job->views[job->n_views] = *view;
	return job->n_views++;
}

static struct names_file *add_file(struct names_job *job, const struct object *cell,
				   struct hosts_view *view, struct cell_addresses at)
{
	struct names_file *file;

	if (job->n_files == job->files_capacity) {
		job->files_capacity = job->files_capacity ? 2 * job->files_capacity : 16;
		job->files = xrealloc(job->files, job->files_capacity * sizeof(*file));
	}
	file = &job->files[job->n_files++];
	*file = (struct names_file){ .cell = xstrdup(cell->key),
				     .ip = xstrdup_maybe(at.ip),
				     .ip6 = xstrdup_maybe(at.ip6),
				     .view = take_view(job, view) };
	return file;
}

static void add_both(struct names_job *job, const struct object *cell, const char *space,
		     struct cell_addresses at)
{
	add_entry(job, cell, space, at.ip);
	add_entry(job, cell, space, at.ip6);
}

static void add_cell(struct names_job *job, const struct object *cell, struct cell_addresses at)
{
	const struct join *join;

	add_both(job, cell, space_of(cell)->key, at);
	list_for_each(join, &cell->cell.joins, link)
		add_both(job, cell, join->space_key, addresses_of_join(join));
}

/* All that the views show; @cell (may be NULL) @at already. */
static void add_entries(struct names_job *job, struct engine *engine, const struct object *cell,
			struct cell_addresses at)
{
	struct object *object;

	map_for_each(object, &engine->objects, node)
		if (object->kind == KIND_CELL)
			add_cell(job, object, object == cell ? at : addresses_at(object));
}

struct names_job *names_job_new(struct engine *engine, const struct object *cell,
				const struct cell_addresses *at, const char *role,
				const char *hostname)
{
	struct names_job *job = job_new(engine);
	struct hosts_view view = { 0 };
	struct names_file *file;

	job->make = true;
	fill_view(cell, &view);
	file = add_file(job, cell, &view, *at);
	file->role = xstrdup_maybe(role);
	file->hostname = xstrdup_maybe(hostname);
	if (engine->run_path)
		add_entries(job, engine, cell, at->ip ? *at : addresses_at(cell));
	return job;
}

/* The cell's own come first: the others take their addresses from there. */
struct names_job *names_job_again(struct engine *engine, const struct object *cell,
				  const char *role, const char *hostname)
{
	const struct cell_addresses at = addresses_at(cell);
	struct names_job *job = names_job_new(engine, cell, &at, NULL, NULL);
	struct hosts_view view = { 0 };
	struct names_file *file;

	if (!role)
		return job;
	fill_view(cell, &view);
	file = add_file(job, cell, &view, at);
	file->role = xstrdup(role);
	file->hostname = xstrdup_maybe(hostname);
	return job;
}

/* NULL when nothing is to be written. */
static struct names_job *round_new(struct engine *engine)
{
	const struct names *names = &engine->names;
	struct names_job *job = job_new(engine);
	struct object *object;

	map_for_each(object, &engine->objects, node) {
		struct hosts_view view = { 0 };

		if (object->kind != KIND_CELL || !(object->cell.pinned || object->cell.intent))
			continue;
		fill_view(object, &view);
		if (names->all || set_has_any(&names->touched, &view.spaces))
			add_file(job, object, &view, addresses_at(object));
		else
			hosts_view_fini(&view);
	}
	if (!job->n_files) {
		names_job_free(job);
		return NULL;
	}
	add_entries(job, engine, NULL, (struct cell_addresses){ 0 });
	return job;
}

static int write_file(const struct names_job *job, const struct names_file *file, const char *text,
		      struct error *err)
{
	const struct cellfiles_hosts hosts = { { file->ip, file->ip6 }, text };

	if (file->role)
		return cellfiles_write_container(job->run_path, file->cell, file->role,
						 file->hostname, &hosts, err);
	if (job->make)
		return cellfiles_write(job->run_path, file->cell, &hosts, err);
	return cellfiles_update(job->run_path, file->cell, &hosts, err);
}

/* One file that cannot be written does not hold up the others; the first error is told. */
int names_job_write(struct names_job *job, struct error *err)
{
	struct error other;
	int status = 0;

	hosts_sort(job->entries, job->n_entries);
	for (size_t i = 0; i < job->n_files;) {
		size_t view = job->files[i].view;
		AUTO_BUF struct buf text = { 0 };

		hosts_render(&job->views[view], job->entries, job->n_entries, &text);
		for (; i < job->n_files && job->files[i].view == view; i++) {
			int r = write_file(job, &job->files[i], text.data, status ? &other : err);

			status = status ? status : r;
		}
	}
	return status;
}

void names_job_free(struct names_job *job)
{
	if (!job)
		return;
	for (size_t i = 0; i < job->n_entries; i++)
		hosts_entry_fini(&job->entries[i]);
	for (size_t i = 0; i < job->n_files; i++) {
		free(job->files[i].cell);
		free(job->files[i].ip);
		free(job->files[i].ip6);
		free(job->files[i].role);
		free(job->files[i].hostname);
	}
	for (size_t i = 0; i < job->n_views; i++)
		hosts_view_fini(&job->views[i]);
	set_clear(&job->spaces);
	free(job->entries);
	free(job->files);
	free(job->views);
	free(job->run_path);
	free(job);
}

/* ---- rounds ---- */

static void start_soon(struct engine *engine);

static void run_round(struct work *work)
{
	struct names_job *job = container_of(work, struct names, work)->job;
	uint64_t began_ns = uv_hrtime();

	job->status = names_job_write(job, &job->err);
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
static void note_result(struct engine *engine, const struct names_job *job)
{
	struct names *names = &engine->names;
	uint64_t pause_ms = job->status < 0 ? RETRY_MS : pause_after(job->took_ns);

	names->rounds++;
	names->took_ns = job->took_ns;
	names->not_before_ms = loop_now_ms(engine->loop) + pause_ms;
	names->all |= job->status < 0;
	if (job->status < 0 && !names->failed)
		log_warning("the hosts files of cells are not up to date: %s", job->err.msg);
	if (job->status == 0 && names->failed)
		log_info("the hosts files of cells are up to date again");
	names->failed = job->status < 0;
}

static void on_round(struct work *work)
{
	struct engine *engine = container_of(work, struct engine, names.work);

	note_result(engine, engine->names.job);
	names_job_free(take_ptr(engine->names.job));
	start_soon(engine);
	reconcile_check_closed(engine);
}

static void on_due(struct timer *timer)
{
	struct engine *engine = container_of(timer, struct engine, names.pause);
	struct names *names = &engine->names;

	names->job = round_new(engine);
	names->all = false;
	set_clear(&names->touched);
	if (names->job)
		loop_work(engine->loop, &names->work, run_round, on_round);
}

/* Aliases of cells that cannot be read are not known: they stay where they are written. */
static bool is_unknown(const struct engine *engine)
{
	return engine->store && store_unread(engine->store);
}

static void start_soon(struct engine *engine)
{
	struct names *names = &engine->names;

	if (!names->open || engine->closing || names->job || timer_active(&names->pause) ||
	    is_unknown(engine) ||
	    (!names->all && !names->touched.count))
		return;
	timer_start_at(engine->loop, &names->pause, names->not_before_ms, on_due);
}

void names_look_again(struct engine *engine)
{
	engine->names.all = true;
	start_soon(engine);
}

void names_touch_space(struct engine *engine, const char *space_key)
{
	if (!engine->run_path)
		return;
	set_add(&engine->names.touched, space_key);
	start_soon(engine);
}

void names_touch(struct engine *engine, const struct object *cell)
{
	const struct join *join;

	names_touch_space(engine, space_of(cell)->key);
	list_for_each(join, &cell->cell.joins, link)
		if (addresses_of_join(join).ip) /* its aliases stand there too */
			names_touch_space(engine, join->space_key);
}

void names_open(struct engine *engine)
{
	if (engine->names.open || !engine->run_path)
		return;
	engine->names.open = engine->names.all = true;
	start_soon(engine);
}

void names_close(struct engine *engine)
{
	timer_stop(&engine->names.pause);
}

bool names_is_busy(const struct engine *engine)
{
	return engine->names.job != NULL;
}

void names_fini(struct engine *engine)
{
	check(!engine->names.job);
	timer_stop(&engine->names.pause);
	set_clear(&engine->names.touched);
}
