/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/floor.h"

#include "tests/bench/bench.h"
#include "tests/bench/floor_cell.h"

#define FLOOR_SPACE "bench/bench"

/* Ranges of kukeond's spaces begin elsewhere. */
#define FLOOR_SUBNET "10.240.0.0/16"

/* At a time: more only queue up on the kernel's network lock. */
enum { PLUGINS_MAX = 4 };

/* ---- what is done once ---- */

static char *read_image_document(struct floor *floor, const struct image_blob *blob,
				 size_t *ret_len)
{
	return ctd_read_blob(floor->ctd, blob->digest, ret_len);
}

static char *find_image(struct floor *floor)
{
	Ctd__ImageMessage *reply = (Ctd__ImageMessage *)ctd_call_name(
		floor->ctd, "/containerd.services.images.v1.Images/Get", floor->options.image,
		&ctd__image_message__descriptor);
	char *digest = xstrdup(reply->image->target->digest);

	protobuf_c_message_free_unpacked(&reply->base, NULL);
	return digest;
}

/* Index, manifest, config: what is looked at is the config, and from it the name of the image's
 * snapshot. */
static void read_image(struct floor *floor)
{
	struct image_manifest manifest = { .is_index = true, .blob.digest = find_image(floor) };
	struct error err = { 0 };
	size_t len;

	while (manifest.is_index) {
		AUTO_FREE char *text = read_image_document(floor, &manifest.blob, &len);

		image_manifest_fini(&manifest);
		if (image_manifest_parse(text, len, &floor->host.platform, &manifest, &err) < 0)
			bench_fail("image %s: %s", floor->options.image, err.msg);
	}
	AUTO_FREE char *config = read_image_document(floor, &manifest.blob, &len);

	if (image_config_parse(config, len, &floor->image, &err) < 0)
		bench_fail("image %s: %s", floor->options.image, err.msg);
	floor->chain_id = image_chain_id(&floor->image.diff_ids, floor->image.diff_ids.n);
	image_manifest_fini(&manifest);
}

/* The list that a space of ours gets, so that the same plugins do the same. */
static void make_network(struct floor *floor)
{
	AUTO_FREE char *data_dir = xasprintf("%s/ipam", floor->options.dir);
	const struct conflist_options options = {
		.space_key = FLOOR_SPACE,
		.bridge = "kuke-bench",
		.subnet = FLOOR_SUBNET,
		.data_dir = data_dir,
	};
	AUTO_FREE char *text = conflist_make(&options);
	struct error err;

	if (conflist_parse(text, strlen(text), &floor->list, &err) < 0)
		bench_fail("conflist: %s", err.msg);
}

struct floor *floor_open(const struct floor_options *options)
{
	struct floor *floor = xnew(struct floor);

	floor->options = *options;
	host_read(&floor->host);
	sem_init(&floor->width, 0, options->width);
	sem_init(&floor->plugins, 0, PLUGINS_MAX);
	floor->ctd = ctd_open(options->containerd_socket, FLOOR_NAMESPACE);
	read_image(floor);
	make_network(floor);
	return floor;
}

void floor_close(struct floor *floor)
{
	check(floor->n_cells == 0);
	ctd_close(floor->ctd);
	image_config_fini(&floor->image);
	conflist_fini(&floor->list);
	free(floor->chain_id);
	free(floor);
}

/* ---- rounds ---- */

static void *up_one(void *ctx)
{
	struct floor_cell *cell = ctx;

	sem_wait(&cell->floor->width);
	floor_cell_up(cell);
	sem_post(&cell->floor->width);
	return NULL;
}

static void *down_one(void *ctx)
{
	floor_cell_down(ctx);
	return NULL;
}

static void for_all(struct floor *floor, void *(*fn)(void *))
{
	pthread_t threads[FLOOR_CELLS_MAX];

	for (unsigned i = 0; i < floor->n_cells; i++)
		threads[i] = bench_thread(fn, &floor->cells[i]);
	for (unsigned i = 0; i < floor->n_cells; i++)
		pthread_join(threads[i], NULL);
}

double floor_up(struct floor *floor, unsigned n, unsigned n_sides)
{
	uint64_t start_ns, last_ns = 0;

	check(n <= FLOOR_CELLS_MAX && floor->n_cells == 0);
	for (unsigned i = 0; i < n; i++)
		floor_cell_init(&floor->cells[i], floor, 1 + n_sides);
	floor->n_cells = n;
	start_ns = bench_now_ns();
	for_all(floor, up_one);
	for (unsigned i = 0; i < n; i++)
		if (floor->cells[i].up_ns > last_ns)
			last_ns = floor->cells[i].up_ns;
	return (double)(last_ns - start_ns) / 1e6;
}

void floor_down(struct floor *floor)
{
	for_all(floor, down_one);
	for (unsigned i = 0; i < floor->n_cells; i++)
		floor_cell_fini(&floor->cells[i]);
	floor->n_cells = 0;
}

struct floor_network floor_network(const struct floor *floor)
{
	check(floor->n_cells > 0);
	return (struct floor_network){ .add_ms = (double)floor->cells[0].add_ns / 1e6,
				       .waited_ms = (double)floor->cells[0].waited_ns / 1e6 };
}

double floor_kill_root(struct floor *floor)
{
	uint64_t start_ns = bench_now_ns();

	floor_cell_restart_root(&floor->cells[0]);
	return (double)(floor->cells[0].up_ns - start_ns) / 1e6;
}

double floor_kill_side(struct floor *floor)
{
	uint64_t start_ns = bench_now_ns();

	floor_cell_restart_side(&floor->cells[0]);
	return (double)(floor->cells[0].up_ns - start_ns) / 1e6;
}
