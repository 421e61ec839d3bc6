/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/plugins/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/str.h"
#include "drivers/plugins/chain.h"

enum { DEADLINE_MS = 400, GRACE_MS = 100, MANY = 12 };

struct fixture {
	struct loop loop;
	struct exec_pool *pool;
	char dir[64];
	bool closed;
};

struct run {
	struct call call;
	struct exec_output output;
	bool done;
};

static const struct {
	const char *name, *body;
} scripts[] = {
	{ "ok", "cat; echo note >&2" },
	{ "env", "exec env" },
	{ "fails", "echo '{\"code\":7,\"msg\":\"bad\"}'; exit 1" },
	{ "again", "echo '{\"code\":11,\"msg\":\"later\"}'; exit 1" },
	{ "unknown", "echo '{\"code\":3,\"msg\":\"who\"}'; exit 1" },
	{ "junk", "echo 'panic: \001 oh no' >&2; echo junk; exit 2" },
	{ "liar", "echo junk" },
	{ "flood", "exec head -c 100000000 /dev/zero" },
	{ "stderrflood", "head -c 10000000 /dev/zero >&2; echo '{}'" },
	{ "hang", "exec sleep 60" },
	{ "stubborn", "trap '' TERM; while :; do sleep 0.05; done" },
	{ "deaf", "echo '{}'" },
	{ "forks", "sleep 60 & echo $!" },
	{ "dies", "kill -9 $$" },
	{ "first", "echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.2/24\"}]}'" },
	{ "second", "echo \"$CNI_COMMAND\" >>\"$CNI_CONTAINERID\"; cat >>\"$CNI_CONTAINERID\"; "
		    "echo '{\"ips\":[{\"address\":\"10.1.0.3/24\"}]}'" },
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-exec-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", f->dir, scripts[i].name);
		AUTO_FREE char *text = xasprintf("#!/bin/sh\n%s\n", scripts[i].body);

		assert_int_equal(fs_write_file_atomic(path, text, strlen(text), 0755, NULL), 0);
	}
	assert_int_equal(loop_open(&f->loop, LOOP_CLOCK_BOOTTIME, NULL), 0);
	f->pool = exec_pool_new(&f->loop, &(struct exec_pool_options){ .max_running = 4,
								       .deadline_ms = DEADLINE_MS,
								       .grace_ms = GRACE_MS });
	*state = f;
	return 0;
}

static void on_closed(void *ctx)
{
	((struct fixture *)ctx)->closed = true;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	exec_pool_close(f->pool, on_closed, f);
	while (!f->closed)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
	loop_close(&f->loop);
	/* No zombies. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

static void on_done(struct call *call)
{
	container_of(call, struct run, call)->done = true;
}

static void start(struct fixture *f, struct run *run, const char *name, const char *input)
{
	AUTO_FREE char *dirs = xasprintf("/nowhere:%s", f->dir);
	static char *const env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"CNI_X=1", NULL };

	*run = (struct run){ 0 };
	call_init(&run->call, &f->loop, on_done);
	exec_run(f->pool,
		 &(struct exec_request){ .dirs = dirs, .name = name, .env = env, .input = input },
		 &run->output, &run->call);
	assert_false(run->done);
}

static void wait_run(struct fixture *f, struct run *run)
{
	while (!run->done)
		uv_run(&f->loop.uv, UV_RUN_ONCE);
}

static void run_one(struct fixture *f, struct run *run, const char *name)
{
	start(f, run, name, "hello");
	wait_run(f, run);
}

static void test_outcomes(void **state)
{
	static const struct {
		const char *name;
		int status, exit_code;
		const char *out;
	} table[] = {
		{ "ok", 0, 0, "hello" },
		{ "env", 0, 0, NULL },
		{ "fails", 0, 1, "{\"code\":7,\"msg\":\"bad\"}\n" },
		{ "junk", 0, 2, "junk\n" },
		{ "deaf", 0, 0, "{}\n" },
		{ "stderrflood", 0, 0, "{}\n" },
		{ "flood", -EFBIG, 0, NULL },
		{ "hang", -ETIMEDOUT, 0, NULL },
		{ "stubborn", -ETIMEDOUT, 0, NULL },
		{ "dies", -EIO, 0, NULL },
		{ "missing", -ENOENT, 0, NULL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct run run;

		run_one(f, &run, table[i].name);
		if (run.call.status != table[i].status ||
		    run.output.exit_code != table[i].exit_code)
			fail_msg("%s: status %d exit %d (%s)", table[i].name, run.call.status,
				 run.output.exit_code, run.call.err.msg);
		if (table[i].out)
			assert_string_equal(run.output.out.data, table[i].out);
		if (table[i].status < 0)
			assert_non_null(strstr(run.call.err.msg, table[i].name));
		assert_true(run.output.err.len <= EXEC_ERR_MAX_BYTES);
		exec_output_fini(&run.output);
	}
}

static void test_environment_is_ours_alone(void **state)
{
	struct fixture *f = *state;
	struct run run;

	setenv("SECRET", "leak", 1);
	run_one(f, &run, "env");
	assert_null(strstr(run.output.out.data, "leak"));
	assert_non_null(strstr(run.output.out.data, "CNI_X=1"));
	exec_output_fini(&run.output);
}

/* A grandchild that holds stdout neither delays the end nor survives it. */
static void test_group_is_killed(void **state)
{
	struct fixture *f = *state;
	uint64_t start_ms = loop_now_ms(&f->loop);
	struct run run;
	pid_t pid;

	run_one(f, &run, "forks");
	assert_int_equal(run.call.status, 0);
	assert_true(loop_now_ms(&f->loop) - start_ms < DEADLINE_MS);
	pid = (pid_t)strtol(run.output.out.data, NULL, 10);
	assert_true(pid > 1);
	/* Its new parent reaps it in its own time: dead means gone or zombie. */
	for (int i = 0; i < 100 && kill(pid, 0) == 0; i++) {
		AUTO_FREE char *path = xasprintf("/proc/%d/stat", pid);
		AUTO_BUF struct buf text = { 0 };

		if (fs_read_file(AT_FDCWD, path, 4096, &text, NULL) == 0 &&
		    strstr(text.data, ") Z "))
			break;
		assert_true(i < 99);
		usleep(10000);
	}
	exec_output_fini(&run.output);
}

static void test_few_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct run runs[MANY];

	for (int i = 0; i < MANY; i++)
		start(f, &runs[i], "ok", "x");
	for (int i = 0; i < MANY; i++) {
		wait_run(f, &runs[i]);
		assert_int_equal(runs[i].call.status, 0);
		assert_string_equal(runs[i].output.out.data, "x");
		exec_output_fini(&runs[i].output);
	}
}

