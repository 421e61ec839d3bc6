/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show/images.h"

#include <inttypes.h>

#include "cli/show/display.h"
#include "cli/show/table.h"
#include "core/manifest/manifest.h"
#include "core/registry/reference.h"

enum { DIGEST_SHOWN = 12, BAR_COLUMNS = 30 };

void bytes_add(uint64_t bytes, struct buf *out)
{
	static const char units[] = "kMGTPE";
	int unit = 0;

	if (bytes < 1000) {
		buf_printf(out, "%" PRIu64 " B", bytes);
		return;
	}
	for (; bytes >= 1000 * 1000; unit++)
		bytes /= 1000;
	buf_printf(out, "%" PRIu64 ".%" PRIu64 " %cB", bytes / 1000, bytes % 1000 / 100,
		   units[unit]);
}

/* "sha256:0123..." without the algorithm, and not all of it. */
static const char *hex_of(const char *digest)
{
	const char *colon = digest ? strchr(digest, ':') : NULL;

	return colon ? colon + 1 : digest ? digest : "";
}

/* "nginx:1.25" of "docker.io/library/nginx:1.25". Free with free(). */
static char *short_name(const char *name)
{
	AUTO(reference_fini) struct reference reference = { 0 };
	struct error ignored;

	if (!name || reference_parse(name, &reference, &ignored) < 0)
		return xstrdup(name ? name : "");
	return reference_short(&reference);
}

/* ---- a list ---- */

static void add_row(struct table *table, const Api__Image *image, bool wide, time_t now)
{
	AUTO_FREE char *name = wide ? xstrdup_maybe(image->name) : short_name(image->name);
	AUTO_FREE char *digest =
		wide ? xstrdup_maybe(image->digest) : xstrndup(hex_of(image->digest), DIGEST_SHOWN);
	AUTO_BUF struct buf size = { 0 }, age = { 0 }, used = { 0 };

	bytes_add(image->size, &size);
	age_add(image->updated_at, now, &age);
	if (image->n_used_by)
		buf_printf(&used, "%zu cell%s", image->n_used_by, str_s(image->n_used_by));
	table_add(table, name);
	table_add(table, digest);
	table_add(table, size.data);
	table_add(table, age.data);
	table_add(table, !image->whole ? "not whole" : used.data);
	if (!wide)
		return;
	table_add(table, image->unpacked ? "yes" : "no");
	table_add(table, image->ours ? "kukeon" : "another tool");
}

static void print_table(Api__Image *const *images, size_t n, bool wide, const struct io *io)
{
	static const char *const headers[] = { "IMAGE",   "DIGEST",   "SIZE", "AGE",
					       "USED BY", "UNPACKED", "FROM" };
	struct table table = { .columns = display_columns(io->out) };

	for (size_t i = 0; i < ARRAY_SIZE(headers) - (wide ? 0 : 2); i++)
		table_add_column(&table, headers[i]);
	for (size_t i = 0; i < n; i++)
		add_row(&table, images[i], wide, io->now);
	if (n)
		table_print(&table, io->out, io->color);
	table_fini(&table);
}

static void print_json(Api__Image *const *images, size_t n, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < n; i++) {
		buf_add_str(&text, i ? ",\n" : "");
		manifest_emit_json(&images[i]->base, &text);
	}
	fprintf(out, n ? "[\n%s\n]\n" : "[]\n%s", n ? text.data : "");
}

static void print_yaml(Api__Image *const *images, size_t n, FILE *out)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < n; i++) {
		buf_add_str(&text, i ? "---\n" : "");
		manifest_emit_yaml(&images[i]->base, &text);
	}
	if (n)
		fputs(text.data, out);
}

void images_print(Api__Image *const *images, size_t n, const struct args *args, const struct io *io)
{
	switch (args->output) {
	case OUTPUT_JSON:
		return print_json(images, n, io->out);
	case OUTPUT_YAML:
		return print_yaml(images, n, io->out);
	case OUTPUT_NAME:
		for (size_t i = 0; i < n; i++) {
			text_print(images[i]->name, io->out);
			fputc('\n', io->out);
		}
		return;
	default:
		print_table(images, n, args->output == OUTPUT_WIDE, io);
	}
}

