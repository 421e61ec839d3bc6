/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon for tests of the API: a real socket, a real loop and, when wanted, a real store, over
 * the fake world. To be embedded; includes cmocka. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/api/api.h"
#include "core/base/fs.h"
#include "core/host/daemon_host.h"
#include "tests/fake/host.h"
#include "tests/unit/scratch.h"

enum { WAIT_MS = 60 * 1000, ASK_TIMEOUT_MS = 50 * 1000 }; /* limits for a busy machine */

struct served {
	struct sim sim;
	struct rpc *rpc;
	struct api *api;
	struct rpc_channel *channel;
	char dir[64];
	char *run_path;
	char *log_dir; /* NULL: what containers print is not kept */
	bool closed, done;
	bool stopped;        /* the daemon was told to end */
	uint64_t timeout_ms; /* of a call; 0: ASK_TIMEOUT_MS */
	struct rpc_unary unary;
	struct call call;
};

static inline struct served *served_of(struct sim *sim)
{
	return container_of(sim, struct served, sim);
}

static void served_on_closed(void *ctx)
{
	((struct served *)ctx)->closed = true;
}

static bool served_is_closed(struct sim *sim)
{
	return served_of(sim)->closed;
}

static void served_await_closed(struct served *served)
{
	assert_true(sim_run_until(&served->sim, served_is_closed, WAIT_MS));
	served->closed = false;
}

static const char *served_watch_kind(void *ctx)
{
	(void)ctx;
	return "inotify";
}

static void served_on_stop(void *ctx)
{
	((struct served *)ctx)->stopped = true;
}

/* The daemon begins, on the world and the store as they are. */
static void served_start(struct served *served)
{
	AUTO_FREE char *path = xasprintf("%s/sock", served->dir);
	AUTO_FREE char *target = xasprintf("unix:%s", path);
	struct api_options options = {
		.engine = &served->sim.engine,
		.run_path = served->run_path ? served->run_path : "/opt/kukeon",
		.log_dir = served->log_dir,
		.watch_kind = served_watch_kind,
		.self = { .stop = served_on_stop,
			  .kill = served_on_stop,
			  .restart = served_on_stop,
			  .ctx = served },
	};
	struct host_socket socket;

	served->sim.run_path = served->run_path;
	sim_start(&served->sim);
	assert_int_equal(rpc_open(&served->rpc, &served->sim.loop, NULL), 0);
	options.rpc = served->rpc;
	assert_int_equal(host_listen(path, &socket, NULL), 0);
	options.listen_fd = socket.fd;
	assert_int_equal(api_open(&served->api, &options, NULL), 0);
	served->channel = rpc_channel_new(served->rpc, target);
}

/* It ends; the world stays. */
static void served_stop(struct served *served)
{
	rpc_unary_fini(&served->unary);
	rpc_channel_free(served->channel);
	api_close(served->api, served_on_closed, served);
	served_await_closed(served);
	rpc_close(served->rpc, served_on_closed, served);
	served_await_closed(served);
	sim_crash(&served->sim);
}

static inline void served_init(struct served *served, bool with_store)
{
	snprintf(served->dir, sizeof(served->dir), "%s/test-api-XXXXXX", SCRATCH);
	assert_non_null(mkdtemp(served->dir));
	served->run_path = with_store ? xasprintf("%s/run", served->dir) : NULL;
	served->log_dir = xasprintf("%s/log", served->dir);
	sim_init_real(&served->sim, 1);
	served_start(served);
}

static inline void served_fini(struct served *served)
{
	served_stop(served);
	sim_fini(&served->sim);
	fs_remove_tree(AT_FDCWD, served->dir, NULL);
	free(served->run_path);
	free(served->log_dir);
}

static void served_on_done(struct call *call)
{
	container_of(call, struct served, call)->done = true;
}

static bool served_is_done(struct sim *sim)
{
	return served_of(sim)->done;
}

/* One call; its status. The reply is in unary.reply until the next one. */
static inline int served_ask(struct served *served, const char *method,
			     const ProtobufCMessage *request,
			     const ProtobufCMessageDescriptor *reply_type)
{
	served->done = false;
	rpc_unary_fini(&served->unary);
	served->unary = (struct rpc_unary){
		.method = method,
		.request = request,
		.reply_type = reply_type,
		.timeout_ms = served->timeout_ms ? served->timeout_ms : ASK_TIMEOUT_MS,
	};
	call_init(&served->call, &served->sim.loop, served_on_done);
	rpc_unary_start(served->channel, &served->unary, &served->call);
	assert_true(sim_run_until(&served->sim, served_is_done, WAIT_MS));
	return served->call.status;
}
