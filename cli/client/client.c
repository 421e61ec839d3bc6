/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client/client.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/client/client_private.h"
#include "core/base/str.h"

#define SERVICE "/kukeon.v1beta1.Kukeon/"
#define ADMIN "/kukeon.v1beta1.Admin/"

static const struct method get = { SERVICE "Get", &api__get_response__descriptor, CALL_TIMEOUT_MS,
				   false };
static const struct method status = { SERVICE "Status", &api__status_response__descriptor,
				      CALL_TIMEOUT_MS, false };
static const struct method version = { SERVICE "Version", &api__version_response__descriptor,
				       CALL_TIMEOUT_MS, false };
static const struct method apply = { SERVICE "Apply", &api__apply_response__descriptor,
				     CHANGE_TIMEOUT_MS, true };
static const struct method delete = { SERVICE "Delete", &api__delete_response__descriptor,
				      CHANGE_TIMEOUT_MS, true };
static const struct method prune = { SERVICE "Prune", &api__prune_response__descriptor,
				     CHANGE_TIMEOUT_MS, true };
static const struct method run = { SERVICE "Run", &api__run_response__descriptor, CHANGE_TIMEOUT_MS,
				   true };
static const struct method refresh = { ADMIN "Refresh", &api__refresh_response__descriptor,
				       LOOK_TIMEOUT_MS, false };

static const struct method doctor = { ADMIN "Doctor", &api__doctor_response__descriptor,
				      LOOK_TIMEOUT_MS, false };
static const struct method purge = { ADMIN "Purge", &api__purge_response__descriptor,
				     PURGE_TIMEOUT_MS, false };

struct client *client_new(const char *socket)
{
	AUTO_FREE char *target = xasprintf("unix:%s", socket);
	struct client *client = xnew(struct client);

	client->socket = socket;
	client->rpc = rpc_client_open(target);
	return client;
}

/* The words for a daemon that is there and silent. */
static int hangs(const struct client *client, struct error *err)
{
	return error_wrap(err, -ETIMEDOUT,
			  "kukeond on %s does not answer; look at 'systemctl status kukeond'",
			  client->socket);
}

/* What starts it here: its units where they are installed, else kuke itself. */
static const char *starter(void)
{
	static const char *const places[] = { "/etc/systemd/system", "/run/systemd/system",
					      "/usr/local/lib/systemd/system",
					      "/usr/lib/systemd/system", "/lib/systemd/system" };

	for (size_t i = 0; access("/run/systemd/system", F_OK) == 0 && i < ARRAY_SIZE(places);
	     i++) {
		AUTO_FREE char *unit = xasprintf("%s/kukeond.socket", places[i]);

		if (access(unit, F_OK) == 0)
			return "systemctl start kukeond.socket";
	}
	return "kuke init";
}

/* "is it running?" is half an answer. */
void client_name_starter(int code, struct error *err)
{
	static const char question[] = "is it running?";
	size_t len = strlen(err->msg);

	if (code == -ECONNREFUSED && str_ends_with(err->msg, question))
		snprintf(err->msg + len, sizeof(err->msg) - len, " '%s' starts it", starter());
}

int client_call(struct client *client, const struct method *method, const ProtobufCMessage *request,
		void *ret_reply, struct error *err)
{
	int rc = rpc_client_call(client->rpc, method->name, request, method->reply_type,
				 method->timeout_ms, ret_reply, err);

	client_name_starter(rc, err);
	if (rc != -ETIMEDOUT)
		return rc;
	hangs(client, err);
	if (method->withdrawn)
		error_wrap(err, rc,
			   "what was asked for is withdrawn, unless it was being stored just then "
			   "('kuke get' shows it)");
	return rc;
}

int client_get(struct client *client, const Api__Selector *selector, Api__GetResponse **ret_reply,
	       struct error *err)
{
	Api__GetRequest request = API__GET_REQUEST__INIT;

	request.selector = (Api__Selector *)selector; /* is only read */
	return client_call(client, &get, &request.base, ret_reply, err);
}

int client_status(struct client *client, Api__StatusResponse **ret_reply, struct error *err)
{
	Api__StatusRequest request = API__STATUS_REQUEST__INIT;

	return client_call(client, &status, &request.base, ret_reply, err);
}

int client_version(struct client *client, Api__VersionResponse **ret_reply, struct error *err)
{
	Api__VersionRequest request = API__VERSION_REQUEST__INIT;

	return client_call(client, &version, &request.base, ret_reply, err);
}

int client_apply(struct client *client, const Api__ApplyRequest *request,
		 Api__ApplyResponse **ret_reply, struct error *err)
{
	return client_call(client, &apply, &request->base, ret_reply, err);
}

int client_delete(struct client *client, const Api__DeleteRequest *request,
		  Api__DeleteResponse **ret_reply, struct error *err)
{
	return client_call(client, &delete, &request->base, ret_reply, err);
}