/* ---- one in depth ---- */

static void line(const char *label, const char *text, FILE *out)
{
	if (str_empty(text))
		return;
	fprintf(out, "  %-12s ", label);
	text_print(text, out);
	fputc('\n', out);
}

static void print_list(const char *label, char *const *items, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++)
		line(i ? "" : label, items[i], out);
}

static void print_layers(const Api__ImageDetails *details, FILE *out)
{
	for (size_t i = 0; i < details->n_layers; i++) {
		AUTO_BUF struct buf text = { 0 };

		buf_printf(&text, "%s  ", details->layers[i]->digest);
		bytes_add(details->layers[i]->size, &text);
		line(i ? "" : "layers:", text.data, out);
	}
}

static void print_details(const Api__ImageDetails *details, const struct io *io)
{
	const Api__Image *image = details->image;
	AUTO_BUF struct buf size = { 0 };

	bytes_add(image->size, &size);
	fprintf(io->out, "Image ");
	text_print(image->name, io->out);
	fputc('\n', io->out);
	line("digest:", image->digest, io->out);
	line("manifest:", details->manifest_digest, io->out);
	line("config:", details->config_digest, io->out);
	line("size:", size.data, io->out);
	line("updated:", image->updated_at, io->out);
	line("from:", image->ours ? "kukeon" : "another tool", io->out);
	line("state:",
	     !image->whole     ? "not whole"
	     : image->unpacked ? "unpacked"
			       : "not unpacked yet",
	     io->out);
	print_list("used by:", image->used_by, image->n_used_by, io->out);
	print_list("volumes:", details->volumes, details->n_volumes, io->out);
	print_list("ports:", details->exposed_ports, details->n_exposed_ports, io->out);
	line("health:", details->health_check, io->out);
	print_layers(details, io->out);
}

void image_details_print(const Api__ImageDetails *details, const struct args *args,
			 const struct io *io)
{
	AUTO_BUF struct buf text = { 0 };

	if (args->output == OUTPUT_TABLE)
		return print_details(details, io);
	if (args->output == OUTPUT_NAME) {
		text_print(details->image->name, io->out);
		fputc('\n', io->out);
		return;
	}
	if (args->output == OUTPUT_JSON)
		manifest_emit_json(&details->base, &text);
	else
		manifest_emit_yaml(&details->base, &text);
	fprintf(io->out, "%s%s", text.data, args->output == OUTPUT_JSON ? "\n" : "");
}

/* ---- a pull ---- */

static const char *const layer_words[] = {
	[API__IMAGE_LAYER__STATE__STATE_UNSPECIFIED] = "",
	[API__IMAGE_LAYER__STATE__STATE_WAITING] = "waits",
	[API__IMAGE_LAYER__STATE__STATE_FETCHING] = "fetching",
	[API__IMAGE_LAYER__STATE__STATE_FETCHED] = "fetched",
	[API__IMAGE_LAYER__STATE__STATE_UNPACKING] = "unpacking",
	[API__IMAGE_LAYER__STATE__STATE_DONE] = "done",
	[API__IMAGE_LAYER__STATE__STATE_PRESENT] = "there already",
};

static const char *word_of(const Api__ImageLayer *layer)
{
	size_t state = (size_t)layer->state;

	return state < ARRAY_SIZE(layer_words) ? layer_words[state] : "";
}

static void clear_bars(struct pull_view *view)
{
	for (; view->lines > 0; view->lines--)
		fputs(DISPLAY_TAKE_LINE, view->io->err);
	fputc('\r', view->io->err);
}

static void add_bar(uint64_t part, uint64_t whole, struct buf *out)
{
	uint64_t n = whole ? (part < whole ? part : whole) * BAR_COLUMNS / whole : 0;

	buf_add_str(out, "[");
	for (uint64_t i = 0; i < BAR_COLUMNS; i++)
		buf_add_str(out, i < n ? "#" : " ");
	buf_add_str(out, "] ");
}

