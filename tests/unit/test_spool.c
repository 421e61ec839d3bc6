/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/logs/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/base/fs.h"
#include "drivers/logs/cell_logs.h"

struct fixture {
	char dir[64];
	char spool[96];
	struct spool_owner owner;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-spool-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->spool, sizeof(f->spool), "%s/.log", f->dir);
	f->owner = (struct spool_owner){ f->spool, "kukeon-default", "s_t_web_root" };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fs_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

static uint64_t make(const struct spool_owner *owner, struct spool_run *ret)
{
	struct log_conf conf = { .dir = (char *)"/logs/web", .max_bytes = 65536, .max_files = 3 };
	struct error err;

	*ret = (struct spool_run)SPOOL_RUN_NONE;
	if (spool_make(owner, &conf, ret, &err) < 0)
		fail_msg("%s", err.msg);
	return ret->number;
}

/* A run whose FIFOs nobody holds open. */
static uint64_t make_run(const struct spool_owner *owner)
{
	struct spool_run run;
	uint64_t number = make(owner, &run);

	spool_run_fini(&run);
	return number;
}

static bool has(const struct fixture *f, uint64_t run, const char *suffix)
{
	AUTO_FREE char *path = xasprintf("%s/%s+%s+%llu.%s", f->spool, f->owner.namespace_,
					 f->owner.id, (unsigned long long)run, suffix);

	return access(path, F_OK) == 0;
}

static size_t count_entries(const struct fixture *f)
{
	AUTO(strv_fini) struct strv entries = { 0 };

	assert_int_equal(spool_list(f->spool, &entries, NULL), 0);
	return entries.n;
}

