/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs written into a real containerd's content store, in a test host: whole ones, ones that are
 * there, wrong ones, and what a broken stream left. Exit 77: not in a test host.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "api/containerd.pb-c.h"
#include "core/base/str.h"
#include "drivers/ctd/blob_writer.h"
#include "drivers/ctd/methods.h"

enum { SKIP = 77, WAIT_MS = 60 * 1000, BLOB_BYTES = 9 * 1024 * 1024 + 7 };

#define NAMESPACE "kukeon-blobtest"
#define LEASE "kukeon-blobtest"
#define SOCKET "/run/containerd/containerd.sock"

static struct {
	struct loop loop;
	struct rpc *rpc;
	struct rpc_channel *channel;
	struct timer guard;
	bool closed;
} host;

static const struct client_scope scope = { .namespace_ = NAMESPACE, .lease = LEASE };

/* ---- the host ---- */

static void on_guard(struct timer *timer UNUSED)
{
	fprintf(stderr, "nothing happened for %d ms\n", WAIT_MS);
	abort();
}

static void wait_for(const bool *flag)
{
	timer_start(&host.loop, &host.guard, WAIT_MS, on_guard);
	while (!*flag)
		uv_run(&host.loop.uv, UV_RUN_ONCE);
	timer_stop(&host.guard);
}

struct asking {
	struct call call;
	struct rpc_unary unary;
	bool done;
	int status;
};

static void on_asked(struct call *call)
{
	struct asking *asking = container_of(call, struct asking, call);

	asking->status = call->status;
	asking->done = true;
}