static void test_stop(void **state)
{
	struct fixture *f = *state;
	struct run runs[MANY], late;

	for (int i = 0; i < MANY; i++)
		start(f, &runs[i], i % 2 ? "hang" : "stubborn", "");
	exec_pool_stop(f->pool);
	start(f, &late, "ok", "");
	for (int i = 0; i < MANY; i++) {
		wait_run(f, &runs[i]);
		assert_int_equal(runs[i].call.status, -ECANCELED);
	}
	wait_run(f, &late);
	assert_int_equal(late.call.status, -ECANCELED);
}

/* ---- chains ---- */

static int chain(struct fixture *f, enum chain_command command, const char *plugins,
		 const char *container_id, struct cni_result *ret, struct error *ret_err)
{
	AUTO_FREE char *text =
		xasprintf("{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[%s]}", plugins);
	AUTO(conflist_fini) struct conflist list = { 0 };
	struct run run = { 0 };

	assert_int_equal(conflist_parse(text, strlen(text), &list, NULL), 0);
	call_init(&run.call, &f->loop, on_done);
	chain_run(f->pool, &f->loop,
		  &(struct chain_request){ .command = command,
					   .list = &list,
					   .bin_dirs = f->dir,
					   .container_id = container_id,
					   .interface = "eth0",
					   .netns = "" },
		  ret, &run.call);
	wait_run(f, &run);
	*ret_err = run.call.err;
	return run.call.status;
}

static void test_chain_order(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *log = xasprintf("%s/log", f->dir);
	AUTO(cni_result_fini) struct cni_result result = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct error err;

	assert_int_equal(chain(f, CHAIN_ADD, "{\"type\":\"first\"},{\"type\":\"second\"}", log,
			       &result, &err),
			 0);
	assert_string_equal(result.ip, "10.1.0.3");
	assert_int_equal(fs_read_file(AT_FDCWD, log, 4096, &text, NULL), 0);
	assert_string_equal(
		text.data,
		"ADD\n{\"type\":\"second\",\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"prevResult\":"
		"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.2/24\"}]}}");
	/* DEL begins at the end: the failing first plugin does not keep the second from running. */
	unlink(log);
	buf_fini(&text);
	assert_int_equal(
		chain(f, CHAIN_DEL, "{\"type\":\"again\"},{\"type\":\"second\"}", log, NULL, &err),
		-EAGAIN);
	assert_int_equal(fs_read_file(AT_FDCWD, log, 4096, &text, NULL), 0);
	assert_true(str_starts_with(text.data, "DEL\n"));
}

static void test_chain_failures(void **state)
{
	static const struct {
		enum chain_command command;
		const char *plugin;
		int status;
		const char *words;
	} table[] = {
		{ CHAIN_ADD, "fails", -EINVAL, "network n: ADD: plugin fails: bad (code 7)" },
		{ CHAIN_ADD, "again", -EAGAIN, "later" },
		{ CHAIN_ADD, "unknown", -ENOENT, "who" },
		{ CHAIN_DEL, "unknown", 0, "" },
		{ CHAIN_DEL, "liar", 0, "" },
		{ CHAIN_ADD, "liar", -EBADMSG, "plugin liar: result is not a JSON object" },
		{ CHAIN_ADD, "junk", -EIO, "exited with 2 and no CNI error: panic:   oh no" },
		{ CHAIN_DEL, "missing", -ENOENT, "install it" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_FREE char *plugin = xasprintf("{\"type\":\"%s\"}", table[i].plugin);
		AUTO(cni_result_fini) struct cni_result result = { 0 };
		struct error err;
		int r = chain(f, table[i].command, plugin, "x", &result, &err);

		if (r != table[i].status || !strstr(err.msg, table[i].words))
			fail_msg("%s: got %d \"%s\"", table[i].plugin, r, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_outcomes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment_is_ours_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_few_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain_failures, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
