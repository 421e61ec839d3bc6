/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that look at what may not answer. Here they wait for a file to appear instead. */
#include "core/aside/aside.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <cmocka.h>

#include "core/aside/mountinfo.h"
#include "core/aside/paths.h"
#include "core/base/fs.h"
#include "core/base/str.h"

enum {
	ASKED_AGAIN = 100,
	LATE_MS = 100,
	SOON_MS = 50,
	LONG_MS = 10 * 1000,
	TURN_NS = 5 * 1000 * 1000
};

static char dir[64];

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int setup(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/test-aside-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	aside_end_all();
	return fs_remove_tree(AT_FDCWD, dir, NULL);
}

static char *in_dir(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void touch(const char *name)
{
	AUTO_FREE char *path = in_dir(name);

	assert_int_equal(fs_write_file_atomic(path, "x", 1, 0600, NULL), 0);
}

/* ---- one process ---- */

static void run_add(struct aside_page *page, void *result, const void *ctx)
{
	page->number = 7;
	*(int *)result = *(const int *)ctx + 1;
}

static void test_result(void **state UNUSED)
{
	int before = 41;
	const struct aside aside = {
		.name = "a sum", .run = run_add, .ctx = &before, .result_bytes = sizeof(int)
	};
	AUTO_FREE void *result = NULL;
	struct aside_hang hang;
	struct error err;

	assert_int_equal(aside_run(&aside, &result, &hang, &err), 0);
	assert_int_equal(*(int *)result, 42);
	assert_int_equal(hang.number, 7);
	assert_int_equal(before, 41);
}

static void run_die(struct aside_page *page UNUSED, void *result UNUSED, const void *ctx UNUSED)
{
	raise(SIGKILL);
}

static void test_is_killed(void **state UNUSED)
{
	const struct aside aside = { .name = "nothing", .run = run_die };
	struct error err;

	assert_int_equal(aside_run(&aside, NULL, NULL, &err), -EAGAIN);
}

/* What another thread held when it was forked is never given back in it: that is no filesystem. */
static volatile uint32_t held;

/* As a mutex waits, by system calls alone. */
static void run_lock(struct aside_page *page, void *result UNUSED, const void *ctx UNUSED)
{
	page->number = 1;
	while (held)
		syscall(SYS_futex, (uint32_t *)&held, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
	page->number = 2;
}

/* As the locks of sanitizers do. */
static void run_yield(struct aside_page *page, void *result UNUSED, const void *ctx UNUSED)
{
	page->number = 1;
	while (held)
		syscall(SYS_sched_yield);
	page->number = 2;
}

/* The same on a machine that does not come round to it. */
static void run_spin(struct aside_page *page, void *result UNUSED, const void *ctx UNUSED)
{
	*(volatile size_t *)&page->number = 1; /* nothing but it and what follows would be left */
	while (held)
		;
	page->number = 2;
}

static void test_waits_for_a_lock(void **state UNUSED)
{
	void (*const ways[])(struct aside_page *, void *, const void *) = { run_lock, run_yield,
									    run_spin };

	for (size_t i = 0; i < 3 * ARRAY_SIZE(ways); i++) {
		const struct aside aside = { .name = "a lock",
					     .run = ways[i / 3],
					     .limit_ms = LATE_MS };
		struct aside_hang hang;
		struct error err;

		held = 1;
		assert_int_equal(aside_run(&aside, NULL, &hang, &err), -EAGAIN);
		assert_int_equal(hang.number, 1);
		held = 0;
		assert_int_equal(aside_run(&aside, NULL, &hang, &err), 0);
		assert_int_equal(hang.number, 2);
	}
}

/* Our locks and sockets do not stay open in it. */
static void run_count_files(struct aside_page *page, void *result UNUSED, const void *ctx UNUSED)
{
	for (int fd = 3; fd < 256; fd++)
		page->number += fcntl(fd, F_GETFD) >= 0;
}

static void test_holds_nothing(void **state UNUSED)
{
	const struct aside aside = { .name = "files", .run = run_count_files };
	AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct aside_hang hang;
	struct error err;

	assert_true(fd >= 0);
	assert_int_equal(aside_run(&aside, NULL, &hang, &err), 0);
	assert_int_equal(hang.number, 0);
}

/* ---- one that hangs ---- */

static void run_wait(struct aside_page *page, void *result UNUSED, const void *ctx)
{
	const struct timespec turn = { .tv_nsec = TURN_NS };

	snprintf(page->at, sizeof(page->at), "%s/hung", dir);
	page->number = 3;
	while (access(ctx, F_OK) < 0)
		nanosleep(&turn, NULL);
}

static int wait_for_file(const char *name, const char *file, struct aside_hang *hang,
			 struct error *err)
{
	AUTO_FREE char *path = in_dir(file);
	const struct aside aside = {
		.name = name, .run = run_wait, .ctx = path, .limit_ms = LATE_MS
	};

	return aside_run(&aside, NULL, hang, err);
}

static size_t n_places(void)
{
	struct aside_place *places;
	size_t n = aside_places(&places);

	aside_places_free(places, n);
	return n;
}

static void assert_hangs(int r, const struct error *err)
{
	AUTO_FREE char *text = xasprintf("%s/hung has not answered since 20", dir);

	assert_int_equal(r, -ASIDE_HANGS);
	assert_int_equal(err->code, -ASIDE_HANGS);
	assert_non_null(strstr(err->msg, text));
}

static void test_hangs_once(void **state UNUSED)
{
	struct aside_hang hang;
	struct error first, second;
	uint64_t began_ms;

	assert_hangs(wait_for_file("one", "answer", &hang, &first), &first);
	assert_int_equal(hang.number, 3);
	assert_true(str_ends_with(hang.where, "/hung"));
	assert_int_equal(n_places(), 1);

	/* Told at once from then on, in the same words, and no other process waits. */
	began_ms = now_ms();
	for (int i = 0; i < ASKED_AGAIN; i++)
		assert_hangs(wait_for_file("one", "answer", &hang, &second), &second);
	assert_true(now_ms() - began_ms < ASKED_AGAIN * LATE_MS); /* had they waited */
	assert_int_equal(hang.number, 3);
	assert_string_equal(first.msg, second.msg);
	assert_int_equal(n_places(), 1);

	/* It answers. */
	touch("answer");
	while (n_places() > 0)
		usleep(1000);
	assert_int_equal(wait_for_file("one", "answer", &hang, &first), 0);
}

static int look_at(const char *path, struct path_fact *ret, struct error *err)
{
	return paths_look(&path, 1, PATHS_STAT, ret, NULL, err);
}

/* What leads to a place that hangs is not touched, by whatever path. */
static void test_is_not_touched(void **state UNUSED)
{
	AUTO_FREE char *hung = in_dir("hung"), *below = in_dir("hung/a/b"), *link = in_dir("link"),
		       *beside = in_dir("hungry");
	struct aside_hang hang;
	struct path_fact fact;
	struct error err;
	size_t number;

	assert_int_equal(mkdir(hung, 0700), 0);
	assert_int_equal(mkdir(beside, 0700), 0);
	assert_hangs(wait_for_file("one", "answer", &hang, &err), &err);
	assert_hangs(paths_look((const char *[]){ beside, below }, 2, PATHS_STAT,
				(struct path_fact[2]){ { 0 } }, &number, &err),
		     &err);
	assert_int_equal(number, 1);
	assert_hangs(look_at(hung, &fact, &err), &err);
	assert_int_equal(symlink("hung/../hung/x", link), 0);
	assert_hangs(look_at(link, &fact, &err), &err);
	assert_int_equal(look_at(beside, &fact, &err), 0);
	assert_int_equal(n_places(), 1);
}

static void *run_long(void *ctx)
{
	AUTO_FREE char *path = in_dir("never");
	const struct aside aside = {
		.name = "long", .run = run_wait, .ctx = path, .limit_ms = LONG_MS
	};

	*(int *)ctx = aside_run(&aside, NULL, NULL, NULL);
	return NULL;
}

static void test_give_up(void **state UNUSED)
{
	uint64_t began_ms = now_ms();
	pthread_t thread;
	struct error err;
	int r = 0;

	assert_int_equal(pthread_create(&thread, NULL, run_long, &r), 0);
	usleep(SOON_MS * 1000);
	aside_give_up();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(r, -ECANCELED);
	assert_true(now_ms() - began_ms < LONG_MS);
	assert_int_equal(wait_for_file("one", "answer", NULL, &err), -ECANCELED);
}

/* ---- paths ---- */

static void test_paths(void **state UNUSED)
{
	AUTO_FREE char *file = in_dir("file"), *nowhere = in_dir("nowhere/x"),
		       *below_file = in_dir("file/x"), *link = in_dir("link"),
		       *loop_link = in_dir("loop"), *up = in_dir("../../dev/./null"),
		       *absolute = in_dir("absolute");
	const char *paths[] = { dir,       file, nowhere,     below_file, link,
				loop_link, up,   "/dev/zero", "/",        absolute };
	struct path_fact facts[ARRAY_SIZE(paths)];
	struct error err;

	touch("file");
	assert_int_equal(symlink("file", link), 0);
	assert_int_equal(symlink("loop", loop_link), 0);
	assert_int_equal(symlink(file, absolute), 0);
	for (enum paths_depth depth = PATHS_STAT; depth <= PATHS_READ; depth++) {
		assert_int_equal(paths_look(paths, ARRAY_SIZE(paths), depth, facts, NULL, &err), 0);
		assert_true(S_ISDIR(facts[0].mode));
		assert_true(S_ISREG(facts[1].mode));
		assert_int_equal(facts[1].uid, geteuid());
		assert_int_equal(facts[2].code, -ENOENT);
		assert_int_equal(facts[3].code, -ENOTDIR);
		assert_true(S_ISREG(facts[4].mode));
		assert_int_equal(facts[5].code, -ELOOP);
		assert_true(S_ISCHR(facts[6].mode));
		assert_int_equal(facts[6].rdev, makedev(1, 3));
		assert_int_equal(facts[7].rdev, makedev(1, 5));
		assert_true(S_ISDIR(facts[8].mode));
		assert_true(S_ISREG(facts[9].mode));
	}
	assert_int_equal(paths_look(NULL, 0, PATHS_STAT, NULL, NULL, &err), 0);
}

/* ---- mounts ---- */

static const char table[] =
	"22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
	"23 22 0:22 / /proc rw shared:2 - proc proc rw\n"
	"40 22 0:50 / /mnt rw - tmpfs tmpfs rw\n"
	"41 40 0:51 / /mnt/two\\040words rw,nosuid shared:7 master:3 - xfs /dev/vdb rw\n";

static void assert_mount(const char *text, const char *path, const char *expected)
{
	AUTO_FREE char *found = mountinfo_find_in(text, path);

	assert_string_equal(found ? found : "none", expected);
}

static void test_mounts(void **state UNUSED)
{
	assert_mount(table, "/", "/");
	assert_mount(table, "/srv/x", "/");
	assert_mount(table, "/mnt", "/mnt");
	assert_mount(table, "/mnt/x", "/mnt");
	assert_mount(table, "/mntx", "/");
	assert_mount(table, "/mnt/two words/x/y", "/mnt/two words");
	assert_mount("", "/", "none");
	assert_false(mountinfo_may_hang_in(table));
	assert_false(
		mountinfo_may_hang_in("50 23 0:30 / /proc/sys/fs/binfmt_misc rw - autofs a rw\n"));
	assert_true(mountinfo_may_hang_in("50 22 0:30 / /net rw - autofs a rw\n"));
	assert_true(mountinfo_may_hang_in("50 22 0:30 / /a rw a:1 b:2 - nfs4 srv:/a rw\n"));
	assert_true(mountinfo_may_hang_in("50 22 0:30 / /a rw - fuse.sshfs srv:/a rw\n"));
	assert_true(mountinfo_may_hang_in("50 22 0:30 / /a rw - ext4x /dev/b rw\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_result),           TEST(test_is_killed),      TEST(test_holds_nothing),
		TEST(test_hangs_once),       TEST(test_is_not_touched), TEST(test_give_up),
		TEST(test_waits_for_a_lock), TEST(test_paths),          TEST(test_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
