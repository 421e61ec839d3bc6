/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kukeond: options, build in order, run, tear down in reverse. With its parts in core/kukeond the
 * only one that sees drivers and watchers.
 *
 * A table of parts says the order; each closes asynchronously and lets the one before it follow.
 */
#include "core/kukeond/kukeond.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>

#include "core/aside/aside.h"
#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/base/version.h"
#include "core/config/options.h"
#include "core/reconcile/relist.h"
#include "core/state/self.h"
#include "core/status/record.h"
#include "watchers/manifests/manifests.h"

/* For all of it, when a filesystem does not answer. */
enum { CLOSE_LIMIT_MS = 10 * 1000 };

/* In the order of opening; closed from the last one opened to the first. */
static const struct {
	const char *name;
	int (*open)(struct kukeond *k, struct error *err);
	void (*close)(struct kukeond *k); /* goes on with parts_close_next() */
} parts[] = {
	{ "directories", part_open_dirs, part_close_dirs },
	{ "resolvers", part_open_resolver, part_close_resolver },
	{ "gRPC", part_open_rpc, part_close_rpc },
	{ "journal", part_open_journal, part_close_journal },
	{ "objects", NULL, part_fini_engine },
	{ "last actions", NULL, part_await_engine },
	{ "cgroup driver", part_open_cgroup, part_close_cgroup },
	{ "network driver", part_open_network, part_close_network },
	{ "other firewalls", part_open_firewalls, part_close_firewalls },
	{ "logs of containers", part_open_logs, part_close_logs },
	{ "runtime driver", part_open_runtime, part_close_runtime },
	{ "registries", part_open_registries, part_close_registries },
	{ "image driver", part_open_images, part_close_images },
	{ "engine", part_open_engine, NULL },
	{ "history", part_open_history, part_close_history },
	{ "store", part_open_store, part_close_store },
	{ "network watcher", part_open_network_watcher, part_close_network_watcher },
	{ "actions", part_start_engine, part_close_engine },
	{ "manifests", part_open_manifests, part_close_manifests },
	{ "API", part_open_api,
	  part_close_api }, /* asks all parts above: none of them closes before it */
	{ "socket", part_open_socket_watcher, part_close_socket_watcher },
	{ "readiness", part_open_notify, part_close_notify },
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

void part_is_closed(void *ctx)
{
	parts_close_next(ctx);
}

void parts_close_next(struct kukeond *k)
{
	loop_defer(&k->loop, &k->close_next, on_close_next);
}

void kukeond_shut_down(struct kukeond *k, const char *why)
{
	if (k->closing)
		return;
	k->closing = true;
	aside_give_up();
	timer_start(&k->loop, &k->close_limit, CLOSE_LIMIT_MS, on_close_late);
	if (k->engine_works)
		record_daemon_stopped(&k->engine, why);
	parts_close_next(k);
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
	relist_all(&k->engine);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct kukeond *k = handle->data;

	log_info("%s: stopping; the cells go on running", strsignal(number));
	k->again = false;
	kukeond_shut_down(k, strsignal(number));
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
		kukeond_shut_down(k, err.msg);
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
