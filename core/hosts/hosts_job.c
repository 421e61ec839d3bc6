/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hosts/hosts_private.h"

#include "core/hosts/hosts.h"
#include "core/plan/plan_cell.h"
#include "core/state/engine.h"

const struct object *hosts_space_of(const struct object *cell)
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

struct cell_addresses hosts_addresses_of_join(const struct join *join)
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
	strv_add(&view->spaces, hosts_space_of(cell)->key);
	list_for_each(join, &cell->cell.joins, link)
		if (hosts_addresses_of_join(join).ip)
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

void hosts_text_free(struct hosts_files *files, struct hosts_text *text)
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
		space_set_add(&job->spaces, view->spaces.items[i]);
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

	add_both(job, cell, hosts_space_of(cell)->key, at);
	list_for_each(join, &cell->cell.joins, link)
		add_both(job, cell, join->space_key, hosts_addresses_of_join(join));
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
			hosts_text_free(files, text);
		else
			text->used = false;
	}
}

struct hosts_job *hosts_job_round(struct engine *engine)
{
	struct hosts_files *files = engine->hosts_files;
	struct hosts_job *job = job_new(engine);
	struct object *object;

	map_for_each(object, &engine->objects, node) {
		struct hosts_view view = { 0 };

		if (object->kind != KIND_CELL || !(object->cell.pinned || object->cell.intent))
			continue;
		fill_view(object, &view);
		if (files->all || space_set_has_any(&files->changed, &view.spaces))
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
	space_set_clear(&job->spaces);
	free(job->entries);
	free(job->files);
	free(job->views);
	free(job->run_path);
	free(job);
}
