/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifests watcher on a directory of its own. Each test ends with an empty loop. Time is
 * virtual: what the kernel says of a change is there when the change was made, and waiting costs
 * nothing. Tests that measure, or that have others write at the same time, run on a real loop with
 * its threads; under ThreadSanitizer all do.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "core/base/log.h"
#include "core/loop/inotify.h"
#include "core/loop/loop_test.h"
#include "core/manifest/file_name.h"
#include "core/manifest/manifest.h"
#include "tests/unit/scratch.h"
#include "watchers/manifests/manifests.h"

enum {
	WAIT_MS = 30000,
	SETTLE_MS = 60
}; /* a limit for a busy machine; how long nothing may come */

struct fixture {
	char base[64]; /* a fresh directory */
	char dir[80];  /* <base>/m */
	struct loop loop;
	struct manifests_watcher *watcher;
	struct buf seen; /* what was delivered: "+path=content\n" "!path\n" "?path\n"
			  * "-path\n" "~path\n": hidden */
	char problem[ERROR_MSG_MAX_BYTES]; /* of the last scan, "" when complete */
	char file_error[ERROR_MSG_MAX_BYTES];
	char hidden[ERROR_MSG_MAX_BYTES]; /* why the last one that was hidden is */
	size_t scans, deliveries;
	uint64_t last_file_ns;
	bool shows_pending; /* a scan may always meet a writer at work */
	bool timed_out, closed;
};

#ifdef __SANITIZE_THREAD__
static const enum loop_clock clock_of_most = LOOP_CLOCK_BOOTTIME;
#else
static const enum loop_clock clock_of_most = LOOP_CLOCK_VIRTUAL;
#endif

static struct fixture f;

/*
 * The watcher's own call comes here. Instances are never used up for real, and no sysctl is
 * written: both belong to the whole machine.
 */
static bool no_instance_left;

int inotify_init1(int flags)
{
	if (no_instance_left) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_inotify_init1, flags);
}

/* ---- the listener ---- */

static uint64_t now_ns(void)
{
	return uv_hrtime();
}

static void on_file(void *ctx UNUSED, const char *path, const char *data, size_t len)
{
	f.last_file_ns = now_ns();
	buf_printf(&f.seen, "+%s=%.*s\n", path, len > 20 ? 20 : (int)len, data);
	f.deliveries++;
}

static void on_file_error(void *ctx UNUSED, const char *path, const struct error *err)
{
	buf_printf(&f.seen, "!%s\n", path);
	snprintf(f.file_error, sizeof(f.file_error), "%s", err->msg);
	f.deliveries++;
}

static void on_file_pending(void *ctx UNUSED, const char *path)
{
	if (f.shows_pending)
		buf_printf(&f.seen, "?%s\n", path);
}

static void on_file_gone(void *ctx UNUSED, const char *path, const struct error *hidden)
{
	buf_printf(&f.seen, "%s%s\n", hidden ? "~" : "-", path);
	if (hidden)
		snprintf(f.hidden, sizeof(f.hidden), "%s", hidden->msg);
	f.deliveries++;
}

static void on_scan_done(void *ctx UNUSED, const struct error *problem)
{
	snprintf(f.problem, sizeof(f.problem), "%s", problem ? problem->msg : "");
	f.scans++;
}

static void on_closed(void *ctx UNUSED)
{
	f.closed = true;
}

/* ---- turning the loop ---- */

static void on_timeout(struct timer *timer UNUSED)
{
	f.timed_out = true;
}

/* What the kernel has to say first, then what is deferred or due. */
static void turn(uint64_t until_ms)
{
	if (f.loop.clock == LOOP_CLOCK_BOOTTIME)
		uv_run(&f.loop.uv, UV_RUN_ONCE);
	else if (uv_run(&f.loop.uv, UV_RUN_NOWAIT), !loop_turn_virtual(&f.loop, until_ms))
		f.timed_out = true;
}

/* Turns the loop until done() or for @ms. */
static bool run_until(bool (*done)(const void *arg), const void *arg, uint64_t ms)
{
	uint64_t until_ms = loop_now_ms(&f.loop) + ms;
	struct timer timer = { 0 };
	bool reached = done && done(arg);

	f.timed_out = false;
	timer_start_at(&f.loop, &timer, until_ms, on_timeout);
	while (!reached && !f.timed_out) {
		turn(until_ms);
		reached = done && done(arg);
	}
	timer_stop(&timer);
	return reached;
}

static bool seen_equals(const void *arg)
{
	return str_equal(f.seen.data, arg);
}

static bool problem_holds(const void *arg)
{
	return f.problem[0] && strstr(f.problem, arg);
}

static bool scanned(const void *arg)
{
	return f.scans > *(const size_t *)arg && !f.problem[0];
}

/* Waits until exactly @expected was delivered since the last expect(), and nothing more follows. */
static void expect(const char *expected)
{
	if (run_until(seen_equals, expected, WAIT_MS))
		run_until(NULL, NULL, SETTLE_MS);
	if (!seen_equals(expected))
		fail_msg("expected:\n%sdelivered:\n%s(problem: %s)", expected,
			 f.seen.data ? f.seen.data : "", f.problem);
	buf_fini(&f.seen);
}

static void expect_nothing(void)
{
	run_until(NULL, NULL, 3 * SETTLE_MS);
	if (f.seen.len)
		fail_msg("expected nothing, delivered:\n%s", f.seen.data);
}

static void expect_problem(const char *words)
{
	if (!run_until(problem_holds, words, WAIT_MS))
		fail_msg("expected a problem with \"%s\", the last scan had: \"%s\"", words,
			 f.problem);
	run_until(NULL, NULL, SETTLE_MS);
	if (f.seen.len)
		fail_msg("expected nothing beside the problem, delivered:\n%s", f.seen.data);
}

static void expect_file_error(const char *words)
{
	if (!strstr(f.file_error, words))
		fail_msg("expected an error with \"%s\", got \"%s\"", words, f.file_error);
}

