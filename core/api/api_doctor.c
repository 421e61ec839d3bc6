/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: one examination at a time, and the daemon makes some of its own (core/doctor/sweep.h).
 * Who asks meanwhile waits. */
#include "core/api/api_internal.h"
#include "core/base/log.h"
#include "core/doctor/doctor.h"

/* One request. Once it has begun it outlives the reply, and the API when that closes: the engine
 * ends it. */
struct examination {
	struct pending_reply reply;
	struct api *api;
	bool begun;
	Api__DoctorResponse *response;
	struct call call;
};

static void on_ended(struct pending_reply *reply)
{
	struct examination *examination = container_of(reply, struct examination, reply);

	if (!examination->begun)
		free(examination);
}

static const struct reply_kind doctor_kind = { .ended = on_ended };

static void on_examined(struct call *call)
{
	struct examination *examination = container_of(call, struct examination, call);

	if (call->status < 0)
		reply_fail(&examination->reply, &call->err);
	else
		reply_send(&examination->reply, &examination->response->base);
	if (examination->response)
		protobuf_c_message_free_unpacked(&examination->response->base, NULL);
	free(examination);
}

static void begin(struct examination *examination)
{
	const Api__DoctorRequest *request = (const Api__DoctorRequest *)examination->reply.request;
	struct api *api = examination->api;
	struct engine *engine = api->options.engine;
	const struct doctor_options options = { .config = api->options.config,
						.fix = request->fix,
						.only_managers = request->ask_firewalls };

	reply_stop_waiting(&examination->reply);
	examination->begun = true;
	if (request->fix)
		log_info("doctor: asked to take away what nobody owns uid=%u",
			 (unsigned)rpc_server_call_peer(examination->reply.call).uid);
	call_init(&examination->call, engine->loop, on_examined);
	doctor_examine(engine, &options, &examination->response, &examination->call);
}

static void look(struct progress_waiter *waiter)
{
	struct api *api = container_of(waiter, struct api, doctor.progress);
	struct engine *engine = api->options.engine;
	struct pending_reply *first = reply_queue_first(&api->doctor.queue);

	if (first && list_empty(&engine->doctors)) {
		begin(container_of(first, struct examination, reply));
		first = reply_queue_first(&api->doctor.queue);
	}
	if (first)
		progress_await(&engine->progress, waiter, look);
}

void api_on_doctor(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	struct api *api = ctx;
	struct examination *examination = xnew(struct examination);

	examination->api = api;
	reply_begin(&examination->reply, &api->replies, &doctor_kind, call, message);
	reply_wait(&examination->reply, &api->doctor.queue, 0);
	look(&api->doctor.progress);
}

void api_open_doctor(struct api *api)
{
	reply_queue_init(&api->doctor.queue, api->options.engine->loop, NULL);
}

void api_close_doctor(struct api *api)
{
	progress_leave(&api->doctor.progress);
}
