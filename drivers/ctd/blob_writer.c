/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/ctd/blob_writer.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/ctd/methods.h"

static struct blob_writer *to_writer(struct rpc_stream *stream)
{
	return container_of(stream, struct blob_writer, stream);
}

static Ctd__ContentWriteRequest request_of(const struct blob_writer *writer,
					   Ctd__ContentWriteAction action)
{
	Ctd__ContentWriteRequest request = CTD__CONTENT_WRITE_REQUEST__INIT;

	request.has_action = request.has_total = request.has_offset = true;
	request.action = action;
	request.ref = (char *)writer->ref;
	request.total = writer->size;
	request.expected = (char *)writer->digest;
	request.offset = writer->offset;
	return request;
}

/* ---- what is sent ---- */

static void commit(struct blob_writer *writer)
{
	Ctd__ContentWriteRequest request =
		request_of(writer, CTD__CONTENT_WRITE_ACTION__CONTENT_WRITE_ACTION_COMMIT);

	if (writer->committing || !rpc_stream_writable(&writer->stream))
		return;
	writer->committing = true;
	rpc_stream_send(&writer->stream, &request.base);
}

size_t blob_writer_room(const struct blob_writer *writer)
{
	int64_t room = BLOB_WINDOW_BYTES - (writer->offset - writer->answered);

	if (!writer->opened || writer->committing || !rpc_stream_writable(&writer->stream) ||
	    room <= 0)
		return 0;
	if (room > writer->size - writer->offset)
		room = writer->size - writer->offset;
	return room < BLOB_MESSAGE_MAX_BYTES ? (size_t)room : BLOB_MESSAGE_MAX_BYTES;
}

void blob_writer_write(struct blob_writer *writer, const void *data, size_t len)
{
	Ctd__ContentWriteRequest request =
		request_of(writer, CTD__CONTENT_WRITE_ACTION__CONTENT_WRITE_ACTION_WRITE);

	check(len > 0 && len <= blob_writer_room(writer));
	request.has_data = true;
	request.data.data = (uint8_t *)data;
	request.data.len = len;
	writer->offset += (int64_t)len;
	rpc_stream_send(&writer->stream, &request.base);
}

/* What can be done next. */
static void go_on(struct blob_writer *writer)
{
	if (!writer->opened)
		return;
	if (writer->offset == writer->size)
		commit(writer);
	else if (blob_writer_room(writer) > 0)
		writer->on_room(writer);
}

static void on_sent(struct rpc_stream *stream)
{
	go_on(to_writer(stream));
}

/* ---- what is answered ---- */

static void open_at(struct blob_writer *writer, int64_t offset)
{
	writer->opened = true;
	writer->offset = writer->answered = offset;
	if (offset < 0 || offset > writer->size) {
		writer->wrong = true;
		rpc_stream_cancel(&writer->stream);
	}
}

static void on_message(struct rpc_stream *stream, const ProtobufCMessage *message)
{
	const Ctd__ContentWriteResponse *response = (const Ctd__ContentWriteResponse *)message;
	struct blob_writer *writer = to_writer(stream);

	switch (response->action) {
	case CTD__CONTENT_WRITE_ACTION__CONTENT_WRITE_ACTION_STAT:
		open_at(writer, response->offset);
		break;
	case CTD__CONTENT_WRITE_ACTION__CONTENT_WRITE_ACTION_WRITE:
		if (response->offset > writer->answered && response->offset <= writer->offset)
			writer->answered = response->offset;
		break;
	default:
		writer->committed |= writer->committing;
		rpc_stream_finish(stream);
		return;
	}
	go_on(writer);
}

/* A commit of other bytes is a failed precondition: the digest, or the size. */
static int status_of(const struct blob_writer *writer, int status, const struct error *why,
		     struct error *err)
{
	if (writer->wrong)
		return error_set(err, -EBADMSG,
				 "what is there below ref %s is longer than the blob", writer->ref);
	if (status == -EEXIST || (status == 0 && writer->committed))
		return 0;
	if (status == -EBUSY && writer->committing)
		return error_set(err, -EBADMSG, "%s", why->msg);
	if (status == 0)
		return error_set(err, -EIO,
				 "containerd ended the stream before the blob was whole");
	*err = *why;
	return status;
}

static void on_end(struct rpc_stream *stream, int status, const struct error *why)
{
	struct blob_writer *writer = to_writer(stream);
	struct error err = { 0 };

	writer->existed = status == -EEXIST;
	status = status_of(writer, status, why, &err);
	writer->on_end(writer, status, status < 0 ? &err : NULL);
}

/* ---- life ---- */

void blob_writer_open(struct blob_writer *writer, struct rpc_channel *channel,
		      const struct client_scope *scope)
{
	Ctd__ContentWriteRequest request =
		request_of(writer, CTD__CONTENT_WRITE_ACTION__CONTENT_WRITE_ACTION_STAT);

	writer->stream.on_message = on_message;
	writer->stream.on_end = on_end;
	writer->stream.on_sent = on_sent;
	client_stream(channel, &content_write_method, scope, &request.base, &writer->stream);
}

void blob_writer_cancel(struct blob_writer *writer)
{
	rpc_stream_cancel(&writer->stream);
}
