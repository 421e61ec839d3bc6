/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests as a hostile client would send them: the first byte chooses the method, the rest are its
 * bytes. They go through the decoder, the check of the text, and the real handler on a whole core
 * with a host of plain data, up to the answer. The server below the handlers is replaced here: it
 * notes that each call is answered once, and that all memory comes back.
 */
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include "core/api/api.h"
#include "core/base/log.h"
#include "core/rpc/wire/message.h"
#include "tests/fake/host.h"

enum { RUN_MS = 3000, STREAM_MAX = 64, REQUESTS_MAX = 3, HUGE_BYTES = 64 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- the server that the handlers see ---- */

struct rpc_server {
	struct rpc_server_options options;
};

struct rpc_server_call {
	const struct rpc_stream_handler *handler;
	void *owner;
	unsigned n_sent;
	bool answered, receiving;
};

static struct rpc_server server;

int rpc_server_open(struct rpc_server **ret_server, struct rpc *rpc UNUSED,
		    const struct rpc_server_options *options, struct error *err UNUSED)
{
	server.options = *options;
	*ret_server = &server;
	return 0;
}

int rpc_server_listen(struct rpc_server *s UNUSED, int fd UNUSED, struct error *err UNUSED)
{
	return 0;
}

void rpc_server_close(struct rpc_server *s UNUSED, uint64_t grace_ms UNUSED,
		      void (*closed)(void *ctx), void *ctx)
{
	closed(ctx);
}

static void answer(struct rpc_server_call *call)
{
	check(!call->answered);
	call->answered = true;
}

static void check_packs(const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	AUTO_FREE uint8_t *packed = xcalloc(len, 1);

	check(protobuf_c_message_pack(message, packed) == len);
}

void rpc_server_reply(struct rpc_server_call *call, const ProtobufCMessage *reply)
{
	answer(call);
	check_packs(reply);
}

void rpc_server_fail(struct rpc_server_call *call, int code, const struct error *err UNUSED)
{
	check(code < 0);
	answer(call);
}

void rpc_server_end(struct rpc_server_call *call)
{
	answer(call);
}

struct rpc_peer rpc_server_call_peer(const struct rpc_server_call *call UNUSED)
{
	return (struct rpc_peer){ .uid = 0, .pid = 1 };
}

const atomic_bool *rpc_server_call_gone(const struct rpc_server_call *call UNUSED)
{
	static const atomic_bool waits; /* whoever asks waits for the answer */

	return &waits;
}

void rpc_server_when_gone(struct rpc_server_call *call UNUSED, void (*on_gone)(void *owner) UNUSED,
			  void *owner UNUSED)
{
}

void rpc_server_stream(struct rpc_server_call *call, const struct rpc_stream_handler *handler,
		       void *owner)
{
	call->handler = handler;
	call->owner = owner;
}

bool rpc_server_call_writable(const struct rpc_server_call *call)
{
	return call->handler && !call->answered && call->n_sent < STREAM_MAX;
}

void rpc_server_send(struct rpc_server_call *call, const ProtobufCMessage *message)
{
	check(rpc_server_call_writable(call));
	call->n_sent++;
	check_packs(message);
}

void rpc_server_receive(struct rpc_server_call *call)
{
	check(!call->receiving);
	call->receiving = !call->answered;
}

/* ---- the core ---- */

static const char manifest[] = "apiVersion: v1beta1\nkind: Cell\nmetadata: {name: web}\n"
			       "spec: {containers: [{id: root, image: busybox}]}\n";

static const char *watch_kind(void *ctx UNUSED)
{
	return "none";
}

static void nothing(void *ctx UNUSED)
{
}

static unsigned no_reading(void *ctx UNUSED)
{
	return 0;
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static void core_open(struct sim *sim, struct api **ret_api)
{
	const struct api_options options = {
		.engine = &sim->engine,
		.run_path = "/opt/kukeon",
		.watch_kind = watch_kind,
		.rescan = no_reading,
		.last_read = no_reading,
		.self = { .stop = nothing, .kill = nothing, .restart = nothing },
	};

	log_set_level(LOG_ERROR);
	sim_init(sim, 1);
	sim_start(sim);
	check(api_open(ret_api, &options, NULL) == 0);
	sim_file(sim, "/fuzz/web.yaml", manifest);
	sim_scanned(sim);
	sim_run(sim, RUN_MS);
}

static void core_close(struct sim *sim, struct api *api)
{
	bool closed = false;

	api_close(api, on_closed, &closed);
	for (int i = 0; i < 1000 && !closed; i++)
		sim_run(sim, RUN_MS);
	check(closed);
	sim_fini(sim);
}

/* ---- one request ---- */

/* As core/rpc/server_call.c does. NULL: refused before any handler. */
static ProtobufCMessage *decode(const struct rpc_method *method, const uint8_t *data, size_t len)
{
	grpc_slice slice = grpc_slice_from_copied_buffer((const char *)data, len);
	grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
	ProtobufCMessage *request = NULL;

	grpc_slice_unref(slice);
	if (rpc_message_unpack(buffer, method->request_type, &request, NULL) == 0 &&
	    rpc_message_check_text(request, NULL) < 0) {
		protobuf_c_message_free_unpacked(request, NULL);
		request = NULL;
	}
	grpc_byte_buffer_destroy(buffer);
	return request;
}

/* A stream of requests: the same again, then their end. */
static void send_more(struct sim *sim, const ProtobufCMessage *request,
		      struct rpc_server_call *call)
{
	for (int n = 0; n < REQUESTS_MAX && call->receiving && !call->answered; n++) {
		bool last = n == REQUESTS_MAX - 1;

		call->receiving = false;
		call->handler->on_message(call, last ? NULL : request, call->owner);
		sim_run(sim, RUN_MS);
	}
}

static void handle(struct sim *sim, const struct rpc_method *method, ProtobufCMessage *request,
		   struct rpc_server_call *call)
{
	method->on_request(call, request, server.options.ctx);
	sim_run(sim, RUN_MS);
	send_more(sim, request, call);
	protobuf_c_message_free_unpacked(request, NULL);
	if (call->handler)
		call->handler->on_closed(call, call->owner);
	call->handler = NULL;
	sim_run(sim, RUN_MS); /* what was under way for it ends */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rpc_server_call call = { 0 };
	const struct rpc_method *method;
	ProtobufCMessage *request;
	struct sim sim;
	struct api *api;

	if (len == 0 || len > HUGE_BYTES)
		return 0;
	core_open(&sim, &api);
	method = &server.options.methods[data[0] % server.options.n_methods];
	request = decode(method, data + 1, len - 1);
	if (request)
		handle(&sim, method, request, &call);
	core_close(&sim, api);
	check(!request || call.answered || call.n_sent > 0);
	return 0;
}
