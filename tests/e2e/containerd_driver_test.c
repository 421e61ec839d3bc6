/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime driver on a real containerd and runc, in a test host: scripts/testhost --
 * containerd_driver_test. It kills, stops and restarts the host's containerd. Exit 77: not in a
 * test host.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/containerd/containerd.h"

enum { SKIP = 77, WAIT_MS = 30 * 1000 };

#define NAMESPACE "kukeon-drivertest"
#define IMAGE "docker.io/library/busybox:latest"
#define CELL "drivertest/s/t/c"
#define NETNS "driver-test"

static struct {
	const char *dir, *base, *archive;
	struct loop loop;
	struct rpc *rpc;
	struct runtime *runtime;
	bool up, down, timed_out, call_done, closed;
	char hint[CONTAINERD_ID_MAX_BYTES + 1]; /* the last container that was hinted at */
	struct error why;
	pid_t containerd; /* our child, once it was restarted */
} test;

#define fail(...)                                                                                  \
	(fprintf(stderr, "line %d: ", __LINE__), fprintf(stderr, __VA_ARGS__),                     \
	 fputc('\n', stderr), exit(1))
#define expect(cond) ((cond) ? (void)0 : fail("expected: %s", #cond))

/* ---- waiting ---- */

static void on_timeout(struct timer *timer UNUSED)
{
	test.timed_out = true;
}

static bool wait_ms(const bool *flag, uint64_t ms)
{
	struct timer timer = { 0 };

	test.timed_out = false;
	timer_start(&test.loop, &timer, ms, on_timeout);
	while (!*flag && !test.timed_out)
		uv_run(&test.loop.uv, UV_RUN_ONCE);
	timer_stop(&timer);
	return *flag;
}

static void wait_for(const bool *flag, const char *what)
{
	if (!wait_ms(flag, WAIT_MS))
		fail("waited %d ms in vain for %s", WAIT_MS, what);
}

static void on_call_done(struct call *call UNUSED)
{
	test.call_done = true;
}

static struct call call;

static struct call *begin(void)
{
	test.call_done = false;
	call_init(&call, &test.loop, on_call_done);
	return &call;
}

static void end(int line, int expected)
{
	wait_for(&test.call_done, "a call to complete");
	if (call.status != expected) {
		fprintf(stderr, "line %d: expected %d, got %d: %s\n", line, expected, call.status,
			call.err.msg);
		exit(1);
	}
}

/* Runs one method and checks how it ended. */
#define run(expected, method, ...)                                                                 \
	(test.runtime->ops->method(test.runtime, __VA_ARGS__, begin()), end(__LINE__, expected))

/* ---- the listener ---- */

static void on_container(void *ctx UNUSED, const char *namespace_, const char *id)
{
	if (strcmp(namespace_, NAMESPACE) == 0)
		snprintf(test.hint, sizeof(test.hint), "%s", id);
}

static void on_image(void *ctx UNUSED, const char *namespace_ UNUSED)
{
}

static void on_up(void *ctx UNUSED)
{
	test.up = true;
}

static void on_down(void *ctx UNUSED, const struct error *why)
{
	test.down = true;
	test.why = *why;
}

static void on_answered(void *ctx UNUSED)
{
}

static const struct runtime_listener listener = { .on_container = on_container,
						  .on_image = on_image,
						  .on_up = on_up,
						  .on_down = on_down,
						  .on_answered = on_answered };

/* ---- the host ---- */

static pid_t start_program(const char *const argv[])
{
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) != 0)
		fail("cannot run %s", argv[0]);
	return pid;
}

static void run_program(const char *const argv[])
{
	int status;
	pid_t pid = start_program(argv);

	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail("%s failed", argv[0]);
}

#define program(...) run_program((const char *const[]){ __VA_ARGS__, NULL })

static pid_t containerd_pid(void)
{
	AUTO_FREE char *path = xasprintf("%s/containerd.pid", test.base);
	struct buf buf AUTO_BUF = { 0 };
	struct error err;

	if (test.containerd)
		return test.containerd;
	if (fs_read_file(AT_FDCWD, path, 64, &buf, &err) < 0)
		fail("%s", err.msg);
	return (pid_t)atoi(buf.data);
}

static void start_containerd(void)
{
	AUTO_FREE char *config = xasprintf("%s/containerd.toml", test.base);
	const char *const argv[] = {
		"containerd", "--config", config, "--log-level", "error", NULL
	};

	test.containerd = start_program(argv);
}

