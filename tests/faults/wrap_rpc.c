/* SPDX-License-Identifier: Apache-2.0 */
/* The calls to containerd as acts (wrap.c): "<service>/<method> <namespace> <id> [cell=<key>]",
 * and in the end, of a list of tasks, those that are there. */
#include <errno.h>

#include "api/containerd.pb-c.h"
#include "core/base/list.h"
#include "core/base/str.h"
#include "core/rpc/rpc.h"
#include "tests/faults/faults.h"

static const int rpc_codes[] = { EIO, ETIMEDOUT, ECONNREFUSED, ENOSPC, 0 };

/* ---- what a request is about ---- */

static const void *field_of(const ProtobufCMessage *message, const char *name, ProtobufCType type)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);

	if (!field || field->type != type)
		return NULL;
	return *(const void *const *)((const char *)message + field->offset);
}

/* Whatever it calls the thing. */
static const char *id_of(const ProtobufCMessage *request)
{
	static const char *const names[] = { "container_id", "id", "key", "name" };
	const ProtobufCMessage *inner = field_of(request, "container", PROTOBUF_C_TYPE_MESSAGE);

	if (inner)
		return id_of(inner);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *id = field_of(request, names[i], PROTOBUF_C_TYPE_STRING);

		if (!str_empty(id))
			return id;
	}
	return "-";
}

static const char *label(Ctd__Label *const *labels, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_equal(labels[i]->key, name))
			return labels[i]->value;
	return NULL;
}

static void add_cell(struct buf *text, Ctd__Label *const *labels, size_t n)
{
	if (label(labels, n, "kukeon.io/cell"))
		buf_printf(text, " cell=%s/%s/%s/%s", label(labels, n, "kukeon.io/realm"),
			   label(labels, n, "kukeon.io/space"), label(labels, n, "kukeon.io/stack"),
			   label(labels, n, "kukeon.io/cell"));
}

static void describe(struct buf *text, const char *method, const struct rpc_header *headers,
		     const ProtobufCMessage *request)
{
	const char *dot = strrchr(method, '.'), *namespace_ = "-";

	for (size_t i = 0; i < RPC_HEADERS_MAX && headers[i].name; i++)
		if (str_equal(headers[i].name, "containerd-namespace"))
			namespace_ = headers[i].value;
	buf_printf(text, "%s %s %s", dot ? dot + 1 : method, namespace_, id_of(request));
	if (request->descriptor == &ctd__snapshot_request__descriptor) {
		const Ctd__SnapshotRequest *snapshot = (const Ctd__SnapshotRequest *)request;

		add_cell(text, snapshot->labels, snapshot->n_labels);
	}
	if (request->descriptor == &ctd__container_message__descriptor) {
		const Ctd__Container *record = ((const Ctd__ContainerMessage *)request)->container;

		add_cell(text, record->labels, record->n_labels);
	}
}

static void describe_reply(struct buf *text, const struct rpc_unary *unary)
{
	const Ctd__ProcessList *list = (const Ctd__ProcessList *)unary->reply;

	if (!unary->reply || unary->reply->descriptor != &ctd__process_list__descriptor)
		return;
	for (size_t i = 0; i < list->n_tasks; i++)
		buf_printf(text, " %s", list->tasks[i]->id);
}

/* ---- the calls ---- */

/* A call that is under way; all of them are the loop's. */
struct rpc_act {
	struct list link;
	const void *owner; /* its struct call or rpc_stream */
	const char *method;
	call_fn done;
	void (*on_end)(struct rpc_stream *stream, int status, const struct error *err);
	struct rpc_unary *unary;
	struct fault fault;
};

static struct list under_way = { &under_way, &under_way };

static int fail(const struct rpc_act *act, struct error *ret_err)
{
	return error_set(ret_err, -act->fault.code, "%s: injected failure: %s", act->method,
			 strerror(act->fault.code));
}

static void keep(const struct rpc_act *act)
{
	struct rpc_act *kept = xnew(struct rpc_act);

	*kept = *act;
	list_append(&under_way, &kept->link);
}

static struct rpc_act take(const void *owner)
{
	struct rpc_act *act, copy;

	list_for_each(act, &under_way, link) {
		if (act->owner != owner)
			continue;
		list_remove(&act->link);
		copy = *act;
		free(act);
		return copy;
	}
	check(!"a call that was not begun");
	abort();
}

static void on_answer(struct call *call)
{
	struct rpc_act act = take(call);
	AUTO_BUF struct buf seen = { 0 };

	describe_reply(&seen, act.unary);
	fault_end(&act.fault, -call->status, seen.data);
	if (act.fault.code)
		call->status = fail(&act, &call->err);
	call->done = act.done;
	call->done(call);
}

void __real_rpc_unary_start(struct rpc_channel *channel, struct rpc_unary *unary,
			    struct call *call);
void __wrap_rpc_unary_start(struct rpc_channel *channel, struct rpc_unary *unary,
			    struct call *call);

void __wrap_rpc_unary_start(struct rpc_channel *channel, struct rpc_unary *unary, struct call *call)
{
	struct rpc_act act = {
		.owner = call, .method = unary->method, .done = call->done, .unary = unary
	};
	AUTO_BUF struct buf detail = { 0 };

	describe(&detail, unary->method, unary->headers, unary->request);
	act.fault = fault_begin("rpc", detail.data, rpc_codes, true);
	if (act.fault.code && !act.fault.after) {
		struct error err;

		fault_end(&act.fault, act.fault.code, NULL);
		call_complete(call, fail(&act, &err), &err);
		return;
	}
	keep(&act);
	call->done = on_answer;
	__real_rpc_unary_start(channel, unary, call);
	fault_is_under_way(&act.fault);
}

static void on_stream_end(struct rpc_stream *stream, int status, const struct error *err)
{
	struct rpc_act act = take(stream);
	struct error injected;

	fault_end(&act.fault, -status, NULL);
	stream->on_end = act.on_end;
	if (act.fault.code)
		stream->on_end(stream, fail(&act, &injected), &injected);
	else
		stream->on_end(stream, status, err);
}

void __real_rpc_stream_start(struct rpc_channel *channel, struct rpc_stream *stream);
void __wrap_rpc_stream_start(struct rpc_channel *channel, struct rpc_stream *stream);

/* One that fails does so in the end, when everything has been received. */
void __wrap_rpc_stream_start(struct rpc_channel *channel, struct rpc_stream *stream)
{
	struct rpc_act act = { .owner = stream,
			       .method = stream->method,
			       .on_end = stream->on_end };
	AUTO_BUF struct buf detail = { 0 };

	describe(&detail, stream->method, stream->headers, stream->request);
	act.fault = fault_begin("rpc", detail.data, rpc_codes, false);
	keep(&act);
	stream->on_end = on_stream_end;
	__real_rpc_stream_start(channel, stream);
}
