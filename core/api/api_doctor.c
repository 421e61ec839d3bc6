/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: one examination at a time; who asks meanwhile is told so. */
#include <errno.h>

#include "core/api/api_internal.h"
#include "core/base/log.h"
#include "core/doctor/doctor.h"

/* One request. Outlives the API when that closes: the engine ends it. */
struct examination {
	struct list link; /* struct api.doctors; unlinked: nobody waits any more */
	struct rpc_server_call *server_call;
	Api__DoctorResponse *reply;
	struct call call;
};

static void on_examined(struct call *call)
{
	struct examination *examination = container_of(call, struct examination, call);
	bool waited_for = list_linked(&examination->link);

	list_remove(&examination->link);
	if (waited_for && call->status < 0)
		rpc_server_fail(examination->server_call, call->status, &call->err);
	else if (waited_for)
		rpc_server_reply(examination->server_call, &examination->reply->base);
	if (examination->reply)
		protobuf_c_message_free_unpacked(&examination->reply->base, NULL);
	free(examination);
}

void api_cancel_doctors(struct api *api)
{
	struct examination *examination;
	struct error err;

	error_set(&err, -ECONNREFUSED, "kukeond is stopping");
	list_for_each(examination, &api->doctors, link) {
		list_remove(&examination->link);
		rpc_server_fail(examination->server_call, err.code, &err);
	}
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
	examination->server_call = call;
	list_append(&api->doctors, &examination->link);
	call_init(&examination->call, engine->loop, on_examined);
	doctor_examine(engine, &options, &examination->reply, &examination->call);
}