static unsigned count_shims(void)
{
	const char *const argv[] = { "sh", "-c",
				     "exit $(pgrep -fc '^[^ ]*containerd-shim-runc-v2')", NULL };
	int status;

	waitpid(start_program(argv), &status, 0);
	return (unsigned)WEXITSTATUS(status);
}

/* ---- a cell of a root and a sidecar ---- */

static Api__ContainerSpec root_spec, bad_spec;
static char *root_args[] = { (char *)"3600" };
static struct container_request root, bad;
static char *hosts_path, *hostname_path;

static void make_request(struct container_request *request, Api__ContainerSpec *spec,
			 const char *id, const char *role, const char *command)
{
	*spec = (Api__ContainerSpec)API__CONTAINER_SPEC__INIT;
	spec->id = (char *)role;
	spec->image = (char *)IMAGE;
	spec->command = (char *)command;
	spec->args = root_args;
	spec->n_args = 1;
	*request = (struct container_request){
		.ref = { NAMESPACE, id },
		.cell_key = CELL,
		.role = role,
		.spec_hash = "hash1",
		.group_id = "s_t_c_root",
		.netns_path = "/run/netns/" NETNS,
		.cgroup_path = xasprintf("/kukeon-driver-test/c_%s", role),
		.hostname = "c",
		.hosts_path = hosts_path,
		.hostname_path = hostname_path,
		.spec = spec,
	};
}

static void make_cell(void)
{
	struct error err;

	hosts_path = xasprintf("%s/hosts", test.dir);
	hostname_path = xasprintf("%s/hostname", test.dir);
	if (fs_write_file_atomic(hosts_path, "127.0.0.1 localhost\n", 20, 0644, &err) < 0 ||
	    fs_write_file_atomic(hostname_path, "c\n", 2, 0644, &err) < 0)
		fail("%s", err.msg);
	make_request(&root, &root_spec, "s_t_c_root", "root", "/bin/sleep");
	make_request(&bad, &bad_spec, "s_t_c_bad", "bad", "/bin/no-such-program");
	program("ip", "netns", "add", NETNS);
}

/* The record of what was made says the digest that the caller is told. */
static void create(int status, const struct container_request *request)
{
	struct container_fact fact = { 0 };
	char *digest = NULL;

	run(status, create, request, &digest);
	if (status == 0) {
		run(0, inspect, &request->ref, &fact);
		expect(str_starts_with(digest, "sha256:") && str_equal(digest, fact.image_digest));
		container_fact_fini(&fact);
	}
	free(digest);
}

static struct container_fact inspect(const struct container_request *request)
{
	struct container_fact fact = { 0 };

	run(0, inspect, &request->ref, &fact);
	return fact;
}

static void expect_task(const struct container_request *request, enum task_state state)
{
	struct container_fact fact = inspect(request);

	if (fact.task != state)
		fail("task of %s: expected state %d, got %d", request->ref.id, state, fact.task);
	container_fact_fini(&fact);
}

static void pause_ms(uint64_t ms)
{
	bool never = false;

	wait_ms(&never, ms);
}

static void expect_hint(const char *id)
{
	for (int i = 0; i < 100 && strcmp(test.hint, id) != 0; i++)
		pause_ms(20);
	if (strcmp(test.hint, id) != 0)
		fail("no hint for %s, the last was \"%s\"", id, test.hint);
	test.hint[0] = '\0';
}

/* Hints may be late and of something earlier: what they say is only where to look. */
static void wait_for_task(const struct container_request *request, enum task_state state)
{
	for (int i = 0; i < 100; i++) {
		struct container_fact fact = inspect(request);
		bool there = fact.task == state;

		container_fact_fini(&fact);
		if (there)
			return;
		pause_ms(20);
	}
	expect_task(request, state);
}

/* ---- the scenario, each part on what the one before left ---- */

static void test_up(void)
{
	test.runtime->ops->start(test.runtime, &listener);
	wait_for(&test.up, "on_up");
	expect(!test.down);
	expect(test.runtime->ops->version(test.runtime));
}

