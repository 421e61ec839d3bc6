/* SPDX-License-Identifier: Apache-2.0 */
/* One instance for several who watch the same directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/loop/inotify.h"

/* Instances are never used up for real: they belong to the whole machine. */
static unsigned instances;
static bool no_instance_left;

int inotify_init1(int flags)
{
	if (no_instance_left) {
		errno = EMFILE;
		return -1;
	}
	instances++;
	return (int)syscall(SYS_inotify_init1, flags);
}

struct user {
	struct inotify_user inotify;
	unsigned created, deleted, ignored;
	bool leaves; /* in its first event */
};

static struct loop loop;
static char dir[] = "/tmp/kukeon-inotify-XXXXXX";

static void on_event(struct inotify_user *inotify, const struct inotify_event *event)
{
	struct user *user = container_of(inotify, struct user, inotify);

	user->created += (event->mask & IN_CREATE) != 0;
	user->deleted += (event->mask & IN_DELETE) != 0;
	user->ignored += (event->mask & IN_IGNORED) != 0;
	if (user->leaves)
		inotify_leave(inotify);
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&loop.uv, UV_RUN_NOWAIT);
}

static void make_and_remove(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(path), 0);
	turn();
}

static void join(struct user *user)
{
	assert_int_equal(inotify_join(&loop, &user->inotify, on_event), 0);
}

static int setup(void **state)
{
	struct error err;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/kukeon-inotify-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(loop_open(&loop, LOOP_CLOCK_BOOTTIME, &err), 0);
	instances = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	loop_close(&loop);
	rmdir(dir);
	return 0;
}

static void test_two_on_one_directory(void **state)
{
	struct user one = { 0 }, two = { 0 };
	int wd;

	(void)state;
	join(&one);
	join(&two);
	assert_int_equal(instances, 1);
	wd = inotify_watch(&one.inotify, dir, IN_CREATE);
	assert_int_equal(inotify_watch(&two.inotify, dir, IN_DELETE), wd);
	make_and_remove("a");
	assert_int_equal(one.created, 1);
	assert_int_equal(two.deleted, 1);

	inotify_unwatch(&one.inotify, wd);
	make_and_remove("b");
	assert_int_equal(one.created, 1);
	assert_int_equal(two.deleted, 2);

	inotify_leave(&two.inotify);
	make_and_remove("c");
	assert_int_equal(two.deleted, 2);
	inotify_leave(&one.inotify);
	assert_false(inotify_joined(&one.inotify));
}

/* Whoever leaves in the middle of a batch hears nothing more of it. */
static void test_leaves_in_an_event(void **state)
{
	struct user one = { .leaves = true }, two = { 0 };

	(void)state;
	join(&one);
	join(&two);
	assert_true(inotify_watch(&one.inotify, dir, IN_CREATE | IN_DELETE) > 0);
	assert_true(inotify_watch(&two.inotify, dir, IN_CREATE | IN_DELETE) > 0);
	make_and_remove("a");
	assert_int_equal(one.created, 1);
	assert_int_equal(one.deleted, 0);
	assert_int_equal(two.created, 1);
	assert_int_equal(two.deleted, 1);
	inotify_leave(&two.inotify);
}

/* A directory that is made anew has a watch of its own. */
static void test_directory_goes(void **state)
{
	struct user user = { 0 };

	(void)state;
	join(&user);
	assert_true(inotify_watch(&user.inotify, dir, IN_CREATE) > 0);
	assert_int_equal(rmdir(dir), 0);
	turn();
	assert_int_equal(user.ignored, 1);
	assert_int_equal(inotify_watch(&user.inotify, dir, IN_CREATE), -ENOENT);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_true(inotify_watch(&user.inotify, dir, IN_CREATE) > 0);
	make_and_remove("a");
	assert_int_equal(user.created, 1);
	inotify_leave(&user.inotify);
}

static void test_no_instance_left(void **state)
{
	struct user user = { 0 };

	(void)state;
	no_instance_left = true;
	assert_int_equal(inotify_join(&loop, &user.inotify, on_event), -EMFILE);
	assert_false(inotify_joined(&user.inotify));
	inotify_leave(&user.inotify);
	no_instance_left = false;
	join(&user);
	inotify_leave(&user.inotify);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_two_on_one_directory),
		test(test_leaves_in_an_event),
		test(test_directory_goes),
		test(test_no_instance_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
