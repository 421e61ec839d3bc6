/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bare_ctd.h"

#include <grpc/support/time.h>

#include "core/base/buf.h"
#include "tests/bench/bench.h"

enum { TIMEOUT_MS = 60 * 1000 };

struct ctd {
	grpc_channel *channel;
	char *namespace_;
};

/* One queue a call: threads do not wait for each other. */
static void begin(struct ctd *ctd, struct rpc_exchange *exchange, grpc_completion_queue **ret_queue,
		  const char *method)
{
	*ret_queue = grpc_completion_queue_create_for_next(NULL);
	rpc_exchange_init(exchange, ctd->channel, *ret_queue, method, TIMEOUT_MS);
}

static void await_tag(grpc_completion_queue *queue)
{
	grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
}

static void end(struct rpc_exchange *exchange, grpc_completion_queue *queue)
{
	rpc_exchange_fini(exchange);
	grpc_completion_queue_shutdown(queue);
	await_tag(queue);
	grpc_completion_queue_destroy(queue);
}

/* The header lives as long as the call. */
static struct rpc_exchange_request make_request(struct ctd *ctd, const ProtobufCMessage *message,
						grpc_metadata *header)
{
	*header = (grpc_metadata){ .key = grpc_slice_from_static_string("containerd-namespace"),
				   .value = grpc_slice_from_static_string(ctd->namespace_) };
	return (struct rpc_exchange_request){ .message = message,
					      .headers = header,
					      .n_headers = 1 };
}

static void expect_ok(const struct rpc_exchange *exchange, const char *method)
{
	struct error err;

	if (rpc_status_error(exchange->status, exchange->details, "containerd", &err) < 0)
		bench_fail("%s: %s", method, err.msg);
}

static ProtobufCMessage *unpack(struct rpc_exchange *exchange,
				const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message;
	struct error err;

	if (!exchange->reply || rpc_message_unpack(exchange->reply, type, &message, &err) < 0)
		bench_fail("containerd's answer is no %s", type->name);
	return message;
}

ProtobufCMessage *ctd_call(struct ctd *ctd, const char *method, const ProtobufCMessage *request,
			   const ProtobufCMessageDescriptor *reply_type)
{
	grpc_metadata header;
	struct rpc_exchange_request wire = make_request(ctd, request, &header);
	grpc_completion_queue *queue;
	struct rpc_exchange exchange;
	ProtobufCMessage *reply = NULL;

	begin(ctd, &exchange, &queue, method);
	rpc_exchange_start_unary(&exchange, &wire, &exchange);
	await_tag(queue);
	expect_ok(&exchange, method);
	if (reply_type)
		reply = unpack(&exchange, reply_type);
	end(&exchange, queue);
	return reply;
}

ProtobufCMessage *ctd_call_name(struct ctd *ctd, const char *method, const char *name,
				const ProtobufCMessageDescriptor *reply_type)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;

	request.name = (char *)name;
	return ctd_call(ctd, method, &request.base, reply_type);
}

/* ---- a stream, read to its end ---- */

static bool add_chunk(struct rpc_exchange *exchange, struct buf *document)
{
	Ctd__ContentChunk *chunk;

	if (!exchange->reply)
		return false;
	chunk = (Ctd__ContentChunk *)unpack(exchange, &ctd__content_chunk__descriptor);
	buf_add(document, chunk->data.data, chunk->data.len);
	protobuf_c_message_free_unpacked(&chunk->base, NULL);
	return true;
}

char *ctd_read_blob(struct ctd *ctd, const char *digest, size_t *ret_len)
{
	static const char method[] = "/containerd.services.content.v1.Content/Read";
	Ctd__ContentReadRequest request = CTD__CONTENT_READ_REQUEST__INIT;
	grpc_metadata header;
	struct rpc_exchange_request wire = make_request(ctd, &request.base, &header);
	grpc_completion_queue *queue;
	struct rpc_exchange exchange;
	struct buf document = { 0 };
	char open_tag, status_tag, message_tag;

	request.digest = (char *)digest;
	begin(ctd, &exchange, &queue, method);
	rpc_exchange_start_stream(&exchange, &wire, &open_tag, &status_tag);
	rpc_exchange_start_receive(&exchange, &message_tag);
	for (int pending = 3; pending > 0;) {
		grpc_event event =
			grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

		if (event.tag == &message_tag && add_chunk(&exchange, &document))
			rpc_exchange_start_receive(&exchange, &message_tag);
		else
			pending--;
	}
	expect_ok(&exchange, method);
	end(&exchange, queue);
	*ret_len = document.len;
	return buf_take(&document);
}

/* ---- waiting for an exit ---- */

static const char wait_method[] = "/containerd.services.tasks.v1.Tasks/Wait";

void ctd_wait_begin(struct ctd *ctd, struct ctd_wait *wait, const char *id)
{
	Ctd__NameRequest request = CTD__NAME_REQUEST__INIT;
	grpc_metadata header;
	struct rpc_exchange_request wire = make_request(ctd, &request.base, &header);

	request.name = (char *)id;
	begin(ctd, &wait->exchange, &wait->queue, wait_method);
	rpc_exchange_start_unary(&wait->exchange, &wire, wait);
}

void ctd_wait_end(struct ctd_wait *wait)
{
	await_tag(wait->queue);
	expect_ok(&wait->exchange, wait_method);
	end(&wait->exchange, wait->queue);
}

/* ---- life ---- */

struct ctd *ctd_open(const char *socket, const char *namespace_)
{
	AUTO_FREE char *target = xasprintf("unix:%s", socket);
	struct ctd *ctd = xnew(struct ctd);
	Ctd__Empty request = CTD__EMPTY__INIT;

	rpc_library_init();
	ctd->channel = rpc_channel_create(target);
	ctd->namespace_ = xstrdup(namespace_);
	ctd_call(ctd, "/containerd.services.version.v1.Version/Version", &request.base, NULL);
	return ctd;
}

void ctd_close(struct ctd *ctd)
{
	if (!ctd)
		return;
	grpc_channel_destroy(ctd->channel);
	free(ctd->namespace_);
	free(ctd);
	rpc_library_fini();
}