static bool is_listed(void)
{
	struct strv names AUTO(strv_fini) = { 0 }, realms AUTO(strv_fini) = { 0 };
	bool found = false;

	run(0, list_namespaces, &names, &realms);
	for (size_t i = 0; i < names.n; i++)
		found = found || (str_equal(names.items[i], NAMESPACE) &&
				  str_equal(realms.items[i], "drivertest"));
	return found;
}

static void test_namespace(void)
{
	expect(!is_listed());
	run(0, ensure_namespace, NAMESPACE, "drivertest");
	run(0, ensure_namespace, NAMESPACE, "drivertest");
	expect(is_listed());
}

/* The archive's other images share layers with ours, which would keep those. */
static void import_image(void)
{
	program("ctr", "-n", NAMESPACE, "images", "import", "--no-unpack", test.archive);
	program("sh", "-c",
		"ctr -n " NAMESPACE " images rm --sync "
		"$(ctr -n " NAMESPACE " images ls -q | grep -vx " IMAGE ") >/dev/null");
}

static void test_image(void)
{
	char *digest, *known;

	run(-ENOENT, resolve_image, NAMESPACE, IMAGE, &digest);
	expect(strstr(call.err.msg, "kuke image pull --realm "));
	run(-ENOENT, create, &root, &digest);
	import_image();
	run(0, resolve_image, NAMESPACE, IMAGE, &digest); /* unpacks */
	run(0, resolve_image, NAMESPACE, IMAGE, &known);  /* knows */
	free(known);
	run(0, resolve_image, NAMESPACE, "busybox", &known); /* the same by a short name */
	expect(str_starts_with(digest, "sha256:") && str_equal(digest, known));
	free(digest);
	free(known);
	program("sh", "-c", "test -z \"$(ctr -n " NAMESPACE " leases ls -q)\"");
}

static void test_create(void)
{
	struct container_request other = root;
	struct container_fact fact;

	create(0, &root);
	create(0, &root);
	other.spec_hash = "hash2";
	create(-EEXIST, &other);
	fact = inspect(&root);
	expect(fact.record && fact.snapshot && fact.task == TASK_NONE);
	expect(str_equal(fact.cell_key, CELL) && str_equal(fact.role, "root") &&
	       str_equal(fact.spec_hash, "hash1"));
	container_fact_fini(&fact);
}

/* What a crash between the two halves of create or remove leaves is replaced. */
static void test_stale_snapshot(void)
{
	struct container_request other = root;
	struct container_fact fact;

	program("ctr", "-n", NAMESPACE, "containers", "delete", "--keep-snapshot", root.ref.id);
	fact = inspect(&root);
	expect(!fact.record && fact.snapshot && str_equal(fact.spec_hash, "") &&
	       str_equal(fact.cell_key, CELL));
	container_fact_fini(&fact);
	other.spec_hash = "hash2";
	create(0, &other);
	run(0, remove, &root.ref, NULL);
	create(0, &root);
}

static void test_task(void)
{
	uint32_t pid = 0, again = 0;

	run(0, task_create, &root.ref, NULL, NULL, &pid);
	expect(pid > 0);
	run(0, task_create, &root.ref, NULL, NULL, &again);
	expect(again == pid);
	expect_task(&root, TASK_CREATED);
	run(0, task_start, &root.ref, NULL);
	run(0, task_start, &root.ref, NULL);
	expect_task(&root, TASK_RUNNING);
	run(-EEXIST, task_create, &root.ref, NULL, NULL, &again);
	expect_hint(root.ref.id);
}

static void test_bad_command(void)
{
	uint32_t pid;
	int status;

	create(0, &bad);
	test.runtime->ops->task_create(test.runtime, &bad.ref, NULL, NULL, &pid, begin());
	wait_for(&test.call_done, "task_create to fail");
	status = call.status;
	expect(status < 0 && !error_is_transient(status));
	expect(strstr(call.err.msg, "no-such-program"));
	expect_task(&bad, TASK_NONE);
	run(0, remove, &bad.ref, NULL);
	expect(count_shims() == 1);
}

static void test_list(void)
{
	struct container_facts facts = { 0 };

	run(0, list, NAMESPACE, &facts);
	expect(facts.n == 1);
	expect(str_equal(facts.items[0].id, root.ref.id) && facts.items[0].task == TASK_RUNNING);
	expect(facts.items[0].record && facts.items[0].snapshot && facts.items[0].pid > 0);
	container_facts_fini(&facts);
	run(0, list, "kukeon-nobody", &facts);
	expect(facts.n == 0);
	container_facts_fini(&facts);
}

