/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup driver on a real cgroup2 hierarchy: as root, in a mount namespace of its own, below a
 * root cgroup that no other run uses (the hierarchy itself is one for the whole machine). Exit 77:
 * cannot run here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/fs.h"
#include "core/model/names.h"
#include "drivers/cgroup/cgroup.h"
#include "drivers/cgroup/hierarchy.h"

enum { SKIP = 77, WAIT_MS = 5000 };

#define CELL "default/default/default/web"

static struct {
	char mount[64], root[64];
	struct loop loop;
	struct cgroup_driver *cgroup;
	size_t lost;
	char hint_key[KEY_MAX_BYTES];
	bool call_done, closed, timed_out;
} test;

/* ---- waiting ---- */

static void on_timeout(struct timer *timer UNUSED)
{
	test.timed_out = true;
}

/* Turns the loop until *flag is set; a test that waits too long has failed. */
static void wait_for(const bool *flag, const char *what)
{
	struct timer timer = { 0 };

	test.timed_out = false;
	timer_start(&test.loop, &timer, WAIT_MS, on_timeout);
	while (!*flag && !test.timed_out)
		uv_run(&test.loop.uv, UV_RUN_ONCE);
	timer_stop(&timer);
	if (!*flag) {
		fprintf(stderr, "waited %d ms in vain for %s\n", WAIT_MS, what);
		exit(1);
	}
}

static bool hinted;

static void on_cell(void *ctx UNUSED, const char *cell_key)
{
	snprintf(test.hint_key, sizeof(test.hint_key), "%s", cell_key);
	hinted = true;
}

static void on_lost(void *ctx UNUSED)
{
	test.lost++;
}

static void wait_for_hint(const char *what)
{
	wait_for(&hinted, what);
	hinted = false;
	check(strcmp(test.hint_key, CELL) == 0);
}

static void on_call_done(struct call *call UNUSED)
{
	test.call_done = true;
}

static struct call call;

static struct call *new_call(void)
{
	call_init(&call, &test.loop, on_call_done);
	test.call_done = false;
	return &call;
}

static int finish(const char *what)
{
	check(!test.call_done); /* never from inside start */
	wait_for(&test.call_done, what);
	if (call.status < 0)
		printf("  %s: %.90s\n", what, call.err.msg);
	return call.status;
}

/* ---- the methods, one call each ---- */

static int ensure(const char *key, struct cgroup_fact *ret_fact)
{
	test.cgroup->ops->ensure(test.cgroup, key, false, ret_fact, new_call());
	return finish("ensure");
}

static int inspect(const char *key, struct cgroup_fact *ret_fact)
{
	test.cgroup->ops->inspect(test.cgroup, key, ret_fact, new_call());
	return finish("inspect");
}

static int remove_key(const char *key)
{
	test.cgroup->ops->remove(test.cgroup, key, new_call());
	return finish("remove");
}

static int kill_key(const char *key)
{
	test.cgroup->ops->kill(test.cgroup, key, new_call());
	return finish("kill");
}

static bool is_populated(const char *key)
{
	AUTO(cgroup_fact_fini) struct cgroup_fact fact = { 0 };

	check(inspect(key, &fact) == 0);
	return fact.populated;
}

static bool does_exist(const char *key)
{
	AUTO(cgroup_fact_fini) struct cgroup_fact fact = { 0 };

	check(inspect(key, &fact) == 0 && strcmp(fact.key, key) == 0);
	return fact.exists;
}

static char *full_path(const char *below_root)
{
	return xasprintf("%s%s/%s", test.mount, test.root, below_root);
}

static void make_dir(const char *below_root)
{
	AUTO_FREE char *path = full_path(below_root);

	check(mkdir(path, 0755) == 0);
}

/* A process that sits in the cgroup until it is killed. */
static pid_t spawn_in(const char *below_root)
{
	AUTO_FREE char *path = full_path(below_root);
	AUTO_FREE char *procs = xasprintf("%s/cgroup.procs", path);
	AUTO_FREE char *pid_text = NULL;
	pid_t pid = fork();

	check(pid >= 0);
	if (pid == 0) {
		for (;;)
			pause();
	}
	pid_text = xasprintf("%d", pid);
	check(fs_write_existing(AT_FDCWD, procs, pid_text, NULL) == 0);
	return pid;
}

