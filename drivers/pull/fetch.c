/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/pull/fetch.h"

#include <errno.h>

#include "api/containerd.pb-c.h"
#include "drivers/ctd/methods.h"
#include "drivers/images/lease.h"
#include "drivers/pull/pull_private.h"

enum {
	/* What comes is gathered, since containerd is slow with small messages; and bounded, since
	 * it may be slower than the network. */
	FETCH_SEND_BYTES = 128 * 1024,
	FETCH_BUFFER_BYTES = 256 * 1024,
	/* containerd reads again, and hashes, what is there of a blob of some GiB */
	CONTENT_STILL_MS = 5 * 60 * 1000,
};

static struct loop *fetch_loop(const struct fetch *fetch)
{
	return loop_of(fetch->pull);
}

static struct client_scope scope_of(const struct fetch *fetch)
{
	return (struct client_scope){
		.namespace_ = fetch->pull->namespace_,
		.lease = fetch->pull->lease,
	};
}

/* ---- the end ---- */

static struct fetch *find_waiting(const struct fetch *fetch)
{
	struct fetch *other;

	list_for_each(other, &fetch->pull->driver->fetches, link)
		if (other->waits && !other->failure.code &&
		    str_equal(other->blob->digest, fetch->blob->digest) &&
		    str_equal(other->pull->namespace_, fetch->pull->namespace_))
			return other;
	return NULL;
}

static void open_writer(struct fetch *fetch);

static void on_deferred_end(struct deferred *deferred)
{
	struct fetch *fetch = container_of(deferred, struct fetch, end), *waiting;

	list_remove(&fetch->link);
	waiting = fetch->waits ? NULL : find_waiting(fetch);
	fetch->running = fetch->waits = false;
	if (waiting) {
		waiting->waits = false;
		open_writer(waiting);
	}
	registry_manifest_fini(&fetch->document);
	buf_fini(&fetch->buf);
	free(take_ptr(fetch->ref));
	fetch->on_end(fetch);
}

static void end_if_over(struct fetch *fetch);

static void on_aborted(struct call *call)
{
	struct fetch *fetch = container_of(call, struct fetch, call);

	rpc_unary_fini(&fetch->abort);
	fetch->aborting = false;
	end_if_over(fetch);
}

/* What is whole and wrong would stay, and be gone on from. */
static void abort_ingest(struct fetch *fetch)
{
	Ctd__ContentAbortRequest request = CTD__CONTENT_ABORT_REQUEST__INIT;
	const struct client_scope scope = scope_of(fetch);

	fetch->wrong = false;
	fetch->aborting = true;
	request.ref = fetch->ref;
	call_init(&fetch->call, fetch_loop(fetch), on_aborted);
	client_unary(fetch->pull->driver->images->ctd->channel, &content_abort_method, &scope,
		     &request.base, &fetch->abort, &fetch->call);
}

static void end_if_over(struct fetch *fetch)
{
	if (fetch->writing || fetch->asking || fetch->aborting)
		return;
	if (fetch->wrong)
		abort_ingest(fetch);
	else
		loop_defer(fetch_loop(fetch), &fetch->end, on_deferred_end);
}

static void ask_no_more(struct fetch *fetch)
{
	if (fetch->document.state)
		registry_manifest_cancel(&fetch->document);
	if (fetch->source.state)
		registry_blob_cancel(&fetch->source);
}

/* Keeps the first, and ends both sides. */
static void fail(struct fetch *fetch, const struct failure *why)
{
	if (!fetch->failure.code)
		fetch->failure = *why;
	if (fetch->writing)
		blob_writer_cancel(&fetch->writer);
	ask_no_more(fetch);
}

static void fail_with(struct fetch *fetch, enum image_fault fault, int code, const char *what)
{
	struct failure why = { .code = code, .fault = fault };

	error_set(&why.err, code, "blob %s: %s", fetch->blob->digest, what);
	fail(fetch, &why);
}

/* ---- what comes ---- */

static int64_t count_left(const struct fetch *fetch)
{
	return fetch->blob->size - fetch->writer.offset - (int64_t)fetch->buf.len;
}

