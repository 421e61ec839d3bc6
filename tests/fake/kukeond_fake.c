/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kukeond_fake: the real core, store, API and socket on a host of plain data (world.h), for what
 * takes more cells than a machine has. It declares cells of its own, takes more over the API, and
 * says on standard output when those it began with are Ready. SIGTERM and SIGINT end it.
 *
 *	kukeond_fake --socket PATH [--run-path DIR] [--cells N] [--containers N]
 */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "core/api/api.h"
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/host/daemon_host.h"
#include "tests/fake/host.h"

enum {
	CELLS_MAX = 100000,
	CONTAINERS_MAX = 16,
	CELLS_PER_FILE = 100, /* a manifest has at most 1 MiB */
	LOOK_MS = 10,
	CLOSE_MS = 10000,
};

struct fake {
	struct sim sim;
	struct rpc *rpc;
	struct api *api;
	const char *socket, *run_path;
	unsigned n_cells, n_containers;
	struct timer look;
	uv_signal_t sigterm, sigint;
	bool closed;
};

/* ---- what it declares ---- */

static void add_cell(const struct fake *fake, unsigned i, struct buf *yaml)
{
	buf_printf(yaml,
		   "---\napiVersion: v1beta1\nkind: Cell\nmetadata:\n  name: cell-%05u\n"
		   "  labels: {app: web, shard: s%u}\nspec:\n  containers:\n",
		   i, i % 10);
	for (unsigned c = 0; c < fake->n_containers; c++)
		buf_printf(yaml,
			   "  - id: c%u\n    image: docker.io/library/busybox:latest\n"
			   "    command: /bin/sleep\n    args: [infinity]\n    env: [NUMBER=%u]\n",
			   c, i);
}

static void declare(struct fake *fake)
{
	for (unsigned first = 0; first < fake->n_cells; first += CELLS_PER_FILE) {
		AUTO_FREE char *path = xasprintf("/fake/cells-%05u.yaml", first);
		AUTO_BUF struct buf yaml = { 0 };

		for (unsigned i = first; i < first + CELLS_PER_FILE && i < fake->n_cells; i++)
			add_cell(fake, i, &yaml);
		sim_file(&fake->sim, path, yaml.data);
	}
	sim_scanned(&fake->sim);
}

static unsigned count_ready(const struct engine *engine)
{
	const struct object *object;
	unsigned n = 0;

	map_for_each(object, &engine->objects, node)
		n += object->kind == KIND_CELL && object->status.state == API__STATE__STATE_READY;
	return n;
}

static void on_look(struct timer *timer)
{
	struct fake *fake = container_of(timer, struct fake, look);

	if (count_ready(&fake->sim.engine) < fake->n_cells) {
		timer_start(&fake->sim.loop, timer, LOOK_MS, on_look);
		return;
	}
	printf("ready: %u cells\n", fake->n_cells);
	fflush(stdout);
}

/* ---- life ---- */

static const char *watch_kind(void *ctx UNUSED)
{
	return "none";
}

static void on_signal(uv_signal_t *handle, int number UNUSED)
{
	uv_stop(&((struct fake *)handle->data)->sim.loop.uv);
}

static void watch_signal(struct fake *fake, uv_signal_t *handle, int number)
{
	uv_signal_init(&fake->sim.loop.uv, handle);
	handle->data = fake;
	uv_signal_start(handle, on_signal, number);
}

static void fake_open(struct fake *fake)
{
	struct api_options options = {
		.engine = &fake->sim.engine,
		.run_path = fake->run_path ? fake->run_path : "",
		.watch_kind = watch_kind,
	};
	struct host_socket socket;
	struct error error;

	sim_init_real(&fake->sim, 1);
	uv_idle_stop(&fake->sim.awake); /* here the loop sleeps, as the daemon's does */
	fake->sim.run_path = fake->run_path;
	sim_start(&fake->sim);
	if (rpc_open(&fake->rpc, &fake->sim.loop, &error) < 0)
		errx(1, "%s", error.msg);
	options.rpc = fake->rpc;
	if (host_listen(fake->socket, &socket, &error) < 0)
		errx(1, "%s", error.msg);
	options.listen_fd = socket.fd;
	if (api_open(&fake->api, &options, &error) < 0)
		errx(1, "%s", error.msg);
	watch_signal(fake, &fake->sigterm, SIGTERM);
	watch_signal(fake, &fake->sigint, SIGINT);
}

static void on_closed(void *ctx)
{
	((struct fake *)ctx)->closed = true;
}

static bool is_closed(struct sim *sim)
{
	return container_of(sim, struct fake, sim)->closed;
}

static void await_closed(struct fake *fake)
{
	check(sim_run_until(&fake->sim, is_closed, CLOSE_MS));
	fake->closed = false;
}

static void fake_close(struct fake *fake)
{
	timer_stop(&fake->look);
	uv_close((uv_handle_t *)&fake->sigterm, NULL);
	uv_close((uv_handle_t *)&fake->sigint, NULL);
	unlink(fake->socket);
	api_close(fake->api, on_closed, fake);
	await_closed(fake);
	rpc_close(fake->rpc, on_closed, fake);
	await_closed(fake);
	sim_fini(&fake->sim);
}

/* ---- options ---- */

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > max)
		errx(2, "\"%s\" is not a number up to %u", text, max);
	return (unsigned)value;
}

static void read_options(struct fake *fake, int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "run-path", required_argument, NULL, 'p' },
		{ "cells", required_argument, NULL, 'n' },
		{ "containers", required_argument, NULL, 'c' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			fake->socket = optarg;
		else if (option == 'p')
			fake->run_path = optarg;
		else if (option == 'n')
			fake->n_cells = number(optarg, CELLS_MAX);
		else if (option == 'c')
			fake->n_containers = number(optarg, CONTAINERS_MAX);
		else
			exit(2);
	}
	if (!fake->socket || optind < argc)
		errx(2, "usage: kukeond_fake --socket PATH [--run-path DIR] [--cells N] "
			"[--containers N]");
}

int main(int argc, char **argv)
{
	struct fake fake = { .n_containers = 1 };

	read_options(&fake, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_WARNING);
	host_raise_fd_limit();
	fake_open(&fake);
	declare(&fake);
	timer_start(&fake.sim.loop, &fake.look, LOOK_MS, on_look);
	loop_run(&fake.sim.loop);
	fake_close(&fake);
	return 0;
}
