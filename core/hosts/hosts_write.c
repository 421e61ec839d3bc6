/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hosts/hosts_private.h"

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
