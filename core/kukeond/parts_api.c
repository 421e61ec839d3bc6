/* SPDX-License-Identifier: Apache-2.0 */
/* The API and its socket, and what is asked of the daemon over them. */
#include "core/kukeond/kukeond.h"

#include "core/api/api.h"
#include "core/base/log.h"
#include "watchers/manifests/manifests.h"
#include "watchers/socket_watcher.h"

/* The answer to the call that asked for it leaves first. */
enum { KILL_DELAY_MS = 50 };

static const char *watch_kind(void *ctx)
{
	struct kukeond *k = ctx;

	return manifests_watch_kind(k->manifests);
}

static void on_stop_asked(void *ctx)
{
	struct kukeond *k = ctx;

	log_info("asked to stop; the cells go on running");
	k->again = false;
	kukeond_shut_down(k, "asked to stop");
}

static void on_restart_asked(void *ctx)
{
	struct kukeond *k = ctx;

	if (k->closing)
		return; /* whoever said so first has the word */
	log_info("asked to restart; the cells go on running");
	k->again = true;
	kukeond_shut_down(k, "asked to restart");
}

static void on_kill_due(struct timer *timer UNUSED)
{
	raise(SIGKILL);
}

static void on_kill_asked(void *ctx)
{
	struct kukeond *k = ctx;

	log_info("asked to end by SIGKILL");
	timer_start(&k->loop, &k->kill_due, KILL_DELAY_MS, on_kill_due);
}

/* The one that was passed, else one of our own. */
static int take_socket(struct kukeond *k, int *ret_fd, struct error *err)
{
	char *path = NULL;
	int r = host_take_socket(ret_fd, &path, err);

	if (r == 0 && *ret_fd < 0) {
		r = host_listen(k->config->socket, &k->socket, err);
		k->socket_is_ours = r == 0;
		*ret_fd = k->socket.fd;
		return r;
	}
	if (r < 0)
		return r;
	free(k->config->socket);
	k->config->socket = path;
	return 0;
}

static unsigned on_rescan_asked(void *ctx)
{
	return manifests_rescan(((struct kukeond *)ctx)->manifests);
}

static unsigned last_read(void *ctx)
{
	return manifests_last_scan(((struct kukeond *)ctx)->manifests);
}

int part_open_api(struct kukeond *k, struct error *err)
{
	struct api_options options = {
		.engine = &k->engine,
		.rpc = k->rpc,
		.config = k->config,
		.run_path = k->config->run_path,
		.log_dir = k->config->log_dir,
		.manifests_dir = k->config->manifests_dir,
		.containerd_socket = k->config->containerd_socket,
		.watch_kind = watch_kind,
		.watch_kind_ctx = k,
		.rescan = on_rescan_asked,
		.last_read = last_read,
		.rescan_ctx = k,
		.self = { .stop = on_stop_asked,
			  .kill = on_kill_asked,
			  .restart = on_restart_asked,
			  .ctx = k },
	};
	int r = take_socket(k, &options.listen_fd, err);

	if (r < 0)
		return r;
	peers_read(&options.peers, k->socket_is_ours ? NULL : k->config->socket);
	return api_open(&k->api, &options, err);
}

void part_close_api(struct kukeond *k)
{
	if (k->socket_is_ours)
		host_unlink_socket(k->config->socket, &k->socket);
	api_close(k->api, part_is_closed, k);
}

static void on_new_socket(void *ctx, int fd)
{
	struct kukeond *k = ctx;
	struct error err;

	if (api_listen(k->api, fd, &err) < 0)
		log_warning("%s socket=%s", err.msg, k->config->socket);
}

int part_open_socket_watcher(struct kukeond *k, struct error *err UNUSED)
{
	const struct socket_watcher_options options = {
		.path = k->config->socket,
		.socket = k->socket_is_ours ? &k->socket : NULL,
		.listen = on_new_socket,
		.ctx = k,
	};

	socket_watcher_open(&k->socket_watcher, &k->loop, &options);
	k->resync.socket = k->socket_watcher;
	return 0;
}

void part_close_socket_watcher(struct kukeond *k)
{
	k->resync.socket = NULL;
	socket_watcher_close(k->socket_watcher, part_is_closed, k);
}
