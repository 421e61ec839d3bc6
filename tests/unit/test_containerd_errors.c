/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "core/base/buf.h"
#include "drivers/ctd/client.h"
#include "drivers/ctd/labels.h"

/* A '$' at the end of @part stands for the end of the text. */
static bool has_part(const char *text, const char *part)
{
	size_t len = strlen(part);
	AUTO_FREE char *last = NULL;

	if (part[len - 1] != '$')
		return strstr(text, part);
	last = xstrndup(part, --len);
	return strlen(text) >= len && str_equal(text + strlen(text) - len, last);
}

/* Layer upon layer of words around a cause that comes last: it is told, and what it means. */
static void test_long_text(void **state UNUSED)
{
	enum { LONG_BYTES = 3000 };
	const struct client_attempt attempt = { .socket = "/s.sock",
						.step = "start the task",
						.object = "container s_t_c_root" };
	AUTO_BUF struct buf peer = { 0 };
	struct error origin, err = { 0 };

	while (peer.len < LONG_BYTES)
		buf_printf(&peer, "failed to mount /run/containerd/l%zu\xc3\xa4ng: ", peer.len);
	buf_add_str(&peer, "no space left on device: unknown");
	error_set(&origin, -EIO, "%s", peer.data); /* as what speaks gRPC hands it on */
	assert_int_equal(client_explain(&attempt, -EIO, origin.msg, &err), -ENOSPC);
	error_wrap(&err, err.code, "cell r/s/t/c");
	assert_true(strlen(err.msg) < ERROR_MSG_MAX_BYTES);
	if (!has_part(err.msg, "cell r/s/t/c: container s_t_c_root: start the task: failed to "
			       "mount /run/containerd/l0") ||
	    !has_part(err.msg, " \xe2\x80\xa6 ") ||
	    !has_part(err.msg, ": no space left on device$"))
		fail_msg("\"%s\"", err.msg);
}

static const struct {
	int status;
	const char *peer;
	int code;
	bool transient;
	const char *part;
} explained[] = {
	{ -ECONNREFUSED, "connect: no such file", -ECONNREFUSED, true,
	  "does not answer on /s.sock" },
	{ -ETIMEDOUT, "", -ETIMEDOUT, true, "within 60 s" },
	{ -ENOSYS, "unknown service", -ENOSYS, false, "1.6 or later" },
	{ -EIO, "shim: ttrpc: closed: unknown", -EAGAIN, true, "ttrpc" },
	{ -EIO, "failed to delete task: cannot delete a running process: unknown", -EBUSY, true,
	  "running" },
	{ -EIO, "mkdir: no space left on device: unknown", -ENOSPC, true, "no space" },
	{ -EIO, "exec: \"nope\": executable file not found in $PATH", -EIO, false, "nope" },
	{ -ENOENT, "container x: not found", -ENOENT, false, "start the task: container x" },
	{ -EBUSY, NULL, -EBUSY, true, "start the task" },
	{ -EIO,
	  "failed to create shim task: OCI runtime create failed: runc create failed: "
	  "unable to start container process: exec: \"/no\": stat /no: no such file or "
	  "directory: unknown",
	  -EIO, false, "start the task: exec: \"/no\": stat /no: no such file or directory$" },
	{ -EIO, /* a later runc */
	  "failed to create shim task: OCI runtime create failed: runc create failed: "
	  "unable to start container process: error during container init: exec: \"/no\": "
	  "stat /no: no such file or directory",
	  -EIO, false, "start the task: exec: \"/no\": stat /no: no such file or directory$" },
	{ -EIO, /* crun */
	  "failed to create shim task: OCI runtime create failed: crun: executable file "
	  "`/no` not found: No such file or directory: unknown",
	  -EIO, false,
	  "start the task: crun: executable file `/no` not found: No such file or "
	  "directory$" },
	{ -EIO, ": unknown", -EIO, false, "start the task: : unknown$" },
	{ -EACCES, "denied", -EACCES, false, "who may use /s.sock" },
};

static void test_explain(void **state UNUSED)
{
	const struct client_attempt attempt = { .socket = "/s.sock",
						.step = "start the task",
						.object = "container s_t_c_root",
						.namespace_ = "kukeon-r",
						.timeout_ms = 60000 };

	for (size_t i = 0; i < ARRAY_SIZE(explained); i++) {
		struct error err = { 0 };

		assert_int_equal(
			client_explain(&attempt, explained[i].status, explained[i].peer, &err),
			explained[i].code);
		assert_int_equal(err.code, explained[i].code);
		assert_int_equal(error_is_transient(err.code), explained[i].transient);
		if (!has_part(err.msg, explained[i].part) ||
		    !str_starts_with(err.msg,
				     "container s_t_c_root in containerd namespace kukeon-r: "))
			fail_msg("expected \"%s\" in \"%s\"", explained[i].part, err.msg);
	}
}

static const struct container_request request = {
	.ref = { "kukeon-r", "s_t_c_web" }, .cell_key = "r/s/t/c", .role = "web", .spec_hash = "abc"
};

static void test_labels_roundtrip(void **state UNUSED)
{
	Api__ContainerSpec spec = API__CONTAINER_SPEC__INIT;
	struct container_request full = request;
	struct container_fact fact = { 0 };
	struct labels labels = { 0 };

	spec.id = (char *)"web";
	full.spec = &spec;
	labels_add_container(&labels, "/opt/kukeon", &full);
	assert_true(labels_read_container(labels.refs, labels.n, "/opt/kukeon", &fact));
	assert_string_equal(fact.cell_key, "r/s/t/c");
	assert_string_equal(fact.role, "web");
	assert_string_equal(fact.container, "web");
	assert_string_equal(fact.spec_hash, "abc");
	container_fact_fini(&fact);
	assert_false(labels_read_container(labels.refs, labels.n, "/opt/other", &fact));
}

/* Labels are writable by whoever may use the socket: they must not lead out of the hierarchy. */
static void test_labels_refused(void **state UNUSED)
{
	static const char *const keys[] = { LABEL_REALM, LABEL_SPACE, LABEL_STACK,
					    LABEL_CELL,  LABEL_ROLE,  LABEL_CONTAINER };
	static const char *const bad[] = { "", "..", "a/b", "-a", "a b" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(bad); j++) {
			struct container_fact fact = { 0 };
			struct labels labels = { 0 };

			labels_add(&labels, LABEL_INSTANCE, "/opt/kukeon");
			for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
				labels_add(&labels, keys[k], k == i ? bad[j] : "good");
			assert_false(
				labels_read_container(labels.refs, labels.n, "/opt/kukeon", &fact));
			assert_null(fact.cell_key);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_labels_roundtrip),
		cmocka_unit_test(test_labels_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
