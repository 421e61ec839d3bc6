/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kukeond: options, build in order, run, tear down in reverse. The only file that sees drivers and
 * watchers.
 *
 * A table of parts says the order; each closes asynchronously and lets the one before it follow.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>

#include "core/api/api.h"
#include "core/base/aside.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/mountinfo.h"
#include "core/base/paths.h"
#include "core/base/version.h"
#include "core/config/options.h"
#include "core/core.h"
#include "core/desired/desired.h"
#include "core/events/history_file.h"
#include "core/host.h"
#include "core/journal/journal.h"
#include "core/notify.h"
#include "core/reconcile/look.h"
#include "core/state/engine.h"
#include "core/state/self.h"
#include "core/status/tell.h"
#include "core/store/store.h"
#include "drivers/cgroup/cgroup.h"
#include "drivers/cni/cni.h"
#include "drivers/containerd/containerd.h"
#include "drivers/firewalls/firewalls.h"
#include "watchers/cgroup.h"
#include "watchers/manifests.h"
#include "watchers/network.h"
#include "watchers/resolver.h"
#include "watchers/resync.h"
#include "watchers/runtime.h"
#include "watchers/socket.h"

enum {
	CLOSE_GRACE_MS = 3000,      /* for actions under way, before the drivers cut them off */
	CLOSE_LIMIT_MS = 10 * 1000, /* for all of it, when a filesystem does not answer */
	QUIET_MS = 5,               /* a burst of changes of manifests.d is read once */
	QUIET_MAX_MS = 100,
	POLL_MS = 2000,
	KILL_DELAY_MS = 50, /* the answer to the call that asked for it leaves first */
};

struct kukeond {
	Api__Config *config;
	struct loop loop;
	uv_signal_t sigterm, sigint, sighup;
	int lock_fd, runtime_lock_fd;
	struct rpc *rpc;
	struct journal *journal;
	struct runtime *runtime;
	struct network *network;
	struct cgroup_driver *cgroup;
	struct managers *firewalls;
	struct engine engine;
	bool engine_works;   /* started, and not closed yet */
	bool engine_awaited; /* everything else is closed already */
	struct resync resync;
	struct network_watcher network_watcher;
	struct resolver_watcher *resolver;
	struct timer close_grace;
	struct history_file *history;
	struct store *store;
	bool socket_is_ours; /* made by us, not passed: */
	struct host_socket socket;
	struct api *api;
	struct socket_watcher *socket_watcher;
	struct manifests_watcher *manifests;
	struct notify notify;
	size_t opened; /* of parts[] */
	struct deferred close_next;
	bool closing;
	bool failed; /* to start */
	bool again;  /* execute ourselves anew in the end */
	struct timer kill_due;
	struct timer close_limit;
};

static void close_next_part(struct kukeond *k);

static void on_part_closed(void *ctx)
{
	close_next_part(ctx);
}

/* ---- parts: how each is opened and closed ---- */

/* One that does not answer is no reason not to start: what runs is looked after all the same. */
static int make_manifests_dir(const struct kukeond *k, struct error *err)
{
	const char *dir = k->config->manifests_dir;
	struct error why;

	if (mountinfo_may_hang() && paths_answer(&dir, 1, PATHS_STAT, &why) == -ASIDE_HANGS) {
		log_warning("manifests directory %s: %s", dir, why.msg);
		return 0;
	}
	return fs_make_dirs(dir, 0755, err);
}

static int open_dirs(struct kukeond *k, struct error *err)
{
	int r = host_lock(k->config->run_path, &k->lock_fd, err);

	if (r == 0)
		r = host_lock(k->config->runtime_dir, &k->runtime_lock_fd, err);
	return r < 0 ? r : make_manifests_dir(k, err);
}

static void close_dirs(struct kukeond *k)
{
	if (k->runtime_lock_fd >= 0)
		close(k->runtime_lock_fd);
	if (k->lock_fd >= 0)
		close(k->lock_fd);
	close_next_part(k);
}

static char *resolv_conf_path(const struct kukeond *k)
{
	return xasprintf("%s/resolv.conf", k->config->runtime_dir);
}

static int open_resolver(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *target = resolv_conf_path(k);
	const struct resolver_options options = { .target = target };

	return resolver_open(&k->resolver, &k->loop, &options, err);
}