static void put_line(struct pull_view *view, const char *text)
{
	display_line(text, view->io->err);
	view->lines++;
}

static void put_layer(struct pull_view *view, const Api__ImageLayer *layer)
{
	bool moves = layer->state == API__IMAGE_LAYER__STATE__STATE_FETCHING;
	AUTO_BUF struct buf text = { 0 };

	buf_printf(&text, "%.*s ", DIGEST_SHOWN, hex_of(layer->digest));
	add_bar(layer->state > API__IMAGE_LAYER__STATE__STATE_FETCHING ? layer->size
								       : layer->fetched,
		layer->size, &text);
	if (moves) {
		bytes_add(layer->fetched, &text);
		buf_add_str(&text, " of ");
	}
	bytes_add(layer->size, &text);
	buf_printf(&text, " %s", moves ? "" : word_of(layer));
	put_line(view, text.data);
}

static void put_whole(struct pull_view *view, const Api__PullProgress *progress)
{
	AUTO_BUF struct buf text = { 0 };

	bytes_add(progress->fetched, &text);
	buf_add_str(&text, " of ");
	bytes_add(progress->size, &text);
	if (progress->bytes_per_second) {
		buf_add_str(&text, ", ");
		bytes_add(progress->bytes_per_second, &text);
		buf_add_str(&text, "/s");
	}
	buf_printf(&text, " from %s", progress->host ? progress->host : "the registry");
	put_line(view, text.data);
	if (!str_empty(progress->waits))
		put_line(view, progress->waits);
}

/* Rows of a terminal that layers may take; of more the ones that move are shown. */
enum { BARS_MAX = 16 };

static bool is_shown(const Api__PullProgress *progress, size_t i)
{
	int state = (int)progress->layers[i]->state;

	return progress->n_layers <= BARS_MAX || state == API__IMAGE_LAYER__STATE__STATE_FETCHING ||
	       state == API__IMAGE_LAYER__STATE__STATE_UNPACKING;
}

static void show_bars(struct pull_view *view, const Api__PullProgress *progress)
{
	clear_bars(view);
	for (size_t i = 0; i < progress->n_layers && view->lines < BARS_MAX; i++)
		if (is_shown(progress, i))
			put_layer(view, progress->layers[i]);
	put_whole(view, progress);
}

static void tell_layer(struct pull_view *view, const Api__PullProgress *progress, size_t i)
{
	const Api__ImageLayer *layer = progress->layers[i];
	AUTO_BUF struct buf size = { 0 };

	if (view->told[i] == (int)layer->state ||
	    layer->state == API__IMAGE_LAYER__STATE__STATE_WAITING)
		return;
	view->told[i] = (int)layer->state;
	bytes_add(layer->size, &size);
	fprintf(view->io->err, "layer %zu of %zu, ", i + 1, progress->n_layers);
	text_print(layer->digest, view->io->err);
	fprintf(view->io->err, ", %s: %s\n", size.data, word_of(layer));
}

static void tell_lines(struct pull_view *view, const Api__PullProgress *progress)
{
	if (view->n_told != progress->n_layers) {
		free(view->told);
		view->n_told = progress->n_layers;
		view->told = xcalloc(view->n_told + 1, sizeof(*view->told));
	}
	for (size_t i = 0; i < progress->n_layers; i++)
		tell_layer(view, progress, i);
	if (!str_empty(progress->waits) && !str_equal(progress->waits, view->waits)) {
		text_print(progress->waits, view->io->err);
		fputc('\n', view->io->err);
	}
	str_replace(&view->waits, progress->waits);
}

void pull_view_show(struct pull_view *view, const Api__PullProgress *progress)
{
	if (view->io->progress)
		show_bars(view, progress);
	else
		tell_lines(view, progress);
	fflush(view->io->err);
}

void pull_view_fini(struct pull_view *view)
{
	if (view->io->progress)
		clear_bars(view);
	fflush(view->io->err);
	free(view->told);
	free(view->waits);
}
