/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of canned answers in a child process, and kuke told where it is. What it was asked is
 * written to a file, for the test to read. For tests only.
 */
#pragma once

#include "tests/unit/run_kuke.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api/kukeon.pb-c.h"
#include "cli/cli.h"
#include "core/base/fs.h"
#include "core/base/str.h"
#include "core/manifest/manifest.h"
#include "core/rpc/rpc.h"

/* The generated structs have no const, literals have. */
#define TEXT(literal) ((char *)(literal))

#define SERVICE "/kukeon.v1beta1.Kukeon/"
#define ADMIN "/kukeon.v1beta1.Admin/"

struct stub {
	char directory[32];
	char requests[48]; /* the file */
	struct sockaddr_un address;
	char variable[sizeof(((struct sockaddr_un *)0)->sun_path) + 16];
	char *environment[2];
	pid_t pid;
	const void *script; /* what the test's own handlers want to know */

	/* in the child */
	struct loop loop;
};

/* ---- the server ---- */

UNUSED static Api__Cell *new_cell(const char *name, Api__State state, const char *reason)
{
	Api__Cell *cell = xnew(Api__Cell);

	api__cell__init(cell);
	cell->api_version = TEXT("v1beta1");
	cell->kind = TEXT("Cell");
	cell->metadata = xnew(Api__Metadata);
	api__metadata__init(cell->metadata);
	cell->metadata->name = xstrdup(name);
	cell->spec = xnew(Api__CellSpec);
	api__cell_spec__init(cell->spec);
	cell->spec->id = cell->metadata->name;
	cell->spec->realm_id = cell->spec->space_id = cell->spec->stack_id = TEXT("default");
	cell->status = xnew(Api__CellStatus);
	api__cell_status__init(cell->status);
	cell->status->has_state = true;
	cell->status->state = state;
	cell->status->reason = TEXT(reason);
	return cell;
}

/* Nothing is freed: the process ends with the test. */
UNUSED static Api__Object *new_object(const char *name, Api__State state, const char *reason)
{
	Api__Object *object = xnew(Api__Object);

	api__object__init(object);
	object->object_case = API__OBJECT__OBJECT_CELL;
	object->cell = new_cell(name, state, reason);
	return object;
}

/* Adds a request to the file, as a document of YAML. */
UNUSED static void stub_record(const struct stub *stub, const ProtobufCMessage *request)
{
	AUTO_BUF struct buf text = { 0 };
	int fd = open(stub->requests, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	buf_add_str(&text, "---\n");
	manifest_emit_yaml(request, &text);
	check(write(fd, text.data, text.len) == (ssize_t)text.len);
	close(fd);
}

static _Noreturn void stub_serve(struct stub *stub, int listen_fd, const struct rpc_method *methods,
				 size_t n_methods)
{
	const struct rpc_server_options options = { .listen_fd = listen_fd,
						    .methods = methods,
						    .n_methods = n_methods,
						    .ctx = stub,
						    .idle_timeout_ms = 60000 };
	struct rpc_server *server;
	struct rpc *rpc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check(loop_open(&stub->loop, LOOP_CLOCK_BOOTTIME, NULL) == 0);
	check(rpc_open(&rpc, &stub->loop, NULL) == 0);
	check(rpc_server_open(&server, rpc, &options, NULL) == 0);
	loop_run(&stub->loop);
	_exit(0);
}

/* ---- the test's side ---- */

/* The socket listens before the child does anything: no race with kuke. */
static void stub_init(struct stub *stub, const struct rpc_method *methods, size_t n_methods,
		      const void *script)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*stub = (struct stub){ .directory = "/tmp/kuke-test-XXXXXX",
			       .address.sun_family = AF_UNIX,
			       .script = script };
	assert_non_null(mkdtemp(stub->directory));
	snprintf(stub->requests, sizeof(stub->requests), "%s/requests", stub->directory);
	snprintf(stub->address.sun_path, sizeof(stub->address.sun_path), "%s/s", stub->directory);
	snprintf(stub->variable, sizeof(stub->variable), "KUKEON_SOCKET=%s",
		 stub->address.sun_path);
	stub->environment[0] = stub->variable;
	assert_int_equal(bind(fd, (struct sockaddr *)&stub->address, sizeof(stub->address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	stub->pid = fork();
	assert_true(stub->pid >= 0);
	if (stub->pid == 0)
		stub_serve(stub, fd, methods, n_methods);
	close(fd);
}

static void stub_stop(struct stub *stub)
{
	kill(stub->pid, SIGKILL);
	assert_int_equal(waitpid(stub->pid, NULL, 0), stub->pid);
}

static void stub_clean(struct stub *stub)
{
	unlink(stub->address.sun_path);
	unlink(stub->requests);
	assert_int_equal(rmdir(stub->directory), 0);
}

UNUSED static void stub_fini(struct stub *stub)
{
	stub_stop(stub);
	stub_clean(stub);
}

/* What was asked since the last time. Free with free(). */
UNUSED static char *stub_requests(const struct stub *stub)
{
	struct buf text = { 0 };

	if (access(stub->requests, F_OK) == 0)
		assert_int_equal(fs_read_file(AT_FDCWD, stub->requests, 1 << 20, &text, NULL), 0);
	unlink(stub->requests);
	return buf_take(&text);
}