static int ask(const struct client_method *method, const ProtobufCMessage *request)
{
	const struct client_scope plain = { .namespace_ = NAMESPACE };
	struct asking asking = { 0 };

	call_init(&asking.call, &host.loop, on_asked);
	client_unary(host.channel, method, &plain, request, &asking.unary, &asking.call);
	wait_for(&asking.done);
	rpc_unary_fini(&asking.unary);
	return asking.status;
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static int open_host(void **state UNUSED)
{
	Ctd__LeaseCreateRequest lease = CTD__LEASE_CREATE_REQUEST__INIT;
	struct error err;

	assert_int_equal(loop_open(&host.loop, LOOP_CLOCK_BOOTTIME, &err), 0);
	assert_int_equal(rpc_open(&host.rpc, &host.loop, &err), 0);
	host.channel = rpc_channel_new(host.rpc, "unix:" SOCKET);
	lease.id = (char *)LEASE;
	assert_int_equal(ask(&leases_create_method, &lease.base), 0);
	return 0;
}

static int close_host(void **state UNUSED)
{
	Ctd__NameRequest lease = CTD__NAME_REQUEST__INIT;

	lease.name = (char *)LEASE;
	assert_int_equal(ask(&leases_delete_method, &lease.base), 0);
	rpc_channel_free(host.channel);
	rpc_close(host.rpc, on_closed, &host.closed);
	wait_for(&host.closed);
	loop_close(&host.loop);
	return 0;
}

/* ---- one blob ---- */

struct blob {
	struct blob_writer writer;
	const char *data;
	int64_t first, stop_at; /* where it began; where it is broken off, 0: nowhere */
	unsigned n_writes;
	int status;
	char why[ERROR_MSG_MAX_BYTES];
	bool begun, ended;
};

static void on_room(struct blob_writer *writer)
{
	struct blob *blob = container_of(writer, struct blob, writer);
	size_t room;

	if (!blob->begun)
		blob->first = writer->offset;
	blob->begun = true;
	while ((room = blob_writer_room(writer)) > 0) {
		if (blob->stop_at && writer->offset >= blob->stop_at) {
			if (writer->answered >= blob->stop_at)
				blob_writer_cancel(writer);
			return;
		}
		blob_writer_write(writer, blob->data + writer->offset, room);
		blob->n_writes++;
	}
}

static void on_end(struct blob_writer *writer, int status, const struct error *err)
{
	struct blob *blob = container_of(writer, struct blob, writer);

	blob->status = status;
	if (status < 0)
		snprintf(blob->why, sizeof(blob->why), "%s", err->msg);
	blob->ended = true;
}

static struct blob write_blob(const char *ref, const char *digest, const char *data, int64_t size,
			      int64_t stop_at)
{
	static struct blob blob;

	blob = (struct blob){
		.writer = { .ref = ref,
			    .digest = digest,
			    .size = size,
			    .on_room = on_room,
			    .on_end = on_end },
		.data = data,
		.stop_at = stop_at,
	};
	blob_writer_open(&blob.writer, host.channel, &scope);
	wait_for(&blob.ended);
	return blob;
}

/* Different at every place; free with free(). */
static char *make_data(size_t len, unsigned seed, char ret_digest[80])
{
	char hex[SHA256_HEX_BYTES], *data = xcalloc(len + 1, 1);

	for (size_t i = 0; i < len; i++)
		data[i] = (char)((i * 2654435761U + seed) >> 13);
	sha256_hex(data, len, hex);
	snprintf(ret_digest, 80, "sha256:%s", hex);
	return data;
}

static int abort_ref(const char *ref)
{
	Ctd__ContentAbortRequest request = CTD__CONTENT_ABORT_REQUEST__INIT;

	request.ref = (char *)ref;
	return ask(&content_abort_method, &request.base);
}

/* ---- tests ---- */

static void test_whole(void **state UNUSED)
{
	char digest[80];
	AUTO_FREE char *data = make_data(BLOB_BYTES, 1, digest);
	struct blob blob = write_blob("whole", digest, data, BLOB_BYTES, 0);

	if (blob.status < 0)
		fail_msg("%s", blob.why);
	assert_int_equal(blob.first, 0);
	assert_int_equal(blob.n_writes, 1 + BLOB_BYTES / BLOB_MESSAGE_MAX_BYTES);
	blob = write_blob("again", digest, data, BLOB_BYTES, 0); /* it is there */
	assert_int_equal(blob.status, 0);
	assert_int_equal(blob.n_writes, 0);
	assert_int_equal(abort_ref("whole"), -ENOENT);
}

static void test_small(void **state UNUSED)
{
	static const int64_t sizes[] = { 0, 1, BLOB_MESSAGE_MAX_BYTES, BLOB_MESSAGE_MAX_BYTES + 1 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char digest[80];
		AUTO_FREE char *data = make_data((size_t)sizes[i], 2, digest);
		struct blob blob = write_blob("small", digest, data, sizes[i], 0);

		if (blob.status < 0)
			fail_msg("%d bytes: %s", (int)sizes[i], blob.why);
	}
}

static void test_wrong(void **state UNUSED)
{
	char digest[80], other[80];
	AUTO_FREE char *data = make_data(1000, 3, digest);
	AUTO_FREE char *others = make_data(1000, 4, other);
	struct blob blob = write_blob("wrong", digest, others, 1000, 0);

	assert_int_equal(blob.status, -EBADMSG);
	assert_int_equal(abort_ref("wrong"), 0);
	blob = write_blob("wrong", digest, data, 1000, 0);
	assert_int_equal(blob.status, 0);
}

static void test_broken_off(void **state UNUSED)
{
	char digest[80];
	AUTO_FREE char *data = make_data(BLOB_BYTES, 5, digest);
	struct blob blob = write_blob("broken", digest, data, BLOB_BYTES, BLOB_BYTES / 2);

	assert_int_equal(blob.status, -ECANCELED);
	for (int tries = 0; tries < 100; tries++) { /* its lock goes a moment later */
		blob = write_blob("broken", digest, data, BLOB_BYTES, 0);
		if (blob.status == 0)
			break;
		assert_int_equal(blob.status, -ECONNREFUSED);
	}
	assert_int_equal(blob.status, 0);
	assert_true(blob.first >= BLOB_BYTES / 2);
}

static void test_too_long(void **state UNUSED)
{
	char digest[80];
	AUTO_FREE char *data = make_data(BLOB_BYTES, 6, digest);
	struct blob blob = write_blob("long", digest, data, BLOB_BYTES, BLOB_BYTES / 2);

	assert_int_equal(blob.status, -ECANCELED);
	for (int tries = 0; tries < 100 && blob.status != -EBADMSG; tries++)
		blob = write_blob("long", digest, data, 1000, 0);
	assert_int_equal(blob.status, -EBADMSG);
	assert_true(blob.why[0]); /* 1.6 says it at the commit, others where it is gone on from */
	assert_int_equal(abort_ref("long"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),    cmocka_unit_test(test_small),
		cmocka_unit_test(test_wrong),    cmocka_unit_test(test_broken_off),
		cmocka_unit_test(test_too_long),
	};
	struct stat st;

	if (!getenv("KUKEON_TEST_DIR") || stat(SOCKET, &st) < 0) {
		printf("not in a test host (scripts/testhost)\n");
		return SKIP;
	}
	return cmocka_run_group_tests(tests, open_host, close_host);
}