static void close_resolver(struct kukeond *k)
{
	resolver_close(k->resolver, on_part_closed, k);
}

static int open_rpc(struct kukeond *k, struct error *err)
{
	return rpc_open(&k->rpc, &k->loop, err);
}

static void close_rpc(struct kukeond *k)
{
	rpc_close(k->rpc, on_part_closed, k);
}

static int open_journal(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/journal", k->config->run_path);

	return journal_open(&k->journal, &k->loop, path, err);
}

static void close_journal(struct kukeond *k)
{
	journal_close(k->journal, on_part_closed, k);
}

static int open_cgroup(struct kukeond *k, struct error *err)
{
	const struct cgroup_options options = { .mount = k->config->cgroup_mount,
						.root = k->config->cgroup_root };

	return cgroup_open(&k->cgroup, &k->loop, &options, err);
}

static void close_cgroup(struct kukeond *k)
{
	k->cgroup->ops->close(k->cgroup, on_part_closed, k);
}

static int open_network(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *netns_dir = xasprintf("%s/netns", k->config->runtime_dir);
	const struct cni_options options = {
		.conf_dir = k->config->cni_conf_dir,
		.bin_dirs = k->config->cni_bin_dir,
		.netns_dir = netns_dir,
		.subnet_pools = k->config->subnet_pool,
		.n_subnet_pools = k->config->n_subnet_pool,
		.subnet_pool6_first = k->config->subnet_pool6,
		.journal = k->journal,
	};

	return cni_open(&k->network, &k->loop, &options, err);
}

static void close_network(struct kukeond *k)
{
	k->network->ops->close(k->network, on_part_closed, k);
}

static int open_firewalls(struct kukeond *k, struct error *err UNUSED)
{
	firewalls_open(&k->firewalls, &k->loop, k->journal);
	return 0;
}

static void close_firewalls(struct kukeond *k)
{
	k->firewalls->ops->close(k->firewalls, on_part_closed, k);
}

static int open_runtime(struct kukeond *k, struct error *err)
{
	AUTO_FREE char *resolv_conf = resolv_conf_path(k);
	const struct containerd_options options = {
		.socket = k->config->containerd_socket,
		.snapshotter = k->config->snapshotter,
		.instance = k->config->run_path,
		.resolv_conf = resolv_conf,
	};

	return containerd_open(&k->runtime, &k->loop, k->rpc, &options, err);
}

static void close_runtime(struct kukeond *k)
{
	k->runtime->ops->close(k->runtime, on_part_closed, k);
}

static int read_forwarding(const char *text, bool *ret_leave, struct error *err)
{
	*ret_leave = str_equal(text, "leave");
	if (*ret_leave || str_equal(text, "keep"))
		return 0;
	return error_set(err, -EINVAL, "forwarding is \"%s\", expected keep or leave", text);
}

static int open_engine(struct kukeond *k, struct error *err)
{
	struct engine_options options = {
		.loop = &k->loop,
		.runtime = k->runtime,
		.network = k->network,
		.cgroup = k->cgroup,
		.managers = k->firewalls,
		.run_path = k->config->run_path,
		.journal = k->journal,
		.cgroup_root = k->config->cgroup_root,
		.prune_grace_ms = (uint64_t)k->config->prune_grace * 1000,
	};
	int r = prune_guard_parse(k->config->prune_guard, &options.prune_guard, err);

	if (r == 0)
		r = read_forwarding(k->config->forwarding, &options.leave_forwarding, err);
	if (r == 0)
		engine_open(&k->engine, &options);
	return r;
}

static int open_history(struct kukeond *k, struct error *err UNUSED)
{
	/* no realm can have a name with a dot */
	AUTO_FREE char *path = xasprintf("%s/events.jsonl", k->config->run_path);

	history_file_open(&k->history, &k->engine.history, &k->loop, path);
	tell_daemon_started(&k->engine);
	return 0;
}

static void close_history(struct kukeond *k)
{
	history_file_close(k->history, on_part_closed, k);
}

static int open_store(struct kukeond *k, struct error *err)
{
	return store_open(&k->store, &k->engine, err);
}