/* The container runs on while containerd is away, and is heard of again. */
static void test_restart(void)
{
	struct container_fact before = inspect(&root), after, gone = { 0 };
	uint64_t since;

	test.up = test.down = false;
	kill(containerd_pid(), SIGKILL);
	wait_for(&test.down, "on_down");
	expect(!test.up && strstr(test.why.msg, "does not answer"));
	run(-ECONNREFUSED, inspect, &root.ref, &gone);
	if (test.containerd)
		waitpid(test.containerd, NULL, 0);
	start_containerd();
	since = loop_now_ms(&test.loop);
	wait_for(&test.up, "on_up after a restart");
	printf("up %llu ms after containerd was started\n",
	       (unsigned long long)(loop_now_ms(&test.loop) - since));
	after = inspect(&root);
	expect(after.task == TASK_RUNNING && after.pid == before.pid);
	container_fact_fini(&before);
	container_fact_fini(&after);
}

/* A containerd that accepts but does not answer is found out by the first call that waits in vain.
 */
static void test_hang(void)
{
	struct container_fact fact = { 0 };

	test.up = test.down = false;
	kill(containerd_pid(), SIGSTOP);
	run(-ETIMEDOUT, inspect, &root.ref, &fact);
	wait_for(&test.down, "on_down of a containerd that hangs");
	kill(containerd_pid(), SIGCONT);
	wait_for(&test.up, "on_up when it goes on");
}

static void test_exit(void)
{
	struct container_fact fact;

	test.hint[0] = '\0';
	run(0, task_signal, &root.ref, SIGKILL);
	expect_hint(root.ref.id);
	wait_for_task(&root, TASK_STOPPED);
	fact = inspect(&root);
	expect(fact.task == TASK_STOPPED && fact.exit_code == 128 + SIGKILL &&
	       fact.exited_at_ms > 0);
	container_fact_fini(&fact);
	run(0, task_signal, &root.ref, SIGTERM);
	run(0, task_delete, &root.ref);
	run(0, task_delete, &root.ref);
	run(0, task_signal, &root.ref, SIGKILL);
	expect_task(&root, TASK_NONE);
}

static void test_remove(void)
{
	struct container_fact fact;

	run(0, remove, &root.ref, NULL);
	run(0, remove, &root.ref, NULL);
	fact = inspect(&root);
	expect(!fact.record && !fact.snapshot && fact.task == TASK_NONE);
	container_fact_fini(&fact);
}

/* The snapshots of the image vanish under a cache that knows it: the next but one create works
 * again. */
static void test_image_lost(void)
{
	program("ctr", "-n", NAMESPACE, "images", "rm", "--sync", IMAGE);
	create(-EAGAIN, &root);
	create(-ENOENT, &root);
	import_image();
	create(0, &root);
	run(0, remove, &root.ref, NULL);
}

static void test_privileged(void)
{
	uint32_t pid;

	root_spec.privileged = true;
	create(0, &root);
	run(0, task_create, &root.ref, NULL, NULL, &pid);
	run(0, task_start, &root.ref, NULL);
	run(-EBUSY, task_delete, &root.ref);
	run(0, task_signal, &root.ref, SIGKILL);
	wait_for_task(&root, TASK_STOPPED);
	run(0, task_delete, &root.ref);
	run(0, remove, &root.ref, NULL);
}

/* The first try fails with a text that holds @part and leaves nothing behind. */
static void expect_refused(const char *part)
{
	struct container_fact fact;

	create(-EINVAL, &root);
	if (!strstr(call.err.msg, part))
		fail("\"%s\" is not in: %s", part, call.err.msg);
	fact = inspect(&root);
	expect(!fact.record && !fact.snapshot);
	container_fact_fini(&fact);
}

static void test_refused(void)
{
	Api__Volume volume = API__VOLUME__INIT, *volumes[] = { &volume };
	Api__Device device = API__DEVICE__INIT, *devices[] = { &device };

	root_spec.privileged = false;
	root_spec.user = (char *)"nobody";
	expect_refused("/etc/passwd of the image does not know \"nobody\"");
	root_spec.user = (char *)"root:wheel";
	expect_refused("/etc/group of the image does not know \"wheel\"");
	root_spec.user = NULL;
	volume.source = (char *)"/no/such";
	volume.target = (char *)"/data";
	root_spec.volumes = volumes;
	root_spec.n_volumes = 1;
	expect_refused("volumes[0].source: /no/such is not there on the host");
	root_spec.n_volumes = 0;
	device.source = (char *)"/dev/no-such";
	root_spec.devices = devices;
	root_spec.n_devices = 1;
	expect_refused("devices[0].source: /dev/no-such is not there on the host");
	root_spec.n_devices = 0;
	create(0, &root);
	run(0, remove, &root.ref, NULL);
}

