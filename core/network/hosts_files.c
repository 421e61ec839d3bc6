/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/hosts_files.h"

#include <errno.h>

#include "core/base/log.h"
#include "core/model/hosts.h"
#include "core/model/hosts_lines.h"
#include "core/network/cellfiles.h"
#include "core/plan/plan_cell.h"
#include "core/state/engine.h"

enum {
	PAUSE_MIN_MS = 100,
	PAUSE_MAX_MS = 500,
	PAUSE_PER_ROUND = 4, /* so much longer than the round: a fifth of one worker at most */
	RETRY_MS = 2000,
	NS_PER_MS = 1000 * 1000,
};

struct space_name {
	struct map_node node; /* struct hosts_files.changed */
	char *space;
};

/* What all cells that see the same read of each other, as their files have it. */
struct hosts_text {
	struct map_node node; /* struct hosts_files.texts */
	char *key;
	uint64_t id, version; /* counts changes */
	struct hosts_lines lines;
	bool used; /* by the job */
};

/* A cell whose files are written. */
struct hosts_file {
	char *cell;
	char *ip, *ip6;
	char *role, *hostname; /* of one container; NULL: all of the cell */
	size_t view;
	uint64_t version; /* of the text that its files hold; 0: it is not known */
	struct cellfiles_written written;
	unsigned other_writers;
};

struct hosts_job_view {
	struct hosts_view view;
	struct hosts_text *text; /* of a round; else NULL */
	bool rendered;
	uint64_t version_before;
};

/* All strings are its own: a worker has it. */
struct hosts_job {
	char *run_path;
	bool make; /* files that are missing */
	struct hosts_entry *entries;
	size_t n_entries, entries_capacity;
	struct hosts_file *files;
	size_t n_files, files_capacity;
	struct hosts_job_view *views;
	size_t n_views;
	struct engine *engine;
	struct map spaces; /* struct space_name.node: those that some view shows */

	uint64_t took_ns;
	int status;
	struct error err;
};

/* ---- sets of spaces ---- */

static void set_add(struct map *set, const char *space)
{
	struct space_name *space_name;

	if (map_find(set, space))
		return;
	space_name = xnew(struct space_name);
	space_name->space = xstrdup(space);
	map_insert(set, &space_name->node, space_name->space);
}