static void expect_killed(pid_t pid)
{
	int status;

	check(waitpid(pid, &status, 0) == pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* ---- the tests, in order of depth ---- */

static void test_refusals(void)
{
	static const char *const bad_keys[] = { "..", "a/..",      "a//b", "/a",
						"a/", "a/b/c/d/e", "a b",  "cgroup.procs" };
	struct cgroup_options options = { .mount = "/tmp", .root = test.root };
	struct cgroup_driver *none = NULL;
	struct cgroup_fact fact = { 0 };
	struct error err;

	check(cgroup_open(&none, &test.loop, &options, &err) == -EMEDIUMTYPE);
	printf("  open: %s\n", err.msg);
	options = (struct cgroup_options){ .mount = test.mount, .root = "/.." };
	check(cgroup_open(&none, &test.loop, &options, &err) == -EINVAL && !none);
	for (size_t i = 0; i < ARRAY_SIZE(bad_keys); i++) {
		check(ensure(bad_keys[i], &fact) == -EINVAL);
		check(inspect(bad_keys[i], &fact) == -EINVAL);
		check(remove_key(bad_keys[i]) == -EINVAL);
		check(kill_key(bad_keys[i]) == -EINVAL);
	}
	check(kill_key("") == -EINVAL);
}

static void test_missing(void)
{
	struct cgroup_facts facts = { 0 };

	check(!does_exist(""));
	check(!does_exist(CELL));
	check(remove_key(CELL) == 0);
	check(kill_key(CELL) == 0);
	test.cgroup->ops->list(test.cgroup, &facts, new_call());
	check(finish("list") == 0 && facts.n == 0);
}

static void test_ensure(void)
{
	AUTO(cgroup_fact_fini) struct cgroup_fact root = { 0 };
	AUTO(cgroup_fact_fini) struct cgroup_fact cell = { 0 };
	AUTO(cgroup_fact_fini) struct cgroup_fact again = { 0 };
	const struct strv *offered;

	check(ensure("", &root) == 0 && root.exists && !root.populated);
	check(ensure(CELL, &cell) == 0 && cell.exists && !cell.populated &&
	      strcmp(cell.key, CELL) == 0);
	check(ensure(CELL, &again) == 0);
	check(does_exist("default") && does_exist("default/default") &&
	      does_exist("default/default/default"));
	offered = test.cgroup->ops->controllers(test.cgroup);
	printf("  %zu controllers offered, %zu enabled on the cell\n", offered->n,
	       cell.controllers.n);
	check(cell.controllers.n <= offered->n && cell.controllers.n == again.controllers.n);
}

static void test_list(void)
{
	static const char *const expected[] = { "default", "default/default",
						"default/default/default", CELL };
	AUTO(cgroup_facts_fini) struct cgroup_facts facts = { 0 };

	make_dir("not_ours");
	make_dir(CELL "/web_root");
	test.cgroup->ops->list(test.cgroup, &facts, new_call());
	check(finish("list") == 0);
	check(facts.n == ARRAY_SIZE(expected));
	for (size_t i = 0; i < facts.n; i++)
		check(strcmp(facts.items[i].key, expected[i]) == 0);
}

static void test_kill(void)
{
	pid_t pid = spawn_in(CELL "/web_root"), nested;

	wait_for_hint("the hint that the cell has a process");
	check(is_populated(CELL) && is_populated("default"));
	check(remove_key(CELL) == -EBUSY);
	check(does_exist(CELL));

	make_dir(CELL "/web_root/nested");
	nested = spawn_in(CELL "/web_root/nested");
	check(kill_key(CELL) == 0);
	expect_killed(pid);
	expect_killed(nested);
	while (is_populated(CELL))
		wait_for_hint("the hint that the cell is empty");
	check(kill_key(CELL) == 0);
}

static void test_kill_each(void)
{
	struct hierarchy tree;
	struct error err;
	pid_t pids[5];

	check(hierarchy_init(&tree, test.mount, test.root, &err) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = spawn_in(i % 2 ? CELL "/web_root" : CELL "/web_root/nested");
	signal(SIGCHLD, SIG_IGN); /* reaped at once: a zombie leader may stay listed */
	check(hierarchy_kill_each(&tree, CELL, &err) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		check(kill(pids[i], 0) < 0 && errno == ESRCH);
	signal(SIGCHLD, SIG_DFL);
	check(hierarchy_kill_each(&tree, "", &err) == -EINVAL);
	hierarchy_fini(&tree);
	while (is_populated(CELL))
		wait_for_hint("the hint that the cell is empty");
}

static void test_remove(void)
{
	AUTO_FREE char *deep = xstrdup(CELL "/web_root/nested");

	for (int i = 0; i < 8; i++) {
		AUTO_FREE char *deeper = xasprintf("%s/n%d", deep, i);

		make_dir(deeper);
		free(deep);
		deep = take_ptr(deeper);
	}
	check(remove_key(CELL) == 0);
	check(!does_exist(CELL) && does_exist("default/default/default"));
	check(remove_key(CELL) == 0);
}

/* Somebody else removes the cell: a hint; made again it is watched again. */
static void test_vanish(void)
{
	AUTO(cgroup_fact_fini) struct cgroup_fact fact = { 0 };
	AUTO(cgroup_fact_fini) struct cgroup_fact again = { 0 };
	AUTO_FREE char *path = full_path(CELL);
	pid_t pid;

	check(ensure(CELL, &fact) == 0);
	hinted = false;
	check(rmdir(path) == 0);
	wait_for_hint("the hint that the cell vanished");
	check(!does_exist(CELL));
	check(ensure(CELL, &again) == 0);
	make_dir(CELL "/web_root");
	hinted = false;
	pid = spawn_in(CELL "/web_root");
	wait_for_hint("the hint from the cell that was made again");
	check(kill_key(CELL) == 0);
	expect_killed(pid);
	while (is_populated(CELL))
		wait_for_hint("the hint that the cell is empty");
}

static void on_closed(void *ctx UNUSED)
{
	test.closed = true;
}

/* A call that is under way when the driver closes ends before the driver is gone. */
static void test_close(void)
{
	AUTO(cgroup_fact_fini) struct cgroup_fact fact = { 0 };

	test.cgroup->ops->inspect(test.cgroup, "", &fact, new_call());
	test.cgroup->ops->close(test.cgroup, on_closed, NULL);
	check(!test.closed);
	wait_for(&test.closed, "the driver to close");
	check(test.call_done && fact.key && !fact.exists);
}

/* ---- a place to run ---- */

/* False when this machine does not let us. */
static bool enter_own_mounts(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	snprintf(test.mount, sizeof(test.mount), "/tmp/kukeon-cgroup-XXXXXX");
	if (!mkdtemp(test.mount))
		return false;
	if (mount("cgroup2", test.mount, "cgroup2", 0, NULL) == 0)
		return true;
	rmdir(test.mount);
	return false;
}

static void leave(void)
{
	umount2(test.mount, MNT_DETACH);
	rmdir(test.mount);
}

static void run_tests(void)
{
	static const struct cgroup_listener listener = { .on_cell = on_cell, .on_lost = on_lost };
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "refusals", test_refusals }, { "missing", test_missing },
		{ "ensure", test_ensure },     { "list", test_list },
		{ "kill", test_kill },         { "kill each", test_kill_each },
		{ "remove", test_remove },     { "vanish", test_vanish },
	};
	struct cgroup_options options = { .mount = test.mount, .root = test.root };
	struct error err;

	check(loop_open(&test.loop, LOOP_CLOCK_BOOTTIME, &err) == 0);
	uv_ref((uv_handle_t *)&test.loop
		       .timer_poll); /* a driver without inotify has no other handle to wait on */
	check(cgroup_open(&test.cgroup, &test.loop, &options, &err) == 0);
	test.cgroup->ops->start(test.cgroup, &listener);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		printf("%s\n", tests[i].name);
		fflush(stdout);
		tests[i].run();
	}
	check(remove_key("") == 0 && !does_exist(""));
	check(test.lost == 0);
	test_close();
	loop_close(&test.loop);
}

/* Whatever a failed run left behind: the hierarchy outlives our mount of it. */
static void clean_up(void)
{
	struct hierarchy tree;

	if (hierarchy_init(&tree, test.mount, test.root, NULL) < 0)
		return;
	hierarchy_kill(&tree, "default", NULL);
	for (int i = 0; i < 100 && hierarchy_remove(&tree, "", NULL) == -EBUSY; i++)
		usleep(10000);
	hierarchy_fini(&tree);
}

/* The tests run in a child, so that a failed check() still leaves the machine clean. */
int main(void)
{
	int status = 0;
	pid_t pid;

	if (!enter_own_mounts()) {
		printf("skipped: needs root, a mount namespace of its own and cgroup2\n");
		return SKIP;
	}
	snprintf(test.root, sizeof(test.root), "/kukeon-test-%d", getpid());
	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (pid == 0) {
		run_tests();
		exit(0);
	}
	check(waitpid(pid, &status, 0) == pid);
	clean_up();
	leave();
	printf(status ? "failed\n" : "ok\n");
	return status ? 1 : 0;
}