int client_prune(struct client *client, const Api__PruneRequest *request,
		 Api__PruneResponse **ret_reply, struct error *err)
{
	return client_call(client, &prune, &request->base, ret_reply, err);
}

int client_run(struct client *client, const Api__RunRequest *request, Api__RunResponse **ret_reply,
	       struct error *err)
{
	return client_call(client, &run, &request->base, ret_reply, err);
}

int client_refresh(struct client *client, const Api__RefreshRequest *request,
		   Api__RefreshResponse **ret_reply, struct error *err)
{
	return client_call(client, &refresh, &request->base, ret_reply, err);
}

int client_doctor(struct client *client, const Api__DoctorRequest *request,
		  Api__DoctorResponse **ret_reply, struct error *err)
{
	return client_call(client, &doctor, &request->base, ret_reply, err);
}

int client_purge(struct client *client, Api__PurgeResponse **ret_reply, struct error *err)
{
	Api__PurgeRequest request = API__PURGE_REQUEST__INIT;

	return client_call(client, &purge, &request.base, ret_reply, err);
}

struct watching {
	const struct client_watch *watch;
	bool stopped, answered;
};

static bool on_event(const ProtobufCMessage *message, void *ctx)
{
	struct watching *watching = ctx;

	watching->answered = true;
	watching->stopped =
		!watching->watch->on_event((const Api__WatchEvent *)message, watching->watch->ctx);
	return !watching->stopped;
}

static uint64_t quiet_ms(void *ctx)
{
	const struct client_watch *watch = ((struct watching *)ctx)->watch;

	return watch->quiet_ms ? watch->quiet_ms(watch->ctx) : 0;
}

static void on_quiet(void *ctx)
{
	((struct watching *)ctx)->stopped = true;
}

int client_watch(struct client *client, const struct client_watch *watch, struct error *err)
{
	struct watching watching = { .watch = watch };
	Api__WatchRequest request = API__WATCH_REQUEST__INIT;
	const struct rpc_client_stream_options options = {
		.method = SERVICE "Watch",
		.request = &request.base,
		.reply_type = &api__watch_event__descriptor,
		.timeout_ms = watch->timeout_ms,
		.on_message = on_event,
		.quiet_ms = quiet_ms,
		.on_quiet = on_quiet,
		.ctx = &watching,
	};
	int rc;

	request.selector = (Api__Selector *)watch->selector; /* is only read */
	request.has_resource_version = watch->after != 0;
	request.resource_version = watch->after;
	rc = rpc_client_stream(client->rpc, &options, err);
	client_name_starter(rc, err);
	if (rc == 0 && !watching.stopped)
		return error_set(err, -ECONNREFUSED, "kukeond on %s ended the watch",
				 client->socket);
	return rc == -ETIMEDOUT && !watching.answered ? hangs(client, err) : rc;
}

struct telling {
	client_history_fn tell;
	void *ctx;
	bool stopped;
};

static bool on_history(const ProtobufCMessage *message, void *ctx)
{
	struct telling *telling = ctx;

	telling->stopped = !telling->tell((const Api__Event *)message, telling->ctx);
	return !telling->stopped;
}

int client_events(struct client *client, const Api__EventsRequest *request, client_history_fn tell,
		  void *ctx, struct error *err)
{
	struct telling telling = { .tell = tell, .ctx = ctx };
	const struct rpc_client_stream_options options = {
		.method = SERVICE "Events",
		.request = &request->base,
		.reply_type = &api__event__descriptor,
		.timeout_ms = request->watch ? 0 : CALL_TIMEOUT_MS,
		.on_message = on_history,
		.ctx = &telling,
	};
	int rc = rpc_client_stream(client->rpc, &options, err);

	client_name_starter(rc, err);
	if (rc == 0 && request->watch && !telling.stopped)
		return error_set(err, -ECONNREFUSED, "kukeond on %s ended the watch",
				 client->socket);
	return rc == -ETIMEDOUT ? hangs(client, err) : rc;
}

void client_reply_free(void *reply)
{
	if (reply)
		protobuf_c_message_free_unpacked(reply, NULL);
}

Api__Outcome client_outcome(const struct client *client, int code)
{
	if (client_exit(code) != CLI_UNREACHABLE)
		return API__OUTCOME__OUTCOME_FAILED;
	return rpc_client_was_heard(client->rpc) ? API__OUTCOME__OUTCOME_UNKNOWN
						 : API__OUTCOME__OUTCOME_SKIPPED;
}

enum cli_exit client_exit(int code)
{
	if (code == 0)
		return CLI_DONE;
	return code == -ECONNREFUSED || code == -ETIMEDOUT ? CLI_UNREACHABLE : CLI_FAILED;
}