static void close_store(struct kukeond *k)
{
	store_close(k->store, on_part_closed, k);
}

/* Starting the drivers comes after the store has said what was there before. */
static int start_engine(struct kukeond *k, struct error *err UNUSED)
{
	engine_start(&k->engine);
	runtime_watcher_start(&k->engine);
	cgroup_watcher_start(&k->engine);
	resync_start(&k->resync, &k->engine, (uint64_t)k->config->resync * 1000);
	k->resync.resolver = k->resolver;
	k->engine_works = true;
	return 0;
}

/* Before the first look at the host: what changes behind it is not missed. */
static int open_network_watcher(struct kukeond *k, struct error *err UNUSED)
{
	network_watcher_open(&k->network_watcher, &k->engine);
	return 0;
}

static void close_network_watcher(struct kukeond *k)
{
	network_watcher_close(&k->network_watcher, on_part_closed, k);
}

static void on_grace_over(struct timer *timer)
{
	struct kukeond *k = container_of(timer, struct kukeond, close_grace);

	log_warning("actions still under way are cut off; the next start picks them up");
	close_next_part(k);
}

static void on_engine_closed(void *ctx)
{
	struct kukeond *k = ctx;
	bool in_time = timer_active(&k->close_grace);

	k->engine_works = false;
	timer_stop(&k->close_grace);
	if (in_time || k->engine_awaited)
		close_next_part(k);
}

static void close_engine(struct kukeond *k)
{
	resync_stop(&k->resync);
	timer_start(&k->loop, &k->close_grace, CLOSE_GRACE_MS, on_grace_over);
	engine_close(&k->engine, on_engine_closed, k);
}

/* By now the drivers are closed, so what was still under way has ended or ends now. */
static void await_engine(struct kukeond *k)
{
	k->engine_awaited = k->engine_works;
	if (!k->engine_works)
		close_next_part(k);
}

static void fini_engine(struct kukeond *k)
{
	if (k->engine.loop)
		engine_fini(&k->engine);
	close_next_part(k);
}

static const char *watch_kind(void *ctx)
{
	struct kukeond *k = ctx;

	return manifests_watch_kind(k->manifests);
}

static void shut_down(struct kukeond *k, const char *why);

static void on_stop_asked(void *ctx)
{
	struct kukeond *k = ctx;

	log_info("asked to stop; the cells go on running");
	k->again = false;
	shut_down(k, "asked to stop");
}