static void set_clear(struct map *set)
{
	struct space_name *space_name;

	map_for_each(space_name, set, node) {
		map_remove(set, &space_name->node);
		free(space_name->space);
		free(space_name);
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

static void add_aliases(const Api__CellSpec *spec, struct strv *aliases)
{
	for (size_t i = 0; spec && i < spec->n_containers; i++)
		for (size_t j = 0; j < spec->containers[i]->n_networks_aliases; j++)
			strv_add(aliases, spec->containers[i]->networks_aliases[j]);
}

bool hosts_files_same_aliases(const Api__CellSpec *a, const Api__CellSpec *b)
{
	AUTO(strv_fini) struct strv of_a = { 0 }, of_b = { 0 };
	bool same;

	add_aliases(a, &of_a);
	add_aliases(b, &of_b);
	same = of_a.n == of_b.n;
	for (size_t i = 0; same && i < of_a.n; i++)
		same = str_equal(of_a.items[i], of_b.items[i]);
	return same;
}

static void add_entry(struct hosts_job *job, const struct object *cell, const char *space,
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
	add_aliases(cell->cell.effective, &entry->aliases);
}

/* ---- jobs ---- */

static struct hosts_job *job_new(struct engine *engine)
{
	struct hosts_job *job = xnew(struct hosts_job);

	job->engine = engine;
	job->run_path = xstrdup_maybe(engine->run_path);
	return job;
}

static char *view_key(const struct hosts_view *view)
{
	AUTO_BUF struct buf key = { 0 };

	buf_add_str(&key, view->stack);
	for (size_t i = 0; i < view->spaces.n; i++)
		buf_printf(&key, " %s", view->spaces.items[i]);
	return buf_take(&key);
}

static struct hosts_text *get_text(struct hosts_files *files, const struct hosts_view *view)
{
	AUTO_FREE char *key = view_key(view);
	struct hosts_text *text = map_entry(map_find(&files->texts, key), struct hosts_text, node);

	if (text)
		return text;
	text = xnew(struct hosts_text);
	text->key = take_ptr(key);
	text->id = ++files->last_text;
	map_insert(&files->texts, &text->node, text->key);
	return text;
}

static void text_free(struct hosts_files *files, struct hosts_text *text)
{
	map_remove(&files->texts, &text->node);
	hosts_lines_fini(&text->lines);
	free(text->key);
	free(text);
}

/* Cells that see the same share a view. Most stand beside each other in the engine's order. */
static size_t take_view(struct hosts_job *job, struct hosts_view *view)
{
	if (job->n_views && hosts_view_equal(&job->views[job->n_views - 1].view, view)) {
		hosts_view_fini(view);
		return job->n_views - 1;
	}
	for (size_t i = 0; i < view->spaces.n; i++)
		set_add(&job->spaces, view->spaces.items[i]);
	job->views = xrealloc(job->views, (job->n_views + 1) * sizeof(*job->views));
	job->views[job->n_views] = (struct hosts_job_view){ .view = *view };
	return job->n_views++;
}

static struct hosts_file *add_file(struct hosts_job *job, const struct object *cell,
				   struct hosts_view *view, struct cell_addresses at)
{
	struct hosts_file *file;

	if (job->n_files == job->files_capacity) {
		job->files_capacity = job->files_capacity ? 2 * job->files_capacity : 16;
		job->files = xrealloc(job->files, job->files_capacity * sizeof(*file));
	}
	file = &job->files[job->n_files++];
	*file = (struct hosts_file){ .cell = xstrdup(cell->key),
				     .ip = xstrdup_maybe(at.ip),
				     .ip6 = xstrdup_maybe(at.ip6),
				     .view = take_view(job, view) };
	return file;
}

static void add_both(struct hosts_job *job, const struct object *cell, const char *space,
		     struct cell_addresses at)
{
	add_entry(job, cell, space, at.ip);
	add_entry(job, cell, space, at.ip6);
}

static void add_cell(struct hosts_job *job, const struct object *cell, struct cell_addresses at)
{
	const struct join *join;

	add_both(job, cell, space_of(cell)->key, at);
	list_for_each(join, &cell->cell.joins, link)
		add_both(job, cell, join->space_key, addresses_of_join(join));
}

/* All that the views show; @cell (may be NULL) @at already. */
static void add_entries(struct hosts_job *job, struct engine *engine, const struct object *cell,
			struct cell_addresses at)
{
	struct object *object;

	map_for_each(object, &engine->objects, node)
		if (object->kind == KIND_CELL)
			add_cell(job, object, object == cell ? at : addresses_at(object));
}

/* Not a round's, another hand writes them. */
static void forget_written(struct engine *engine, const char *cell_key)
{
	struct object *cell = engine_find(engine, cell_key);

	if (!cell)
		return;
	cell->cell.hosts.version = 0;
	cell->cell.hosts.other_writers++;
}

struct hosts_job *hosts_job_new(struct engine *engine, const struct object *cell,
				const struct cell_addresses *at, const char *role,
				const char *hostname)
{
	struct hosts_job *job = job_new(engine);
	struct hosts_view view = { 0 };
	struct hosts_file *file;

	job->make = true;
	fill_view(cell, &view);
	file = add_file(job, cell, &view, *at);
	file->role = xstrdup_maybe(role);
	file->hostname = xstrdup_maybe(hostname);
	forget_written(engine, cell->key);
	if (engine->run_path)
		add_entries(job, engine, cell, at->ip ? *at : addresses_at(cell));
	return job;
}

/* The cell's own come first: the others take their addresses from there. */
struct hosts_job *hosts_job_again(struct engine *engine, const struct object *cell,
				  const char *role, const char *hostname)
{
	const struct cell_addresses at = addresses_at(cell);
	struct hosts_job *job = hosts_job_new(engine, cell, &at, NULL, NULL);
	struct hosts_view view = { 0 };
	struct hosts_file *file;

	if (!role)
		return job;
	fill_view(cell, &view);
	file = add_file(job, cell, &view, at);
	file->role = xstrdup(role);
	file->hostname = xstrdup_maybe(hostname);
	return job;
}

/* The job has what is known of the files until it is done. */
static void take_known(struct hosts_job *job, struct hosts_file *file, struct object *cell,
		       bool all)
{
	struct hosts_known *known = &cell->cell.hosts;
	struct hosts_job_view *view = &job->views[file->view];

	if (!view->text)
		view->text = get_text(job->engine->hosts_files, &view->view);
	view->text->used = true;
	file->other_writers = known->other_writers;
	if (!all && known->text == view->text->id && str_equal(known->ip, file->ip) &&
	    str_equal(known->ip6, file->ip6))
		file->version = known->version;
	file->written = known->files;
	known->files = (struct cellfiles_written){ 0 };
	known->version = 0;
}

static void drop_unused_texts(struct hosts_files *files)
{
	struct hosts_text *text;

	map_for_each(text, &files->texts, node) {
		if (files->all && !text->used)
			text_free(files, text);
		else
			text->used = false;
	}
}

/* NULL when nothing is to be written. */
static struct hosts_job *round_new(struct engine *engine)
{
	struct hosts_files *files = engine->hosts_files;
	struct hosts_job *job = job_new(engine);
	struct object *object;

	map_for_each(object, &engine->objects, node) {
		struct hosts_view view = { 0 };

		if (object->kind != KIND_CELL || !(object->cell.pinned || object->cell.intent))
			continue;
		fill_view(object, &view);
		if (files->all || set_has_any(&files->changed, &view.spaces))
			take_known(job, add_file(job, object, &view, addresses_at(object)), object,
				   files->all);
		else
			hosts_view_fini(&view);
	}
	drop_unused_texts(files);
	if (!job->n_files) {
		hosts_job_free(job);
		return NULL;
	}
	add_entries(job, engine, NULL, (struct cell_addresses){ 0 });
	return job;
}

static int write_whole(const struct hosts_job *job, struct hosts_file *file, const char *text,
		       struct error *err)
{
	const struct cellfiles_hosts hosts = { { file->ip, file->ip6 }, text };

	if (file->role)
		return cellfiles_write_container(job->run_path, file->cell, file->role,
						 file->hostname, &hosts, err);
	if (job->make)
		return cellfiles_write(job->run_path, file->cell, &hosts, err);
	cellfiles_written_fini(&file->written);
	return cellfiles_update(job->run_path, file->cell, &hosts, &file->written, err);
}

/* A text that is new has the order of a file that is there. */
static void render_text(struct hosts_job *job, struct hosts_job_view *view,
			const struct hosts_file *first)
{
	struct hosts_text *text = view->text;
	AUTO_BUF struct buf rendered = { 0 }, seed = { 0 };

	buf_add_str(&rendered, "");
	buf_add_str(&seed, "");
	hosts_render(&view->view, job->entries, job->n_entries, &rendered);
	if (!text->version) {
		cellfiles_read_names(job->run_path, first->cell, &seed);
		hosts_lines_seed(&text->lines, seed.data);
	}
	hosts_lines_update(&text->lines, rendered.data);
	view->version_before = text->version;
	if (!text->version || text->lines.whole || text->lines.n_patches)
		text->version++;
	view->rendered = true;
}

/* Of a round: files that are known to hold what the text was learn what has changed of it. */
static int write_known(struct hosts_job *job, struct hosts_file *file, struct error *err)
{
	struct hosts_job_view *view = &job->views[file->view];
	const struct hosts_lines *lines;
	bool known;
	int r;

	if (!view->rendered)
		render_text(job, view, file);
	lines = &view->text->lines;
	known = file->written.n && file->version && file->version == view->version_before &&
		!lines->whole;
	r = known && lines->n_patches
		    ? cellfiles_patch(job->run_path, file->cell, &file->written, lines)
		    : 0;
	if (!known || r < 0)
		r = write_whole(job, file, lines->text.data ? lines->text.data : "", err);
	file->version = r < 0 ? 0 : view->text->version;
	return r;
}

static int write_made(struct hosts_job *job, struct hosts_file *file, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	hosts_render(&job->views[file->view].view, job->entries, job->n_entries, &text);
	return write_whole(job, file, text.data, err);
}

/* One file that cannot be written does not hold up the others; the first error is told. */
int hosts_job_write(struct hosts_job *job, struct error *err)
{
	struct error other;
	int status = 0;

	hosts_sort(job->entries, job->n_entries);
	for (size_t i = 0; i < job->n_files; i++) {
		struct error *to = status ? &other : err;
		int r = job->make ? write_made(job, &job->files[i], to)
				  : write_known(job, &job->files[i], to);

		status = status ? status : r;
	}
	return status;
}

void hosts_job_free(struct hosts_job *job)
{
	if (!job)
		return;
	if (job->make)
		forget_written(job->engine, job->files[0].cell);
	for (size_t i = 0; i < job->n_entries; i++)
		hosts_entry_fini(&job->entries[i]);
	for (size_t i = 0; i < job->n_files; i++) {
		free(job->files[i].cell);
		cellfiles_written_fini(&job->files[i].written);
		free(job->files[i].ip);
		free(job->files[i].ip6);
		free(job->files[i].role);
		free(job->files[i].hostname);
	}
	for (size_t i = 0; i < job->n_views; i++)
		hosts_view_fini(&job->views[i].view);
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

	files->job = round_new(engine);
	files->all = false;
	set_clear(&files->changed);
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
	set_add(&engine->hosts_files->changed, space_key);
	start_soon(engine);
}

void hosts_files_cell_changed(struct engine *engine, const struct object *cell)
{
	const struct join *join;

	hosts_files_space_changed(engine, space_of(cell)->key);
	list_for_each(join, &cell->cell.joins, link)
		if (addresses_of_join(join).ip) /* its aliases stand there too */
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
		text_free(engine->hosts_files, text);
	timer_stop(&engine->hosts_files->pause);
	set_clear(&engine->hosts_files->changed);
	free(take_ptr(engine->hosts_files));
}