/* A frozen task is seen as such, and SIGKILL ends it. */
static void test_pause(void)
{
	uint32_t pid;

	create(0, &root);
	run(0, task_create, &root.ref, NULL, NULL, &pid);
	run(0, task_start, &root.ref, NULL);
	test.hint[0] = '\0';
	program("ctr", "-n", NAMESPACE, "tasks", "pause", root.ref.id);
	expect_hint(root.ref.id);
	expect_task(&root, TASK_PAUSED);
	program("ctr", "-n", NAMESPACE, "tasks", "resume", root.ref.id);
	expect_hint(root.ref.id);
	expect_task(&root, TASK_RUNNING);
	program("ctr", "-n", NAMESPACE, "tasks", "pause", root.ref.id);
	run(0, task_signal, &root.ref, SIGTERM);
	expect_task(&root, TASK_PAUSED);
	run(0, task_signal, &root.ref, SIGKILL);
	wait_for_task(&root, TASK_STOPPED);
	run(0, task_delete, &root.ref);
	run(0, remove, &root.ref, NULL);
}

static void test_remove_namespace(void)
{
	run(0, remove_namespace, NAMESPACE); /* the image keeps it */
	expect(!is_listed());
	program("ctr", "-n", NAMESPACE, "images", "rm", "--sync", IMAGE);
	run(0, remove_namespace, NAMESPACE);
	run(0, remove_namespace, NAMESPACE);
}

static void on_closed(void *ctx UNUSED)
{
	test.closed = true;
}

/* Also with a call under way. */
static void test_close(void)
{
	struct container_fact fact = { 0 };

	test.runtime->ops->inspect(test.runtime, &root.ref, &fact, begin());
	test.runtime->ops->close(test.runtime, on_closed, NULL);
	wait_for(&test.closed, "the driver to close");
	expect(test.call_done);
	container_fact_fini(&fact);
	test.closed = false;
	rpc_close(test.rpc, on_closed, NULL);
	wait_for(&test.closed, "gRPC to close");
	loop_close(&test.loop);
}

static void set_up(void)
{
	struct containerd_options options = { .socket = getenv("CONTAINERD_ADDRESS") };
	struct error err;

	test.dir = getenv("KUKEON_TEST_DIR");
	test.base = getenv("KUKEON_TEST_BASE");
	if (loop_open(&test.loop, LOOP_CLOCK_BOOTTIME, &err) < 0 ||
	    rpc_open(&test.rpc, &test.loop, &err) < 0 ||
	    containerd_open(&test.runtime, &test.loop, test.rpc, &options, &err) < 0)
		fail("%s", err.msg);
	make_cell();
}

static const struct {
	const char *name;
	void (*fn)(void);
} parts[] = {
	{ "up", test_up },
	{ "namespace", test_namespace },
	{ "image", test_image },
	{ "create", test_create },
	{ "stale snapshot", test_stale_snapshot },
	{ "task", test_task },
	{ "bad command", test_bad_command },
	{ "list", test_list },
	{ "restart", test_restart },
	{ "hang", test_hang },
	{ "exit", test_exit },
	{ "remove", test_remove },
	{ "image lost", test_image_lost },
	{ "privileged", test_privileged },
	{ "refused", test_refused },
	{ "pause", test_pause },
	{ "remove namespace", test_remove_namespace },
	{ "close", test_close },
};

int main(int argc, char **argv)
{
	if (!getenv("KUKEON_TEST_HOST") || argc != 2) {
		fprintf(stderr,
			"usage: scripts/testhost -- %s BUSYBOX-ARCHIVE (made by scripts/busybox-image)\n",
			argv[0]);
		return SKIP;
	}
	test.archive = argv[1];
	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		parts[i].fn();
		printf("ok %s\n", parts[i].name);
		fflush(stdout);
	}
	return 0;
}