static void test_run_is_there_as_a_whole(void **state)
{
	struct fixture *f = *state;
	struct spool_run run;
	struct stat st;
	uint64_t first = make(&f->owner, &run);

	assert_true(has(f, first, "out") && has(f, first, "err") && has(f, first, "conf"));
	assert_int_equal(stat(run.out, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(f->spool, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(fcntl(run.fds[0], F_GETPIPE_SZ) >= 64 * 1024);
	assert_true(spool_is_whole(&f->owner, first));
	assert_int_equal(spool_run_of(&f->owner, run.out), first);
	assert_int_equal(spool_run_of(&f->owner, run.err), 0);
	assert_int_equal(spool_run_of(&f->owner, "/dev/null"), 0);
	assert_int_equal(spool_run_of(&f->owner, NULL), 0);
	spool_run_fini(&run);
	assert_true(make_run(&f->owner) > first); /* in the same millisecond, too */
}

/* Whatever a daemon left that was killed at some point: one is kept, the others are done with. */
static void test_all_but_one_end(void **state)
{
	struct fixture *f = *state;
	struct spool_owner other = { f->spool, "kukeon-default", "s_t_web_rooter" };
	uint64_t old = make_run(&f->owner), untold = make_run(&f->owner), on = make_run(&f->owner);
	AUTO_FREE char *conf = xasprintf("%s/%s+%s+%llu.conf", f->spool, f->owner.namespace_,
					 f->owner.id, (unsigned long long)untold);
	AUTO_FREE char *cut_off = xasprintf("%s/.%s+%s+%llu.new", f->spool, f->owner.namespace_,
					    f->owner.id, (unsigned long long)untold);

	make_run(&other);
	assert_int_equal(rename(conf, cut_off), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(spool_end(&f->owner, on, NULL), 0);
		assert_true(has(f, old, "done") && has(f, old, "out") && !has(f, old, "conf"));
		assert_false(has(f, untold, "out") || has(f, untold, "err"));
		assert_int_equal(access(cut_off, F_OK), -1);
		assert_true(spool_is_whole(&f->owner, on));
		assert_int_equal(count_entries(f), 3);
	}
	assert_int_equal(spool_end(&f->owner, 0, NULL), 0);
	assert_true(has(f, on, "done"));
	assert_int_equal(count_entries(f), 3);
}

/* Without kukeon-log nobody is waited for. */
static void test_what_goes_for_good_goes_unread(void **state)
{
	struct fixture *f = *state;
	struct spool_owner other = { f->spool, "kukeon-other", "s_t_web_root" };

	make_run(&f->owner);
	make_run(&f->owner);
	make_run(&other);
	assert_int_equal(spool_clear(&f->owner, 60 * 1000, NULL), 0);
	assert_int_equal(count_entries(f), 1);
	assert_int_equal(spool_clear(&f->owner, 60 * 1000, NULL), 0);
}

static void test_no_spool_is_an_empty_one(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(count_entries(f), 0);
	assert_int_equal(spool_end(&f->owner, 0, NULL), 0);
	assert_int_equal(spool_clear(&f->owner, 0, NULL), 0);
	assert_int_equal(spool_reader(f->spool), 0);
}

static void test_name_that_no_entry_can_have(void **state)
{
	struct fixture *f = *state;
	struct spool_owner bad = { f->spool, "kukeon-default", "a+b" };
	struct log_conf conf = { .dir = (char *)"/logs" };
	struct spool_run run = SPOOL_RUN_NONE;
	struct error err;

	assert_int_equal(spool_make(&bad, &conf, &run, &err), -EINVAL);
	assert_int_equal(count_entries(f), 0);
}

/* Holds the lock as kukeon-log does, until it is killed. */
static void hold_lock(const struct fixture *f, int said)
{
	AUTO_FREE char *path = xasprintf("%s/.lock", f->spool);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX) == 0 && dprintf(fd, "%d\n", getpid()) > 0 &&
	    write(said, "", 1) == 1)
		pause();
	_exit(1);
}

static void test_reader_is_who_holds_the_lock(void **state)
{
	struct fixture *f = *state;
	int pipes[2];
	char byte;
	pid_t pid;

	make_run(&f->owner);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		hold_lock(f, pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	assert_int_equal(spool_reader(f->spool), pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(spool_reader(f->spool), 0);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- log files ---- */

static void put(const struct fixture *f, const char *path)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", f->dir, path);
	AUTO_FREE char *parent = xstrdup(whole);

	*strrchr(parent, '/') = '\0';
	assert_int_equal(fs_make_dirs(parent, 0755, NULL), 0);
	assert_int_equal(fs_write_file_atomic(whole, "x", 1, 0644, NULL), 0);
}

static bool is_there(const struct fixture *f, const char *path)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", f->dir, path);

	return access(whole, F_OK) == 0;
}

static void test_log_files_go_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *logs = xasprintf("%s/logs", f->dir);

	put(f, "logs/r/s/t/web/main/1700000000000.log");
	put(f, "logs/r/s/t/web/main/1700000000000.log.1.zst");
	put(f, "logs/r/s/t/web/side/7.log");
	put(f, "logs/r/s/t/other/main/7.log");
	put(f, "logs/r/s/t/mine/main/7.log");
	put(f, "logs/r/s/t/mine/main/notes");
	assert_int_equal(cell_logs_remove(logs, "r/s/t/web", "main", NULL), 0);
	assert_false(is_there(f, "logs/r/s/t/web/main"));
	assert_true(is_there(f, "logs/r/s/t/web/side/7.log"));
	for (int again = 0; again < 2; again++)
		assert_int_equal(cell_logs_remove(logs, "r/s/t/web", NULL, NULL), 0);
	assert_false(is_there(f, "logs/r/s/t/web"));
	assert_int_equal(cell_logs_remove(logs, "r/s/t/mine", NULL, NULL), 0);
	assert_true(is_there(f, "logs/r/s/t/mine/main/notes"));
	assert_false(is_there(f, "logs/r/s/t/mine/main/7.log"));
	assert_true(is_there(f, "logs/r/s/t/other/main/7.log"));
	assert_int_equal(cell_logs_remove(logs, "r/s/t/other", NULL, NULL), 0);
	assert_false(is_there(f, "logs/r/s/t/other"));
	assert_true(is_there(f, "logs/r"));
}

static void test_log_directory_is_one_daemons(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *logs = xasprintf("%s/logs", f->dir);
	AUTO(strv_fini) struct strv keys = { 0 };
	struct error err;

	assert_int_equal(cell_logs_list(logs, "/opt/a", &keys, &err), 0); /* not there yet */
	put(f, "logs/r/s/t/web/main/7.log");
	put(f, "logs/r/s/file");
	assert_int_equal(cell_logs_list(logs, "/opt/a", &keys, &err), 0);
	assert_int_equal(cell_logs_list(logs, "/opt/b", &keys, &err), 0);
	assert_int_equal(keys.n, 1);
	assert_string_equal(keys.items[0], "r/s/t/web");
	assert_int_equal(cell_logs_list(logs, "/opt/a", &keys, &err), 0);
	assert_int_equal(keys.n, 2);
}

/* A link on the way leads nowhere. */
static void test_links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *logs = xasprintf("%s/logs", f->dir);
	AUTO_FREE char *link = xasprintf("%s/logs/r", f->dir);
	AUTO_FREE char *target = xasprintf("%s/away", f->dir);
	struct error err;

	put(f, "away/s/t/web/main/7.log");
	assert_int_equal(fs_make_dirs(logs, 0755, NULL), 0);
	assert_int_equal(symlink(target, link), 0);
	assert_true(cell_logs_remove(logs, "r/s/t/web", NULL, &err) < 0);
	assert_true(is_there(f, "away/s/t/web/main/7.log"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_run_is_there_as_a_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_but_one_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_goes_for_good_goes_unread, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_spool_is_an_empty_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_that_no_entry_can_have, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_is_who_holds_the_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log_files_go_and_nothing_else, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_log_directory_is_one_daemons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
