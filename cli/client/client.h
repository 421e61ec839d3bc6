/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon as kuke sees it: one blocking function per method of the service.
 *
 * Failures say what to do. -ECONNREFUSED and -ETIMEDOUT mean that the daemon cannot be reached: see
 * client_exit(). Replies are freed with client_reply_free().
 */
#pragma once

#include "api/kukeon.pb-c.h"
#include "cli/cli.h"

struct client;

/*
 * Connects when the first call is made. @socket is a path, and stays. A client is never closed:
 * kuke has one and leaves with _exit(), and taking gRPC apart costs more than the call.
 */
struct client *client_new(const char *socket);

int client_get(struct client *client, const Api__Selector *selector, Api__GetResponse **ret_reply,
	       struct error *err);
int client_status(struct client *client, Api__StatusResponse **ret_reply, struct error *err);
int client_version(struct client *client, Api__VersionResponse **ret_reply, struct error *err);

int client_apply(struct client *client, const Api__ApplyRequest *request,
		 Api__ApplyResponse **ret_reply, struct error *err);
int client_delete(struct client *client, const Api__DeleteRequest *request,
		  Api__DeleteResponse **ret_reply, struct error *err);
int client_prune(struct client *client, const Api__PruneRequest *request,
		 Api__PruneResponse **ret_reply, struct error *err);
int client_run(struct client *client, const Api__RunRequest *request, Api__RunResponse **ret_reply,
	       struct error *err);
int client_refresh(struct client *client, const Api__RefreshRequest *request,
		   Api__RefreshResponse **ret_reply, struct error *err);

/* Answered when the host has been looked at, and what was to be taken away is gone. */
int client_doctor(struct client *client, const Api__DoctorRequest *request,
		  Api__DoctorResponse **ret_reply, struct error *err);

/* Answered when nothing is left, or when it goes no further. */
int client_purge(struct client *client, Api__PurgeResponse **ret_reply, struct error *err);

/* False: enough. The event is gone when this returns. */
typedef bool (*client_event_fn)(const Api__WatchEvent *event, void *ctx);

struct client_watch {
	const Api__Selector *selector;
	uint64_t after;      /* only what changed after this version; 0: all that is, too */
	uint64_t timeout_ms; /* 0: none */
	client_event_fn on_event;
	uint64_t (*quiet_ms)(void *ctx); /* NULL, or how long nothing may happen now; 0: for ever */
	void *ctx;
};

/*
 * Until on_event returns false or nothing has happened for so long (0), the daemon goes
 * (-ECONNREFUSED) or the time is over (-ETIMEDOUT).
 */
int client_watch(struct client *client, const struct client_watch *watch, struct error *err);

/* False: enough. The event is gone when this returns. */
typedef bool (*client_history_fn)(const Api__Event *event, void *ctx);

/*
 * Gives each event of the history. With @request->watch until @tell returns false (0) or the
 * daemon goes (-ECONNREFUSED).
 */
int client_events(struct client *client, const Api__EventsRequest *request, client_history_fn tell,
		  void *ctx, struct error *err);

/* Any reply, also NULL. */
void client_reply_free(void *reply);

/* What became of the unary request that just failed with @code: FAILED, UNKNOWN when the daemon
 * went before it answered, SKIPPED when it was not there. */
Api__Outcome client_outcome(const struct client *client, int code);

/* The exit code for what a method returned. */
enum cli_exit client_exit(int code);

static inline void cleanup_reply(void *reply)
{
	client_reply_free(*(void **)reply);
}

#define AUTO_REPLY AUTO(cleanup_reply)
