/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: one examination at a time; who asks meanwhile is told so. */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/base/log.h"
#include "core/doctor/doctor.h"

/* One request. Outlives the reply, and the API when that closes: the engine ends it. */
struct examination {
	struct pending_reply reply;
	Api__DoctorResponse *response;
	struct call call;
};

static const struct reply_kind doctor_kind; /* it goes on whoever waits */

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

void api_on_doctor(struct rpc_server_call *call, const ProtobufCMessage *message, void *ctx)
{
	const Api__DoctorRequest *request = (const Api__DoctorRequest *)message;
	struct api *api = ctx;
	struct engine *engine = api->options.engine;
	const struct doctor_options options = { .config = api->options.config,
						.fix = request->fix,
						.only_managers = request->ask_firewalls };
	struct examination *examination;
	struct error err;

	if (!list_empty(&engine->doctors)) {
		error_set(&err, -EBUSY, "the host is being examined already; ask again");
		return rpc_server_fail(call, err.code, &err);
	}
	if (request->fix)
		log_info("doctor: asked to take away what nobody owns uid=%u",
			 (unsigned)rpc_server_call_peer(call).uid);
	examination = xnew(struct examination);
	reply_begin(&examination->reply, &api->replies, &doctor_kind, call, message);
	call_init(&examination->call, engine->loop, on_examined);
	doctor_examine(engine, &options, &examination->response, &examination->call);
}