/* As much as can be sent now. */
static void send_now(struct fetch *fetch)
{
	size_t room = fetch->writing ? blob_writer_room(&fetch->writer) : 0;
	size_t n = room < fetch->buf.len ? room : fetch->buf.len;

	if (n == 0)
		return;
	blob_writer_write(&fetch->writer, fetch->buf.data, n);
	memmove(fetch->buf.data, fetch->buf.data + n, fetch->buf.len - n);
	fetch->buf.len -= n;
}

/* Once it is worth a message. */
static void flush(struct fetch *fetch)
{
	if (fetch->buf.len >= FETCH_SEND_BYTES || count_left(fetch) == 0)
		send_now(fetch);
}

static bool has_room(struct fetch *fetch, size_t len)
{
	if (fetch->buf.len + len > FETCH_BUFFER_BYTES)
		send_now(fetch);
	return fetch->buf.len == 0 || fetch->buf.len + len <= FETCH_BUFFER_BYTES;
}

static void count(struct fetch *fetch, size_t len)
{
	fetch->fetched += len;
	if (fetch->on_bytes)
		fetch->on_bytes(fetch);
	progress_add(fetch->pull, len);
}

static bool on_data(struct registry_blob *source, const char *data, size_t len)
{
	struct fetch *fetch = container_of(source, struct fetch, source);

	if (fetch->failure.code)
		return true;
	if ((int64_t)len > count_left(fetch)) {
		fail_with(fetch, IMAGE_FAULT_INVALID, -EBADMSG, "more came than its size");
		return true;
	}
	fetch->paused = !has_room(fetch, len);
	if (fetch->paused)
		return false;
	buf_add(&fetch->buf, data, len);
	count(fetch, len);
	flush(fetch);
	return true;
}

static void on_blob_asked(struct call *call)
{
	struct fetch *fetch = container_of(call, struct fetch, call);
	struct failure why = { .code = call->status,
			       .err = call->err,
			       .fault = fetch->source.failure.fault,
			       .retry_after_ms = fetch->source.failure.retry_after_ms };

	fetch->asking = false;
	if (call->status < 0 && !fetch->written)
		fail(fetch, &why);
	else if (!fetch->written && !fetch->failure.code && count_left(fetch) > 0)
		fail_with(fetch, IMAGE_FAULT_INVALID, -EBADMSG, "less came than its size");
	end_if_over(fetch);
}

static void on_document_asked(struct call *call)
{
	struct fetch *fetch = container_of(call, struct fetch, call);
	const struct buf *body = &fetch->document.body;
	struct failure why = { .code = call->status,
			       .err = call->err,
			       .fault = fetch->document.failure.fault,
			       .retry_after_ms = fetch->document.failure.retry_after_ms };

	fetch->asking = false;
	if (fetch->written) {
		end_if_over(fetch);
		return;
	}
	if (call->status < 0) {
		fail(fetch, &why);
	} else if ((int64_t)body->len != fetch->blob->size) {
		fail_with(fetch, IMAGE_FAULT_INVALID, -EBADMSG, "it has another size than said");
	} else if (!fetch->failure.code) {
		buf_add(&fetch->buf, body->data + fetch->writer.offset,
			body->len - (size_t)fetch->writer.offset);
		count(fetch, fetch->buf.len);
		flush(fetch);
	}
	end_if_over(fetch);
}

static void ask(struct fetch *fetch)
{
	fetch->asked = fetch->asking = true;
	fetch->fetched = (uint64_t)fetch->writer.offset;
	if (fetch->on_bytes)
		fetch->on_bytes(fetch);
	if (fetch->is_document) {
		call_init(&fetch->call, fetch_loop(fetch), on_document_asked);
		fetch->document = (struct registry_manifest){ .session = fetch->pull->session,
							      .digest = fetch->blob->digest };
		registry_manifest_ask(&fetch->document, &fetch->call);
		return;
	}
	call_init(&fetch->call, fetch_loop(fetch), on_blob_asked);
	fetch->source = (struct registry_blob){
		.session = fetch->pull->session,
		.digest = fetch->blob->digest,
		.media_type = fetch->blob->media_type,
		.size = fetch->blob->size,
		.offset = fetch->writer.offset,
		.on_data = on_data,
	};
	registry_blob_fetch(&fetch->source, &fetch->call);
}