static void wait_scan(void)
{
	size_t before = f.scans;

	if (!run_until(scanned, &before, WAIT_MS))
		fail_msg("no complete scan, problem: \"%s\"", f.problem);
}

/* ---- the directory ---- */

static char *in_base(const char *name)
{
	return xasprintf("%s/%s", f.base, name);
}

static char *in_dir(const char *name)
{
	return xasprintf("%s/%s", f.dir, name);
}

static void put_raw(const char *path, const char *content)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	check(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
}

static void put(const char *name, const char *content)
{
	AUTO_FREE char *path = in_dir(name);

	put_raw(path, content);
}

static void move(const char *from, const char *to)
{
	AUTO_FREE char *a = in_dir(from);
	AUTO_FREE char *b = in_dir(to);

	check(rename(a, b) == 0);
}

static void drop(const char *name)
{
	AUTO_FREE char *path = in_dir(name);

	check(unlink(path) == 0);
}

static void make_dir(const char *name)
{
	AUTO_FREE char *path = in_dir(name);

	check(mkdir(path, 0755) == 0);
}

static void make_link(const char *target, const char *name)
{
	AUTO_FREE char *path = in_dir(name);

	check(symlink(target, path) == 0);
}

/* ---- set up and take down ---- */

static void open_loop(enum loop_clock clock)
{
	struct error err;

	check(loop_open(&f.loop, clock, &err) == 0);
	if (clock == LOOP_CLOCK_VIRTUAL) /* which has no kernel to listen to by itself */
		check(uv_loop_init(&f.loop.uv) == 0);
	else /* a watcher that polls has no other handle to wait on */
		uv_ref((uv_handle_t *)&f.loop.timer_poll);
}

static void close_loop(void)
{
	loop_close(&f.loop);
	if (f.loop.clock != LOOP_CLOCK_VIRTUAL)
		return;
	inotify_close(&f.loop);
	uv_run(&f.loop.uv, UV_RUN_DEFAULT);
	check(uv_loop_close(&f.loop.uv) == 0);
}

static void setup_on(enum loop_clock clock)
{
	memset(&f, 0, sizeof(f));
	snprintf(f.base, sizeof(f.base), "%s/kukeon-manifests-XXXXXX", SCRATCH);
	check(mkdtemp(f.base) != NULL);
	snprintf(f.dir, sizeof(f.dir), "%s/m", f.base);
	check(mkdir(f.dir, 0755) == 0);
	open_loop(clock);
}

static int setup(void **state UNUSED)
{
	setup_on(clock_of_most);
	return 0;
}

static int setup_real(void **state UNUSED)
{
	setup_on(LOOP_CLOCK_BOOTTIME);
	return 0;
}

static void open_with(const char *directory, bool no_inotify, const struct strv *expected)
{
	static const struct manifests_listener listener = {
		.on_file = on_file,
		.on_file_error = on_file_error,
		.on_file_pending = on_file_pending,
		.on_file_gone = on_file_gone,
		.on_scan_done = on_scan_done,
	};
	struct manifests_options options = {
		.directory = directory,
		.quiet_ms = 5,
		.quiet_max_ms = 100,
		.poll_ms = no_inotify ? 20 : 2000,
		.no_inotify = no_inotify,
		.expected = expected,
	};
	struct error err;

	check(manifests_open(&f.watcher, &f.loop, &options, &listener, &err) == 0);
	check(f.scans == 0); /* never from inside */
}

static void open_watcher(const char *directory, bool no_inotify)
{
	open_with(directory, no_inotify, NULL);
}

static void open_expecting(const char *directory, const struct strv *expected)
{
	open_with(directory, false, expected);
}

/* Opens it on f.dir and waits for the first scan. */
static void start(void)
{
	open_watcher(f.dir, false);
	wait_scan();
	buf_fini(&f.seen);
}

static bool is_closed(const void *arg UNUSED)
{
	return f.closed;
}

static int teardown(void **state UNUSED)
{
	if (f.watcher) {
		manifests_close(f.watcher, on_closed, NULL);
		check(!f.closed);
		check(run_until(is_closed, NULL, WAIT_MS));
	}
	close_loop();
	buf_fini(&f.seen);
	check(fs_remove_tree(AT_FDCWD, f.base, NULL) == 0);
	return 0;
}

/* ---- names ---- */