static void on_restart_asked(void *ctx)
{
	struct kukeond *k = ctx;

	if (k->closing)
		return; /* whoever said so first has the word */
	log_info("asked to restart; the cells go on running");
	k->again = true;
	shut_down(k, "asked to restart");
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

static void on_rescan_asked(void *ctx)
{
	struct kukeond *k = ctx;

	manifests_rescan(k->manifests);
}

static int open_api(struct kukeond *k, struct error *err)
{
	struct api_options options = {
		.engine = &k->engine,
		.rpc = k->rpc,
		.config = k->config,
		.run_path = k->config->run_path,
		.manifests_dir = k->config->manifests_dir,
		.containerd_socket = k->config->containerd_socket,
		.watch_kind = watch_kind,
		.watch_kind_ctx = k,
		.rescan = on_rescan_asked,
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

static void close_api(struct kukeond *k)
{
	if (k->socket_is_ours)
		host_unlink_socket(k->config->socket, &k->socket);
	api_close(k->api, on_part_closed, k);
}

static void on_new_socket(void *ctx, int fd)
{
	struct kukeond *k = ctx;
	struct error err;

	if (api_listen(k->api, fd, &err) < 0)
		log_warning("%s socket=%s", err.msg, k->config->socket);
}

static int open_socket_watcher(struct kukeond *k, struct error *err UNUSED)
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

static void close_socket_watcher(struct kukeond *k)
{
	k->resync.socket = NULL;
	socket_watcher_close(k->socket_watcher, on_part_closed, k);
}

static void on_file(void *ctx, const char *path, const char *data, size_t len)
{
	struct kukeond *k = ctx;
	struct manifest manifest;

	manifest_parse(path, data, len, &manifest);
	desired_set_file(&k->engine, path, &manifest);
	manifest_fini(&manifest);
}

static void on_file_error(void *ctx, const char *path, const struct error *err)
{
	struct kukeond *k = ctx;

	desired_set_file_error(&k->engine, path, err);
}

static void on_file_pending(void *ctx, const char *path)
{
	struct kukeond *k = ctx;

	desired_set_file_pending(&k->engine, path);
}

static void on_file_gone(void *ctx, const char *path, const struct error *hidden)
{
	struct kukeond *k = ctx;

	if (hidden)
		desired_hide_file(&k->engine, path, hidden);
	else
		desired_remove_file(&k->engine, path);
}

static void on_scan_done(void *ctx, const struct error *problem)
{
	struct kukeond *k = ctx;

	desired_scan_done(&k->engine, problem);
}

static void add_expected(void *ctx, const char *path)
{
	strv_add(ctx, path);
}

static int open_manifests(struct kukeond *k, struct error *err)
{
	AUTO(strv_fini) struct strv expected = { 0 };
	const struct manifests_options options = {
		.directory = k->config->manifests_dir,
		.quiet_ms = QUIET_MS,
		.quiet_max_ms = QUIET_MAX_MS,
		.poll_ms = POLL_MS,
		.expected = &expected,
	};
	const struct manifests_listener listener = {
		.ctx = k,
		.on_file = on_file,
		.on_file_error = on_file_error,
		.on_file_pending = on_file_pending,
		.on_file_gone = on_file_gone,
		.on_scan_done = on_scan_done,
	};

	int r;

	desired_for_each_restored_file(&k->engine, add_expected, &expected);
	r = manifests_open(&k->manifests, &k->loop, &options, &listener, err);
	k->resync.manifests = k->manifests;
	return r;
}

static void close_manifests(struct kukeond *k)
{
	k->resync.manifests = NULL;
	manifests_close(k->manifests, on_part_closed, k);
}

static int open_notify(struct kukeond *k, struct error *err UNUSED)
{
	notify_open(&k->notify, &k->loop, &k->engine);
	return 0;
}

static void close_notify(struct kukeond *k)
{
	notify_close(&k->notify, k->again, on_part_closed, k);
}

/* In the order of opening; closed from the last one opened to the first. */
static const struct {
	const char *name;
	int (*open)(struct kukeond *k, struct error *err);
	void (*close)(struct kukeond *k); /* goes on with close_next_part() */
} parts[] = {
	{ "directories", open_dirs, close_dirs },
	{ "resolvers", open_resolver, close_resolver },
	{ "gRPC", open_rpc, close_rpc },
	{ "journal", open_journal, close_journal },
	{ "objects", NULL, fini_engine },
	{ "last actions", NULL, await_engine },
	{ "cgroup driver", open_cgroup, close_cgroup },
	{ "network driver", open_network, close_network },
	{ "other firewalls", open_firewalls, close_firewalls },
	{ "runtime driver", open_runtime, close_runtime },
	{ "engine", open_engine, NULL },
	{ "history", open_history, close_history },
	{ "store", open_store, close_store },
	{ "network watcher", open_network_watcher, close_network_watcher },
	{ "actions", start_engine, close_engine },
	{ "manifests", open_manifests, close_manifests },
	{ "API", open_api, close_api }, /* asks all parts above: none of them closes before it */
	{ "socket", open_socket_watcher, close_socket_watcher },
	{ "readiness", open_notify, close_notify },
};

/* Threads that wait in the kernel are not waited for, and what they use is not taken away. */
_Noreturn static void end_at_once(const struct kukeond *k)
{
	log_warning("kukeond has stopped without waiting for a filesystem that does not answer");
	aside_end_all();
	fflush(NULL);
	_exit(k->failed || k->again ? EXIT_FAILURE : EXIT_SUCCESS); /* systemd starts it anew */
}

static void on_close_late(struct timer *timer)
{
	struct kukeond *k = container_of(timer, struct kukeond, close_limit);

	if (loop_works_apart(&k->loop))
		end_at_once(k);
}

static void on_close_next(struct deferred *deferred)
{
	struct kukeond *k = container_of(deferred, struct kukeond, close_next);

	while (k->opened > 0 && !parts[k->opened - 1].close)
		k->opened--;
	if (k->opened == 0) {
		timer_stop(&k->kill_due);
		timer_stop(&k->close_limit);
		if (loop_works_apart(&k->loop))
			end_at_once(k);
		uv_close((uv_handle_t *)&k->sigterm, NULL);
		uv_close((uv_handle_t *)&k->sigint, NULL);
		uv_close((uv_handle_t *)&k->sighup, NULL);
		return;
	}
	k->opened--;
	log_debug("closing %s", parts[k->opened].name);
	parts[k->opened].close(k);
}

static void close_next_part(struct kukeond *k)
{
	loop_defer(&k->loop, &k->close_next, on_close_next);
}

static void shut_down(struct kukeond *k, const char *why)
{
	if (k->closing)
		return;
	k->closing = true;
	aside_give_up();
	timer_start(&k->loop, &k->close_limit, CLOSE_LIMIT_MS, on_close_late);
	if (k->engine_works)
		tell_daemon_stopped(&k->engine, why);
	close_next_part(k);
}

/* What others call reload: read every manifest and look at everything again. */
static void on_hangup(uv_signal_t *handle, int number UNUSED)
{
	struct kukeond *k = handle->data;

	if (!k->engine_works || k->closing)
		return;
	log_info("SIGHUP: reading the manifests and looking at everything again");
	if (k->manifests)
		manifests_rescan(k->manifests);
	resolver_look(k->resolver);
	look_everything(&k->engine);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct kukeond *k = handle->data;

	log_info("%s: stopping; the cells go on running", strsignal(number));
	k->again = false;
	shut_down(k, strsignal(number));
}

static void watch_signal(struct kukeond *k, uv_signal_t *handle, int number, uv_signal_cb fn)
{
	uv_signal_init(&k->loop.uv, handle);
	handle->data = k;
	uv_signal_start(handle, fn, number);
}

static int open_parts(struct kukeond *k, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int r = parts[i].open ? parts[i].open(k, err) : 0;

		if (r < 0)
			return error_wrap(err, r, "cannot start: %s", parts[i].name);
		k->opened = i + 1;
	}
	return 0;
}

static int run(struct kukeond *k)
{
	struct error err = { 0 };
	int r = loop_open(&k->loop, LOOP_CLOCK_BOOTTIME, &err);

	if (r < 0) {
		log_error("%s", err.msg);
		return EXIT_FAILURE;
	}
	watch_signal(k, &k->sigterm, SIGTERM, on_signal);
	watch_signal(k, &k->sigint, SIGINT, on_signal);
	watch_signal(k, &k->sighup, SIGHUP, on_hangup);
	r = open_parts(k, &err);
	if (r < 0) {
		log_error("%s", err.msg);
		k->failed = true;
		shut_down(k, err.msg);
	} else {
		log_info("kukeond %s is up socket=%s manifests=%s", kukeon_version,
			 k->config->socket, k->config->manifests_dir);
	}
	loop_run(&k->loop);
	loop_close(&k->loop);
	aside_end_all();
	log_info("kukeond has stopped");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

FS_OPEN_STANDARD_FIRST

int main(int argc, char **argv)
{
	struct kukeond k = { .lock_fd = -1, .runtime_lock_fd = -1 };
	enum log_level level;
	struct self self;
	struct error err;
	int r;

	host_forget_starter();
	self_read(&self);
	self_fini(&self);
	mallopt(M_ARENA_MAX,
		2); /* a dozen threads, few of which allocate: keeps the daemon small */
	host_raise_fd_limit();
	r = options_read(argc, argv, &k.config, &err);
	if (r == 0 && !log_level_parse(k.config->log_level, &level))
		r = error_set(&err, -EINVAL,
			      "log level \"%s\" is none of error, warning, info, debug",
			      k.config->log_level);
	if (r < 0) {
		log_error("%s", err.msg);
		protobuf_c_message_free_unpacked((ProtobufCMessage *)k.config, NULL);
		return 2;
	}
	log_set_level(level);
	r = run(&k);
	protobuf_c_message_free_unpacked(&k.config->base, NULL);
	if (k.again) {
		host_keep_socket();
		self_execute(argv, &err);
		log_error("%s", err.msg);
		r = EXIT_FAILURE;
	}
	return r;
}
