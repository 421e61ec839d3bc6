/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon as a whole, for its parts: each opens when what it stands on is open, closes
 * asynchronously, and says when it is closed. Private to kukeond.
 */
#pragma once

#include "api/config.pb-c.h"
#include "core/base/log.h"
#include "core/core.h"
#include "core/host/daemon_host.h"
#include "core/loop/loop.h"
#include "core/notify.h"
#include "core/state/engine.h"
#include "watchers/network_watcher.h"
#include "watchers/resync.h"

struct history_file;
struct log_keeper;
struct log_place;

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
	char *log_spool; /* NULL: nobody reads what containers print */
	struct log_keeper *log_keeper;
	struct registries *registries;
	struct image_driver *images;
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

/* Goes on with the part that was opened before; the second is the same as a callback. */
void parts_close_next(struct kukeond *k);
void part_is_closed(void *ctx);

/* @why: for the events. */
void kukeond_shut_down(struct kukeond *k, const char *why);

/* ---- the parts, in the order of their files ---- */

/* parts_drivers.c */
int part_open_dirs(struct kukeond *k, struct error *err);
void part_close_dirs(struct kukeond *k);
int part_open_resolver(struct kukeond *k, struct error *err);
void part_close_resolver(struct kukeond *k);
int part_open_rpc(struct kukeond *k, struct error *err);
void part_close_rpc(struct kukeond *k);
int part_open_journal(struct kukeond *k, struct error *err);
void part_close_journal(struct kukeond *k);
int part_open_cgroup(struct kukeond *k, struct error *err);
void part_close_cgroup(struct kukeond *k);
int part_open_network(struct kukeond *k, struct error *err);
void part_close_network(struct kukeond *k);
int part_open_firewalls(struct kukeond *k, struct error *err);
void part_close_firewalls(struct kukeond *k);
int part_open_runtime(struct kukeond *k, struct error *err);
void part_close_runtime(struct kukeond *k);
int part_open_registries(struct kukeond *k, struct error *err);
void part_close_registries(struct kukeond *k);
int part_open_images(struct kukeond *k, struct error *err);
void part_close_images(struct kukeond *k);

/* parts_logs.c */
struct log_place part_log_place(const struct kukeond *k);
int part_open_logs(struct kukeond *k, struct error *err);
void part_close_logs(struct kukeond *k);

/* parts_engine.c */
int part_open_engine(struct kukeond *k, struct error *err);
int part_open_history(struct kukeond *k, struct error *err);
void part_close_history(struct kukeond *k);
int part_open_store(struct kukeond *k, struct error *err);
void part_close_store(struct kukeond *k);
int part_start_engine(struct kukeond *k, struct error *err);
int part_open_network_watcher(struct kukeond *k, struct error *err);
void part_close_network_watcher(struct kukeond *k);
void part_close_engine(struct kukeond *k);
void part_await_engine(struct kukeond *k);
void part_fini_engine(struct kukeond *k);
int part_open_notify(struct kukeond *k, struct error *err);
void part_close_notify(struct kukeond *k);

/* parts_api.c */
int part_open_api(struct kukeond *k, struct error *err);
void part_close_api(struct kukeond *k);
int part_open_socket_watcher(struct kukeond *k, struct error *err);
void part_close_socket_watcher(struct kukeond *k);

/* parts_manifests.c */
int part_open_manifests(struct kukeond *k, struct error *err);
void part_close_manifests(struct kukeond *k);