static void test_names(void **state UNUSED)
{
	static const char *const good[] = { "a.yaml", "a.yml", "a.json", "a.b.yaml", "4913.yaml" };
	static const char *const bad[] = { "",           ".yaml",      ".a.yaml", "a.yaml~",
					   "a.yaml.swp", "a.yaml.tmp", "4913",    "#a.yaml#",
					   "a.YAML",     "yaml",       "a.txt",   "a.yaml.bak",
					   ".git" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!file_name_is_manifest(good[i]))
			fail_msg("\"%s\" does not count", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (file_name_is_manifest(bad[i]))
			fail_msg("\"%s\" counts", bad[i]);
}

/* ---- one file ---- */

static void test_first_scan(void **state UNUSED)
{
	make_dir("sub");
	put("b.yaml", "b");
	put("a.json", "a");
	put("sub/c.yml", "c");
	put("ignored.txt", "x");
	put(".hidden.yaml", "x");
	make_dir(".git");
	put(".git/x.yaml", "x");
	open_watcher(f.dir, false);
	expect("+a.json=a\n+b.yaml=b\n+sub/c.yml=c\n");
	assert_string_equal(f.problem, "");
	assert_string_equal(manifests_watch_kind(f.watcher), "inotify");
}

static void test_write_and_close(void **state UNUSED)
{
	start();
	put("a.yaml", "one");
	expect("+a.yaml=one\n");
	put("a.yaml", "two");
	expect("+a.yaml=two\n");
	put("a.yaml", "two"); /* the same content is no change */
	expect_nothing();
	put("a.yaml", "");
	expect("+a.yaml=\n");
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void test_rename_into_place(void **state UNUSED)
{
	uint64_t took_ns[15];

	start();
	for (size_t i = 0; i < ARRAY_SIZE(took_ns); i++) {
		AUTO_FREE char *content = xasprintf("v%zu", i);
		AUTO_FREE char *expected = xasprintf("+a.yaml=%s\n", content);
		uint64_t start_ns;

		put("a.yaml.tmp", content);
		expect_nothing();
		start_ns = now_ns();
		move("a.yaml.tmp", "a.yaml");
		expect(expected);
		took_ns[i] = f.last_file_ns - start_ns;
	}
	qsort(took_ns, ARRAY_SIZE(took_ns), sizeof(took_ns[0]), compare_u64);
	printf("rename to delivery: median %.2f ms, worst %.2f ms\n",
	       (double)took_ns[ARRAY_SIZE(took_ns) / 2] / 1e6,
	       (double)took_ns[ARRAY_SIZE(took_ns) - 1] / 1e6);
	/* The best of them tells whether an event has told: where none does, it takes seconds. */
	assert_true(took_ns[0] < UINT64_C(1000) * 1000 * 1000);
}

static void test_vim(void **state UNUSED)
{
	put("a.yaml", "one");
	start();
	put("4913", "");
	drop("4913");
	move("a.yaml", "a.yaml~");
	put("a.yaml", "two");
	drop("a.yaml~");
	expect("+a.yaml=two\n");
}

static void test_sed(void **state UNUSED)
{
	put("a.yaml", "one");
	start();
	put("sedAbCdEf", "two");
	move("sedAbCdEf", "a.yaml");
	expect("+a.yaml=two\n");
}

static void test_half_written(void **state UNUSED)
{
	AUTO_FREE char *path = in_dir("a.yaml");
	int fd;

	put("a.yaml", "one");
	start();
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	check(write(fd, "ha", 2) == 2);
	put("other.yaml", "x"); /* causes scans, which must not take up the half */
	expect("+other.yaml=x\n");
	expect_nothing();
	check(write(fd, "lf", 2) == 2);
	close(fd);
	expect("+a.yaml=half\n");
}

/* A file that is being written when we start is known to be there from the first scan on. */
static void test_half_written_at_start(void **state UNUSED)
{
	AUTO_FREE char *path = in_dir("a.yaml");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	check(write(fd, "ha", 2) == 2);
	open_watcher(f.dir, false);
	expect("!a.yaml\n");
	expect_file_error("open for writing");
	close(fd);
	expect("+a.yaml=ha\n");
}

static void test_delete(void **state UNUSED)
{
	put("a.yaml", "a");
	put("b.yaml", "b");
	start();
	drop("a.yaml");
	expect("-a.yaml\n");
	drop("b.yaml"); /* the last one, by itself: an ordinary removal */
	expect("-b.yaml\n");
	assert_string_equal(f.problem, "");
}

static void test_rename_to_other(void **state UNUSED)
{
	put("b.yaml", "same");
	start();
	move("b.yaml", "a.yaml");
	expect("+a.yaml=same\n-b.yaml\n");
	move("a.yaml", "a.txt");
	expect("-a.yaml\n");
}

static void test_hard_link(void **state UNUSED)
{
	AUTO_FREE char *from = in_base("outside");
	AUTO_FREE char *to = in_dir("a.yaml");

	start();
	put_raw(from, "linked");
	check(link(from, to) == 0);
	expect("+a.yaml=linked\n");
}

/* ---- files that cannot be used ---- */

static void test_directory_as_file(void **state UNUSED)
{
	start();
	make_dir("x.yaml");
	expect("!x.yaml\n");
	expect_file_error("is a directory, expected a file");
	put("x.yaml/inner.yaml", "x"); /* not looked into */
	expect_nothing();
}

static void test_dangling_link(void **state UNUSED)
{
	start();
	make_link("nowhere", "a.yaml");
	expect("!a.yaml\n");
	expect_file_error("leads nowhere");
	put("nowhere", "here");
	expect("+a.yaml=here\n");
	drop("nowhere");
	expect("!a.yaml\n");
	make_link("loop.yaml", "loop.yaml");
	expect("!loop.yaml\n");
	expect_file_error("symbolic links");
}

static void test_fifo(void **state UNUSED)
{
	AUTO_FREE char *path = in_dir("a.yaml");

	check(mkfifo(path, 0600) == 0);
	open_watcher(f.dir, false);
	expect("!a.yaml\n");
	expect_file_error("not a regular file");
}

static void test_too_large(void **state UNUSED)
{
	AUTO_FREE char *path = in_dir("a.yaml");

	put("a.yaml", "small");
	start();
	check(truncate(path, MANIFEST_MAX_BYTES + 1) == 0);
	manifests_rescan(f.watcher);
	expect("!a.yaml\n");
	expect_file_error("1048577 bytes, at most 1048576");
	put("a.yaml", "small");
	expect("+a.yaml=small\n");
}

/* The permission bits stop nobody who is root: a child without its rights has to look. */
static void run_as_nobody(void)
{
	check(setgid(65534) == 0 && setuid(65534) == 0);
	open_loop(clock_of_most);
	open_watcher(f.dir, false);
	check(run_until(seen_equals, "!secret.yaml\n", WAIT_MS));
	check(strstr(f.file_error, "Permission denied"));
	manifests_close(f.watcher, on_closed, NULL);
	check(run_until(is_closed, NULL, WAIT_MS));
	close_loop();
	buf_fini(&f.seen);
	_exit(0);
}

static void test_unreadable(void **state UNUSED)
{
	AUTO_FREE char *path = in_dir("secret.yaml");
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	put("secret.yaml", "x");
	check(chmod(path, 0600) == 0 && chmod(f.base, 0755) == 0);
	pid = fork();
	check(pid >= 0);
	if (pid == 0)
		run_as_nobody();
	check(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

static void test_writable_by_others(void **state UNUSED)
{
	AUTO_FREE char *path = in_dir("a.yaml");

	if (geteuid() != 0)
		skip();
	put("a.yaml", "a");
	start();
	check(chmod(path, 0666) == 0);
	expect("!a.yaml\n");
	expect_file_error("chmod go-w");
	check(chmod(path, 0644) == 0);
	expect("+a.yaml=a\n");
	check(chown(path, 65534, 0) == 0);
	expect("!a.yaml\n");
	expect_file_error("belongs to user 65534");
	check(chown(path, 0, 0) == 0);
	expect("+a.yaml=a\n");
	check(chmod(f.dir, 0777) == 0);
	expect("!a.yaml\n");
	expect_file_error("chmod go-w");
	check(chmod(f.dir, 0755) == 0);
	expect("+a.yaml=a\n");
}

/* ---- links ---- */

/* "link" comes to lead to "target" in one step, as git-sync and the kubelet do it. */
static void swap_link(const char *target, const char *link_path)
{
	AUTO_FREE char *temp = xasprintf("%s.new", link_path);

	check(symlink(target, temp) == 0);
	check(rename(temp, link_path) == 0);
}

/* A directory of root's, behind a name in one of another user's, who can point the name elsewhere.
 * Whether it is a link makes no difference, nor whether the last name is that of a file. */
static void test_way_of_others(void **state UNUSED)
{
	static const char *const links[] = { "home/cur", "home/real", "home/cur/sub/..", "via" };
	AUTO_FREE char *home = in_base("home");
	AUTO_FREE char *real = in_base("home/real");
	AUTO_FREE char *sub = in_base("srv/sub");
	AUTO_FREE char *srv = in_base("srv");
	AUTO_FREE char *cur = in_base("home/cur");
	AUTO_FREE char *via = in_base("via");
	AUTO_FREE char *link = in_dir("link");
	AUTO_FREE char *first = in_base("srv/a.yaml"), *second = in_base("home/real/a.yaml");
	const char *files[] = { first, second };

	if (geteuid() != 0)
		skip();
	check(chmod(f.base, 0755) == 0 && mkdir(home, 0755) == 0 && mkdir(real, 0755) == 0 &&
	      mkdir(srv, 0755) == 0 && mkdir(sub, 0755) == 0);
	put_raw(files[0], "a");
	put_raw(files[1], "a");
	check(symlink(srv, cur) == 0 && symlink(cur, via) == 0);
	check(symlink(srv, link) == 0);
	start();
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		AUTO_FREE char *target = in_base(links[i]);

		check(chown(home, 65534, 0) == 0);
		swap_link(target, link);
		expect("!link/a.yaml\n");
		expect_file_error("home belongs to user 65534");
		check(chown(home, 0, 0) == 0);
		expect("+link/a.yaml=a\n");
	}
}

/* The link itself is one's who can write nothing there; and the way to the directory as a whole. */
static void test_link_of_others(void **state UNUSED)
{
	AUTO_FREE char *real = in_base("real.yaml");
	AUTO_FREE char *link = in_dir("a.yaml");

	if (geteuid() != 0)
		skip();
	check(chmod(f.base, 0755) == 0);
	put_raw(real, "a");
	check(symlink(real, link) == 0);
	start();
	check(lchown(link, 65534, 0) == 0);
	expect("!a.yaml\n");
	expect_file_error("symbolic link a.yaml belongs to user 65534");
	check(lchown(link, 0, 0) == 0);
	expect("+a.yaml=a\n");
	check(chown(f.base, 65534, 0) == 0);
	expect("!a.yaml\n");
	check(chown(f.base, 0, 0) == 0);
	expect("+a.yaml=a\n");
}

static void test_git_sync(void **state UNUSED)
{
	AUTO_FREE char *one = in_base("rev-1");
	AUTO_FREE char *two = in_base("rev-2");
	AUTO_FREE char *current = in_base("current");
	AUTO_FREE char *old_file = in_base("rev-1/a.yaml");
	AUTO_FREE char *new_a = in_base("rev-2/a.yaml");
	AUTO_FREE char *new_b = in_base("rev-2/b.yaml");

	check(mkdir(one, 0755) == 0 && mkdir(two, 0755) == 0);
	put_raw(old_file, "one");
	check(symlink("rev-1", current) == 0);
	open_watcher(current, false);
	expect("+a.yaml=one\n");
	put_raw(new_a, "two");
	put_raw(new_b, "new");
	expect_nothing();
	swap_link("rev-2", current);
	check(fs_remove_tree(AT_FDCWD, one, NULL) == 0);
	expect("+a.yaml=two\n+b.yaml=new\n");
	put_raw(new_a, "edited");
	expect("+a.yaml=edited\n");
}

/* The same below the directory: the link and what it leads to are both in it. */
static void test_git_sync_inside(void **state UNUSED)
{
	AUTO_FREE char *current = in_dir("current");

	make_dir(".rev-1");
	make_dir(".rev-2");
	put(".rev-1/a.yaml", "one");
	put(".rev-2/a.yaml", "two");
	check(symlink(".rev-1", current) == 0);
	open_watcher(f.dir, false);
	expect("+current/a.yaml=one\n");
	swap_link(".rev-2", current);
	expect("+current/a.yaml=two\n");
	put(".rev-2/a.yaml", "three");
	expect("+current/a.yaml=three\n");
}

static void test_config_map(void **state UNUSED)
{
	AUTO_FREE char *data = in_dir("..data");
	AUTO_FREE char *old = in_dir("..2024_1");

	make_dir("..2024_1");
	put("..2024_1/x.yaml", "x1");
	put("..2024_1/y.yaml", "y1");
	make_link("..2024_1", "..data");
	make_link("..data/x.yaml", "x.yaml");
	make_link("..data/y.yaml", "y.yaml");
	open_watcher(f.dir, false);
	expect("+x.yaml=x1\n+y.yaml=y1\n");
	make_dir("..2024_2");
	put("..2024_2/x.yaml", "x2");
	put("..2024_2/y.yaml", "y2");
	expect_nothing();
	swap_link("..2024_2", data);
	check(fs_remove_tree(AT_FDCWD, old, NULL) == 0);
	expect("+x.yaml=x2\n+y.yaml=y2\n");
}

static int swap_rounds(const char *data, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		AUTO_FREE char *old = xasprintf("%s/..g%d", f.dir, i);
		AUTO_FREE char *name = xasprintf("..g%d", i + 1);
		AUTO_FREE char *gen = in_dir(name);

		check(mkdir(gen, 0755) == 0);
		for (char c = 'a'; c <= 'd'; c++) {
			AUTO_FREE char *path = xasprintf("%s/%c.yaml", gen, c);
			AUTO_FREE char *text = xasprintf("%d", i + 1);

			put_raw(path, text);
		}
		swap_link(name, data);
		check(fs_remove_tree(AT_FDCWD, old, NULL) == 0);
		usleep(300);
	}
	return 0;
}

static bool last_generation(const void *arg)
{
	return f.seen.data && strstr(f.seen.data, arg);
}

/* However fast the link moves on: the files of one scan are of one generation. */
static void test_one_generation(void **state UNUSED)
{
	enum { ROUNDS = 300 };
	AUTO_FREE char *data = in_dir("..data");
	int status, generation[4] = { 0 };
	pid_t pid;

	make_dir("..g0");
	for (char c = 'a'; c <= 'd'; c++) {
		AUTO_FREE char *file = xasprintf("..g0/%c.yaml", c);
		AUTO_FREE char *target = xasprintf("..data/%c.yaml", c);

		put(file, "0");
		make_link(target, strchr(target, '/') + 1);
	}
	make_link("..g0", "..data");
	start();
	pid = fork();
	check(pid >= 0);
	if (pid == 0)
		_exit(swap_rounds(data, ROUNDS));
	check(run_until(last_generation, "+d.yaml=300\n", 30000));
	check(waitpid(pid, &status, 0) == pid && status == 0);
	for (const char *line = f.seen.data; line && *line; line = strchr(line, '\n') + 1) {
#ifdef __SANITIZE_THREAD__
		if (line[0] == '!') /* scans are so slow that it may lead nowhere in each pass */
			continue;
#endif
		assert_int_equal(line[0], '+');
		generation[line[1] - 'a'] = atoi(strchr(line, '=') + 1);
		if (line[1] == 'd')
			for (int i = 0; i < 3; i++)
				assert_int_equal(generation[i], generation[3]);
	}
	printf("%zu of %d generations were seen\n", f.deliveries / 4, ROUNDS);
}

/* ---- the directory ---- */

static void test_missing_directory(void **state UNUSED)
{
	AUTO_FREE char *deep = in_base("not/there/yet");
	AUTO_FREE char *one = in_base("not");
	AUTO_FREE char *two = in_base("not/there");
	AUTO_FREE char *file = in_base("not/there/yet/a.yaml");

	open_watcher(deep, false);
	expect_problem("does not exist");
	check(mkdir(one, 0755) == 0);
	run_until(NULL, NULL, SETTLE_MS);
	check(mkdir(two, 0755) == 0);
	run_until(NULL, NULL, SETTLE_MS);
	check(mkdir(deep, 0755) == 0);
	run_until(NULL, NULL, SETTLE_MS);
	put_raw(file, "a");
	expect("+a.yaml=a\n");
	assert_string_equal(f.problem, "");
}

static void test_directory_replaced(void **state UNUSED)
{
	AUTO_FREE char *away = in_base("away");

	put("a.yaml", "a");
	put("b.yaml", "b");
	start();
	check(rename(f.dir, away) == 0);
	expect_problem("does not exist");
	check(mkdir(f.dir, 0755) == 0);
	expect("~a.yaml\n~b.yaml\n");
	assert_non_null(strstr(f.hidden, "the manifests directory was replaced"));
	put("a.yaml", "a"); /* the first that is back says nothing about the others */
	expect("+a.yaml=a\n");
	assert_string_equal(f.problem, "");
	put("c.yaml", "c");
	expect("+c.yaml=c\n");
	drop("a.yaml"); /* what came into the new one and goes is an ordinary removal */
	expect("-a.yaml\n");
	put("b.yaml", "b");
	expect("+b.yaml=b\n");
	drop("b.yaml");
	expect("-b.yaml\n");
}

/* One file and another directory: no ordinary removal. */
static void test_directory_replaced_empty(void **state UNUSED)
{
	put("a.yaml", "a");
	start();
	check(fs_remove_tree(AT_FDCWD, f.dir, NULL) == 0);
	check(mkdir(f.dir, 0755) == 0);
	expect("~a.yaml\n");
	put("a.yaml", "a2");
	expect("+a.yaml=a2\n");
}

static void test_directory_is_file(void **state UNUSED)
{
	AUTO_FREE char *path = in_base("file");

	put_raw(path, "x");
	open_watcher(path, false);
	expect_problem("is not a directory");
	check(unlink(path) == 0 && mkdir(path, 0755) == 0);
	wait_scan();
}

/* Whether that is believed is decided by core/desired/hold.c. */
static void test_emptied(void **state UNUSED)
{
	put("a.yaml", "a");
	put("b.yaml", "b");
	start();
	drop("a.yaml");
	drop("b.yaml");
	expect("-a.yaml\n-b.yaml\n");
	put("b.yaml", "b");
	expect("+b.yaml=b\n");
}

/* git-sync's link with a gap between two revisions, the second without one of the files. */
static void test_link_gap(void **state UNUSED)
{
	AUTO_FREE char *rev1 = in_base("rev1");
	AUTO_FREE char *rev2 = in_base("rev2");
	AUTO_FREE char *empty = in_base("empty");

	check(mkdir(rev1, 0755) == 0 && mkdir(rev2, 0755) == 0 && mkdir(empty, 0755) == 0);
	make_link("../rev1", "current");
	put("current/a.yaml", "a");
	put("current/b.yaml", "b");
	put("c.yaml", "c");
	start();
	check(fs_remove_tree(AT_FDCWD, rev1, NULL) == 0);
	expect("~current/a.yaml\n~current/b.yaml\n");
	assert_non_null(
		strstr(f.hidden, "current: the target of the symbolic link does not exist"));
	drop("c.yaml"); /* goes on as usual */
	expect("-c.yaml\n");
	drop("current");
	make_link("../empty", "current");
	expect_nothing();
	put("../rev2/a.yaml", "a");
	drop("current");
	make_link("../rev2", "current");
	expect("+current/a.yaml=a\n-current/b.yaml\n");
}

/* The whole of the new revision is there at once: what it lacks was removed. */
static void test_link_flip(void **state UNUSED)
{
	AUTO_FREE char *rev1 = in_base("rev1");
	AUTO_FREE char *rev2 = in_base("rev2");

	check(mkdir(rev1, 0755) == 0 && mkdir(rev2, 0755) == 0);
	make_link("../rev1", "current");
	make_dir("current/sub");
	put("current/a.yaml", "a");
	put("current/sub/b.yaml", "b");
	start();
	put("../rev2/a.yaml", "a");
	make_link("../rev2", "next");
	expect("+next/a.yaml=a\n");
	move("next", "current");
	expect("-current/sub/b.yaml\n~next/a.yaml\n");
}

/* A directory that goes as a whole, by a name that does not say what it is. */
static void test_directory_goes(void **state UNUSED)
{
	AUTO_FREE char *away = in_base("away");
	AUTO_FREE char *sub = in_dir("sub");

	put("c.yaml", "c");
	make_dir("sub");
	put("sub/a.yaml", "a");
	put("sub/b.yaml", "b");
	start();
	drop("sub/b.yaml");
	expect("-sub/b.yaml\n");
	check(rename(sub, away) == 0);
	expect("~sub/a.yaml\n");
	assert_non_null(strstr(f.hidden, "sub is gone as a whole"));
	check(rename(away, sub) == 0);
	expect("+sub/a.yaml=a\n");
}

static bool may_mount; /* in a mount namespace of our own */

static void test_mounts(void **state UNUSED)
{
	AUTO_FREE char *site = in_dir("site");
	AUTO_FREE char *sub = in_dir("sub");

	if (!may_mount) {
		print_message("skipped: mounting is not allowed here\n");
		skip();
	}
	make_dir("site");
	make_dir("sub");
	check(mount("none", site, "tmpfs", 0, "mode=755") == 0);
	put("c.yaml", "c");
	put("site/a.yaml", "a");
	put("sub/b.yaml", "b");
	start();
	check(umount(site) == 0);
	expect("~site/a.yaml\n");
	assert_non_null(strstr(f.hidden, "mounted or unmounted at site"));
	check(mount("none", sub, "tmpfs", 0, "mode=755") == 0); /* over it: no event of inotify */
	expect("~sub/b.yaml\n");
	put("sub/d.yaml", "d");
	expect("+sub/d.yaml=d\n");
	check(umount(sub) == 0);
	expect("+sub/b.yaml=b\n~sub/d.yaml\n");
}

/* Files of an earlier life that are not there at the first look. */
static void test_expected(void **state UNUSED)
{
	char *paths[] = { (char *)"a.yaml",      (char *)"b.yaml",      (char *)"current/c.yaml",
			  (char *)"gone/d.yaml", (char *)"site/e.yaml", (char *)"site/f.yaml" };
	const struct strv expected = { paths, ARRAY_SIZE(paths) };

	put("b.yaml", "b");
	make_dir("site");
	make_link("nowhere", "current");
	open_expecting(f.dir, &expected);
	expect("-a.yaml\n+b.yaml=b\n~current/c.yaml\n~gone/d.yaml\n~site/e.yaml\n"
	       "~site/f.yaml\n");
	put("site/f.yaml", "f"); /* the first of those that were not there yet */
	expect("+site/f.yaml=f\n");
	drop("site/f.yaml");
	expect("-site/f.yaml\n");
}

/* A new file that is being written is told of at once. */
static void test_pending(void **state UNUSED)
{
	AUTO_FREE char *path = in_dir("a.yaml");
	AUTO_CLOSE int fd = -1;

	start();
	f.shows_pending = true;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	check(fd >= 0);
	expect("?a.yaml\n");
	check(write(fd, "a", 1) == 1);
	close(take_fd(&fd));
	expect("+a.yaml=a\n");
}

static void test_subdirectories(void **state UNUSED)
{
	AUTO_FREE char *outside = in_base("tree");
	AUTO_FREE char *inner = in_base("tree/inner");
	AUTO_FREE char *file = in_base("tree/inner/x.yaml");

	put("a.yaml", "a");
	start();
	make_dir("s");
	put("s/b.yaml", "b"); /* maybe before the watch on it */
	expect("+s/b.yaml=b\n");
	make_dir("s/t");
	run_until(NULL, NULL, SETTLE_MS);
	put("s/t/c.yaml", "c");
	expect("+s/t/c.yaml=c\n");
	check(mkdir(outside, 0755) == 0 && mkdir(inner, 0755) == 0);
	put_raw(file, "x");
	move("../tree", "tree");
	expect("+tree/inner/x.yaml=x\n");
	move("tree", "../tree");
	expect("~tree/inner/x.yaml\n");
}

/* ---- many ---- */

static bool has_delivered(const void *arg)
{
	return f.deliveries >= *(const size_t *)arg;
}

/* Exactly so many, within what a busy machine may need. */
static void expect_deliveries(size_t n)
{
	run_until(has_delivered, &n, WAIT_MS);
	run_until(NULL, NULL, SETTLE_MS);
	assert_int_equal(f.deliveries, n);
}

static void test_many_at_once(void **state UNUSED)
{
	AUTO_FREE char *from = in_base("drop");
	AUTO_FREE char *to = in_dir("drop");
	size_t before;

	check(mkdir(from, 0755) == 0);
	for (int i = 0; i < 300; i++) {
		AUTO_FREE char *path = xasprintf("%s/%03d.yaml", from, i);

		put_raw(path, "x");
	}
	start();
	before = f.scans;
	check(rename(from, to) == 0);
	expect_deliveries(300);
	assert_true(str_starts_with(f.seen.data, "+drop/000.yaml=x\n+drop/001.yaml=x\n"));
	assert_int_equal(f.scans, before + 1);
}

/* Written one by one without a pause they are still few scans. */
static void test_storm(void **state UNUSED)
{
	size_t before;

	start();
	before = f.scans;
	for (int i = 0; i < 300; i++) {
		AUTO_FREE char *name = xasprintf("%03d.yaml", i);

		put(name, "x");
	}
	expect_deliveries(300);
	assert_true(f.scans - before <= 3);
}

static bool delivered(const void *arg)
{
	return f.deliveries >= *(const size_t *)arg && !f.problem[0];
}

static void test_too_many(void **state UNUSED)
{
	const size_t all = 1 + 9999;

	start();
	put("a.yaml", "a");
	expect("+a.yaml=a\n");
	make_dir("many");
	for (int i = 0; i < 10000; i++) {
		AUTO_FREE char *name = xasprintf("many/%05d.yaml", i);
		AUTO_FREE char *path = in_dir(name);

		check(symlink("../a.yaml", path) == 0);
	}
	expect_problem("more than 10000 manifest files");
	f.problem[0] = '\0';
	drop("many/00000.yaml");
	if (!run_until(delivered, &all, WAIT_MS))
		fail_msg("%zu of %zu delivered, problem: %s", f.deliveries, all, f.problem);
	assert_string_equal(f.problem, "");
}

static void test_too_deep(void **state UNUSED)
{
	AUTO_FREE char *path = xstrdup("d");

	put("a.yaml", "a");
	start();
	for (int i = 0; i < 17; i++) {
		AUTO_FREE char *deeper = xasprintf("%s/d", path);

		make_dir(path);
		free(path);
		path = take_ptr(deeper);
	}
	expect_problem("levels of directories");
}

/* Unchanged files are not read again, and links in a circle end. */
static void test_link_circle(void **state UNUSED)
{
	make_dir("s");
	put("s/a.yaml", "a");
	make_link("..", "s/up");
	make_link(".", "self");
	open_watcher(f.dir, false);
	expect("+s/a.yaml=a\n");
}

/* ---- how it watches ---- */

static void test_polling(void **state UNUSED)
{
	put("a.yaml", "a");
	open_watcher(f.dir, true);
	expect("+a.yaml=a\n");
	assert_string_equal(manifests_watch_kind(f.watcher), "polling");
	put("b.yaml", "b");
	expect("+b.yaml=b\n");
	drop("b.yaml");
	expect("-b.yaml\n");
	move("../m", "../away");
	expect_problem("does not exist");
}

/* No inotify instance is left: it polls, and goes back when there is one again. */
static void test_no_instance_left(void **state UNUSED)
{
	no_instance_left = true;
	open_watcher(f.dir, false);
	wait_scan();
	assert_string_equal(manifests_watch_kind(f.watcher), "polling");
	no_instance_left = false;
	manifests_rescan(f.watcher);
	wait_scan();
	assert_string_equal(manifests_watch_kind(f.watcher), "inotify");
	put("a.yaml", "a");
	expect("+a.yaml=a\n");
}

static void test_idle(void **state UNUSED)
{
	size_t before;

	put("a.yaml", "a");
	start();
	put("b.yaml", "b");
	expect("+b.yaml=b\n");
	assert_true(list_empty(&f.loop.timers));
	assert_true(list_empty(&f.loop.work));
	before = f.scans;
	put(".b.yaml.swp", "x"); /* nobody's business: not even a scan */
	put("note.txt", "x");
	put("note.txt", "y");
	run_until(NULL, NULL, SETTLE_MS);
	assert_in_range(f.scans - before, 0,
			1); /* the new name could have been a directory or a link */
	assert_true(list_empty(&f.loop.timers));
}

static void test_rescan(void **state UNUSED)
{
	size_t before;
	unsigned number;

	put("a.yaml", "a");
	open_watcher(f.dir, false);
	number = manifests_rescan(f.watcher); /* while the first one is under way: one more */
	assert_int_equal(manifests_rescan(f.watcher), number);
	before = 0;
	assert_true(run_until(scanned, &before, WAIT_MS));
	assert_int_equal(manifests_last_scan(f.watcher), number - 1);
	before = 1;
	assert_true(run_until(scanned, &before, WAIT_MS));
	run_until(NULL, NULL, SETTLE_MS);
	assert_int_equal(f.scans, 2);
	assert_int_equal(manifests_last_scan(f.watcher), number);
	before = f.scans;
	assert_int_equal(manifests_rescan(f.watcher), number + 1);
	wait_scan();
	assert_int_equal(manifests_last_scan(f.watcher), number + 1);
	assert_int_equal(f.scans, before + 1);
	expect("+a.yaml=a\n");
}

/* Teardown closes during the first scan, and before anything was delivered. */
static void test_close_at_once(void **state UNUSED)
{
	put("a.yaml", "a");
	open_watcher(f.dir, false);
}

/* ---- .kukeonignore ---- */

static void test_ignore(void **state UNUSED)
{
	make_dir("charts");
	make_dir("charts/below");
	put(".kukeonignore", "# not ours\n/charts/\ndocker-compose.yml\n*.json\n!b.json\n");
	put("docker-compose.yml", "x");
	put("charts/below/x.yaml", "x");
	put("a.json", "a");
	put("b.json", "b");
	put("c.yaml", "c");
	open_watcher(f.dir, false);
	expect("+b.json=b\n+c.yaml=c\n");
	put("docker-compose.yml", "y");
	expect_nothing();
	put(".kukeonignore", "c.yaml\n"); /* at once, without a change of any manifest */
	expect("+a.json=a\n-c.yaml\n+charts/below/x.yaml=x\n+docker-compose.yml=y\n");
	put(".kukeonignore.tmp", "charts\n");
	move(".kukeonignore.tmp", ".kukeonignore");
	expect("+c.yaml=c\n-charts/below/x.yaml\n"); /* removed, not hidden */
	drop(".kukeonignore");
	expect("+charts/below/x.yaml=x\n");
}

/* The nearest file that says something decides; what is in an ignored directory is not looked at.
 */
static void test_ignore_below(void **state UNUSED)
{
	make_dir("a");
	make_dir("a/b");
	put(".kukeonignore", "x.yaml\n");
	put("x.yaml", "1");
	put("a/x.yaml", "2");
	put("a/b/x.yaml", "3");
	put("a/b/y.yaml", "4");
	put("a/.kukeonignore", "!/x.yaml\n/b/y.yaml\n");
	open_watcher(f.dir, false);
	expect("+a/x.yaml=2\n");
	make_link("a", "link"); /* the files of a directory are those of the first way to it */
	expect("-a/x.yaml\n+link/x.yaml=2\n");
	put(".kukeonignore", "link/\nx.yaml\n");
	expect("+a/x.yaml=2\n-link/x.yaml\n");
	put(".kukeonignore", "a\nlink\n");
	expect("-a/x.yaml\n+x.yaml=1\n");
	put("a/.kukeonignore", "[\n"); /* nobody reads it */
	expect_nothing();
	assert_string_equal(f.problem, "");
}

/* A file that is not understood says nothing: what was there stays, and nothing else comes. */
static void test_ignore_wrong(void **state UNUSED)
{
	put("a.yaml", "a");
	make_dir("d");
	put("d/b.yaml", "b");
	start();
	put("d/.kukeonignore", "b.yaml\n[\n");
	expect_problem("m/d/.kukeonignore:2: the \"[\" has no \"]\"; nothing in its directory is "
		       "read or deleted until it is put right");
	put("d/c.yaml", "c");
	drop("d/b.yaml");
	expect_nothing();
	put("e.yaml", "e"); /* elsewhere it goes on */
	expect("+e.yaml=e\n");
	put("d/.kukeonignore", "c.*\n");
	expect("-d/b.yaml\n");
	assert_string_equal(f.problem, "");
	drop("d/.kukeonignore");
	expect("+d/c.yaml=c\n");
	make_link("nowhere", "d/.kukeonignore");
	expect_problem("cannot read ");
	drop("d/.kukeonignore");
	wait_scan();
	if (geteuid() == 0) {
		AUTO_FREE char *path = in_dir(".kukeonignore");

		put(".kukeonignore", "a.yaml\n");
		expect("-a.yaml\n");
		check(chmod(path, 0666) == 0);
		expect_problem("can be written by others than root");
	}
}

static void test_ignore_polling(void **state UNUSED)
{
	put("a.yaml", "a");
	open_watcher(f.dir, true);
	expect("+a.yaml=a\n");
	put(".kukeonignore", "*\n");
	expect("-a.yaml\n");
}

/* What a scan of as many files as there may be costs, with patterns and without. */
static void test_ignore_cost(void **state UNUSED)
{
	enum { FILES = 10000, PATTERNS = 100 };
	AUTO_BUF struct buf patterns = { 0 };
	uint64_t began_ns;

	for (int i = 0; i < FILES; i++) {
		AUTO_FREE char *name = xasprintf("f%05d.yaml", i);

		put(name, "x");
	}
	start();
	began_ns = now_ns();
	manifests_rescan(f.watcher);
	wait_scan();
	printf("a scan of %d files: %.0f ms", FILES, (double)(now_ns() - began_ns) / 1e6);
	for (int i = 0; i < PATTERNS; i++)
		buf_printf(&patterns, "other-*-%d/**/x?.yaml\n*-%d.yml\n", i, i);
	buf_add_str(&patterns, "f09999.yaml\n");
	began_ns = now_ns();
	put(".kukeonignore", patterns.data);
	if (!run_until(seen_equals, "-f09999.yaml\n", WAIT_MS))
		fail_msg("delivered: %s", f.seen.data);
	printf(", with %d patterns: %.0f ms\n", 2 * PATTERNS, (double)(now_ns() - began_ns) / 1e6);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define REAL_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup_real, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unreadable), /* forks: before there are threads */
		TEST(test_names),
		REAL_TEST(test_first_scan),
		REAL_TEST(test_write_and_close),
		REAL_TEST(test_rename_into_place),
		TEST(test_vim),
		TEST(test_sed),
		TEST(test_half_written),
		TEST(test_half_written_at_start),
		TEST(test_delete),
		TEST(test_rename_to_other),
		TEST(test_hard_link),
		TEST(test_directory_as_file),
		TEST(test_dangling_link),
		TEST(test_fifo),
		TEST(test_too_large),
		TEST(test_writable_by_others),
		TEST(test_way_of_others),
		TEST(test_link_of_others),
		TEST(test_git_sync),
		TEST(test_git_sync_inside),
		TEST(test_config_map),
		REAL_TEST(test_one_generation),
		TEST(test_missing_directory),
		TEST(test_directory_replaced),
		TEST(test_directory_replaced_empty),
		TEST(test_directory_is_file),
		TEST(test_emptied),
		TEST(test_link_gap),
		TEST(test_link_flip),
		TEST(test_directory_goes),
		TEST(test_expected),
		TEST(test_pending),
		TEST(test_mounts),
		TEST(test_subdirectories),
		TEST(test_many_at_once),
		TEST(test_storm),
		TEST(test_too_many),
		TEST(test_too_deep),
		TEST(test_link_circle),
		REAL_TEST(test_polling),
		TEST(test_no_instance_left),
		TEST(test_idle),
		REAL_TEST(test_rescan),
		REAL_TEST(test_close_at_once),
		TEST(test_ignore),
		TEST(test_ignore_below),
		TEST(test_ignore_wrong),
		TEST(test_ignore_polling),
		TEST(test_ignore_cost),
	};

	umask(022);
	/* Before there is any thread: a namespace is a thread's. */
	may_mount =
		unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