/* ---- what is written ---- */

static void on_room(struct blob_writer *writer)
{
	struct fetch *fetch = container_of(writer, struct fetch, writer);

	if (fetch->failure.code)
		return;
	if (!fetch->asked)
		ask(fetch);
	flush(fetch);
	if (fetch->paused && fetch->source.state) {
		send_now(fetch);
		fetch->paused = false;
		registry_blob_resume(&fetch->source);
	}
}

/* Whatever it says but a full disk may be of a connection that broke, an ingest that is still
 * locked, a lease that was collected. */
static struct failure explain(const struct fetch *fetch, int status, const struct error *err)
{
	const struct client_attempt attempt = {
		.socket = fetch->pull->driver->images->ctd->socket,
		.step = "write a blob",
		.object = fetch->pull->object,
		.namespace_ = fetch->pull->namespace_,
		.timeout_ms = CONTENT_STILL_MS,
	};
	struct failure why = { .fault = IMAGE_FAULT_OTHER };

	why.code = client_explain(&attempt, status, err->msg, &why.err);
	why.again = why.code != -ENOSPC;
	return why;
}

static void on_written(struct blob_writer *writer, int status, const struct error *err)
{
	struct fetch *fetch = container_of(writer, struct fetch, writer);
	struct failure why;

	fetch->writing = false;
	fetch->written = status == 0;
	fetch->wrong = status == -EBADMSG;
	if (fetch->written) {
		ask_no_more(fetch);
	} else if (fetch->wrong && !writer->wrong) {
		fail_with(fetch, IMAGE_FAULT_INVALID, -EBADMSG,
			  "what came is something else than its digest says");
	} else {
		why = explain(fetch, status, err);
		fail(fetch, &why);
	}
	end_if_over(fetch);
}

static void open_writer(struct fetch *fetch)
{
	const struct client_scope scope = scope_of(fetch);

	fetch->writing = true;
	fetch->moved_ms = loop_now_ms(fetch_loop(fetch));
	fetch->writer = (struct blob_writer){
		.ref = fetch->ref,
		.digest = fetch->blob->digest,
		.size = fetch->blob->size,
		.on_room = on_room,
		.on_end = on_written,
	};
	blob_writer_open(&fetch->writer, fetch->pull->driver->images->ctd->channel, &scope);
}

/* ---- life ---- */

static bool another_is_at_it(const struct fetch *fetch)
{
	struct fetch *other;

	list_for_each(other, &fetch->pull->driver->fetches, link)
		if (!other->waits && str_equal(other->blob->digest, fetch->blob->digest) &&
		    str_equal(other->pull->namespace_, fetch->pull->namespace_))
			return true;
	return false;
}

void fetch_start(struct fetch *fetch)
{
	check(!fetch->running);
	fetch->running = true;
	fetch->ref = xasprintf(PULL_REF_PREFIX "%s", fetch->blob->digest);
	fetch->waits = another_is_at_it(fetch);
	list_append(&fetch->pull->driver->fetches, &fetch->link);
	if (!fetch->waits)
		open_writer(fetch);
}

void fetch_cancel(struct fetch *fetch)
{
	if (!fetch->running || fetch->failure.code)
		return;
	fail_with(fetch, IMAGE_FAULT_OTHER, -ECANCELED, "cancelled");
	end_if_over(fetch);
}

void fetch_watch(struct fetch *fetch, uint64_t now_ms)
{
	const struct blob_writer *writer = &fetch->writer;
	int64_t at = writer->answered + writer->opened;
	bool owes = !writer->opened || writer->committing || writer->answered < writer->offset;

	if (!fetch->writing || fetch->failure.code)
		return;
	if (at != fetch->moved_to || !owes)
		fetch->moved_ms = now_ms;
	fetch->moved_to = at;
	if (now_ms - fetch->moved_ms > CONTENT_STILL_MS)
		fail_with(fetch, IMAGE_FAULT_OTHER, -ETIMEDOUT, "containerd does not take it");
}
